# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret of the site can be seen where it does not belong: in no journal, log file, process list or output of Ansible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import NODES, ROOT, in_one_line, site_secrets


def test_no_process_showed_a_secret_during_the_first_run(watched: dict[str, list[str]]) -> None:
    if not watched:
        pytest.skip("the first run was not one of these tests")
    assert {node: found for node, found in watched.items() if found} == {}


@pytest.mark.parametrize("node", NODES)
def test_nothing_on_the_node_shows_a_secret(node: str, search: Callable[[str], str]) -> None:
    assert search(node) == ""


def test_ansible_said_no_secret() -> None:
    """All that Ansible has said in these tests, of which the first run with -vvv --diff."""
    log = Path(ROOT, ".cache/lab.log")
    values = {value: name for name, value in in_one_line(site_secrets()).items()}
    found = []
    with log.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            found += [f"{name} in line {number}" for value, name in values.items() if value in line]
    assert found == []
