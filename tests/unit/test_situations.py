# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests that docs/situations.md names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHORT = {"bad_input": "integration/test_bad_input", "schema_creation": "database/test_schema_creation"}
ROWS = [
    line.strip("| ").split(" | ")
    for line in (ROOT / "docs/situations.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith(("| situation", "| ---"))
]


def named(cell: str) -> list[tuple[Path, str]]:
    """Files and functions. A part that begins with :: is in the file before it."""
    found: list[tuple[Path, str]] = []
    path = Path()
    for part in re.split(r"[;,] ", re.sub(r"(molecule )?`[^`]*`", "", cell)):
        file, _colons, function = part.strip().partition("::")
        if file:
            name = SHORT.get(file, file if "/" in file else f"unit/{file}")
            path = ROOT / f"tests/{name}.py"
        if file or function:
            found.append((path, function))
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_row_names_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 3
    scenarios = re.findall(r"molecule `(\w+)`", row[2])
    scripts = re.findall(r"`(scripts/[a-z-]+)`", row[2])
    assert [name for name in scenarios if not (ROOT / "molecule" / name / "molecule.yml").exists()] == []
    assert [name for name in scripts if not (ROOT / name).exists()] == []
    tests = named(row[2])
    assert tests or scenarios or scripts or "make " in row[2], "a situation has a test"
    for path, function in tests:
        assert path.exists(), path
        assert f"def {function}(" in path.read_text() or not function, f"{path.name} has no {function}"


def test_there_is_something_to_look_at() -> None:
    assert len(ROWS) > 50
