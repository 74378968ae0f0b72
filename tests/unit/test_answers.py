# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for the answer of a service."""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Callable

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._answers import wait_for_answer


def service(*events: int | Exception) -> Callable[[str], int]:
    """Answers with each event in turn, and with the last one for ever."""
    coming = itertools.chain(events, itertools.repeat(events[-1]))

    def get(_url: str) -> int:
        event = next(coming)
        if isinstance(event, Exception):
            raise event
        return event

    return get


@pytest.mark.parametrize(
    ("events", "tries"),
    [
        ((200,), 1),
        ((300,), 1),
        ((ConnectionRefusedError("refused"), 503, 200), 3),
        ((http.client.RemoteDisconnected("closed"), 200), 2),
    ],
)
def test_ends_with_the_first_good_answer(events: tuple[int | Exception, ...], tries: int) -> None:
    pauses: list[float] = []
    assert wait_for_answer("http://a", 60, get=service(*events), sleep=pauses.append, clock=lambda: 0.0) == ""
    assert len(pauses) == tries - 1


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (500, "status 500"),
        (302, "status 302"),
        (ConnectionRefusedError("refused"), "refused"),
        (TimeoutError("timed out"), "timed out"),
    ],
)
def test_says_what_was_wrong_last(event: int | Exception, words: str) -> None:
    clock = itertools.count(0.0, 10.0)
    assert words in wait_for_answer("http://a", 30, get=service(event), sleep=lambda _pause: None, clock=lambda: next(clock))
