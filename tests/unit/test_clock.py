# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far two clocks are apart is said only where it is certain."""

from __future__ import annotations

import pytest

from ansible_collections.mikumo.openstack.plugins.plugin_utils._clock import clock_offset, clock_problem


def test_the_node_was_asked_between_two_moments() -> None:
    assert clock_offset(100.0, 102.0, 103.0) == [-1.0, 2.0]


@pytest.mark.parametrize(
    ("sent", "node", "received"),
    [
        (100, 100.5, 101),
        # a clock that is right, and a connection that takes its time
        (100, 159, 160),
        (100, 101, 160),
        # wrong by less than is allowed
        (100, 110.9, 101),
        (100, 90.1, 101),
        # it may be right: the answer took longer than the clocks differ
        (100, 130, 125),
    ],
)
def test_a_clock_that_may_be_right(sent: float, node: float, received: float) -> None:
    assert clock_problem(clock_offset(sent, node, received), 10) == ""


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (420.0, ["at least 0:05:18", "ahead of"]),
        (-230.0, ["at least 0:05:30", "behind"]),
        (100 + 86400 * 365 * 30, ["days", "ahead of"]),
        (111.6, ["0:00:10", "ahead of"]),
    ],
)
def test_a_clock_that_is_wrong(node: float, words: list[str]) -> None:
    problem = clock_problem(clock_offset(100.0, node, 101.5), 10)
    words = [*words, "10 seconds", "preflight_clock_seconds", "timedatectl"]
    assert [word for word in words if word not in problem] == [], problem
