# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mark says, and names in statements. Everything that changes a database is tested with MariaDB, in tests/database."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._database import Connection
from ansible_collections.mikumo.openstack.plugins.module_utils._schema import Revisions
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_contents import Leftovers, quoted
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_creation import Mark
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_lock import BusyError, alone

KNOWN = Revisions({"a": frozenset(), "b": frozenset("a"), "c": frozenset("b")})


def test_mark_says_what_was_written() -> None:
    mark = Mark(frozenset({"c"}), "alembic_version", "glance 'x'", "2026-11-27T20:00:00+00:00", "controller")
    assert Mark.read(mark.comment()) == mark
    assert str(mark) == ("an unfinished creation (of glance 'x' to c, begun at 2026-11-27T20:00:00+00:00 from controller)")


@pytest.mark.parametrize("comment", ["", "made by hand", "[]", "{}", '{"heads": null}', "7"])
def test_mark_that_says_nothing_is_an_old_one(comment: str) -> None:
    assert Mark.read(comment) == Mark()
    assert "an old mark" in str(Mark())


@pytest.mark.parametrize(
    ("aim", "rows", "reached"),
    [
        ({"b"}, {"b"}, True),
        ({"b"}, {"c"}, True),
        ({"b"}, {"a"}, False),
        ({"b"}, set(), False),
        # revisions that the installed scripts do not know any more
        ({"z"}, {"z"}, True),
        ({"z"}, {"b"}, False),
        # complete is complete, whatever was aimed at
        ({"z"}, {"c"}, True),
        (None, {"c"}, True),
        (None, {"b"}, False),
        (None, set(), False),
    ],
)
def test_creation_that_reached_its_end(aim: set[str] | None, rows: set[str], reached: bool) -> None:
    mark = Mark(None if aim is None else frozenset(aim))
    assert mark.reached(KNOWN, frozenset(rows)) is reached


def test_quoted() -> None:
    assert quoted("a`b", "c.d") == "`a``b`.`c.d`"


def test_trigger_that_a_script_names(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions/a.py").write_text("TRIGGER = 'CREATE TRIGGER insert_visibility BEFORE INSERT ON images'\n")
    leftovers = Leftovers(frozenset(), {}, [str(tmp_path)])
    assert leftovers.mention("insert_visibility")
    assert not leftovers.mention("visibility")


def test_lock_of_one_machine_is_free_again(tmp_path: Path) -> None:
    """SQLite, for which there is no server to ask."""
    connection = Connection(f"sqlite:///{tmp_path}/a.db")
    for _ in range(2):
        with alone(connection, [connection.database], 0) as (execute, descriptors):
            assert (execute, len(descriptors)) == (None, 1)
            with pytest.raises(BusyError, match="another run works on database"), alone(connection, [connection.database], 0):
                pass
