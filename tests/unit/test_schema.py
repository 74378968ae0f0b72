# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import sqlite3

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _database
from ansible_collections.mikumo.openstack.plugins.module_utils import _schema as schema

EXPAND_CONTRACT = {
    "env.py": "from alembic import context\n",
    "versions/initial.py": "revision = 'base'\ndown_revision = None\n",
    "versions/2024.1/expand/e1.py": (
        "from typing import Union\nrevision: str = 'e1'\ndown_revision: Union[str, None] = 'base'\n"
    ),
    "versions/2024.1/contract/c1.py": "revision = 'c1'\ndown_revision = 'base'\ndepends_on = None\n",
    "versions/2025.1/expand/e2.py": "revision = 'e2'\ndown_revision = ('e1',)\nbranch_labels = ('expand',)\n",
}
GLANCE = {
    "versions/initial.py": "revision = 'liberty'\ndown_revision = None\n",
    "versions/e.py": "revision = 'expand01'\ndown_revision = 'liberty'\nbranch_labels = ('expand',)\n",
    "versions/c.py": "revision = 'contract01'\ndown_revision = 'liberty'\ndepends_on = ('expand01',)\n",
}
LINEAR = {
    "versions/a.py": 'INITIAL = None\nrevision = "a"\ndown_revision = INITIAL\n',
    "versions/b.py": 'revision = "b"\ndown_revision = "a"\n\n\ndef upgrade():\n    raise RuntimeError("imported")\n',
    "versions/merged.py": 'revision = "m"\ndown_revision = ["b"]\n',
}

WRITTEN_OTHERWISE = {
    # What a text says of itself is no statement, also where it looks like one.
    "a.py": "\"\"\"\nrevision = 'no'\ndown_revision = 'never'\n\"\"\"\nrevision = 'a'\ndown_revision = None\n",
    "b.py": "revision = (\n    'b'\n)\ndown_revision = 'a'\n",
    "c.py": "revision = 'c'\ndown_revision = ('b',\n    'a')\n",
    "d.py": "revision = 'd'; x = 1\ndown_revision = 'c'\n",
    "helper.py": "revision = 'not of alembic'\n",
}


def tree(path, scripts):
    for name, text in scripts.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return schema.load_revisions([str(path)])


@pytest.mark.parametrize(
    ("scripts", "heads"),
    [(EXPAND_CONTRACT, {"e2", "c1"}), (GLANCE, {"contract01"}), (LINEAR, {"m"}), (WRITTEN_OTHERWISE, {"d"})],
)
def test_heads(tmp_path, scripts, heads):
    assert tree(tmp_path, scripts).heads == heads


@pytest.mark.parametrize(
    ("rows", "complete"),
    [
        (set(), False),
        ({"base"}, False),
        ({"e2"}, False),
        ({"e1", "c1"}, False),
        ({"e2", "c1"}, True),
        # also if a version of alembic leaves a row that another one implies
        ({"e1", "e2", "c1"}, True),
    ],
)
def test_complete(tmp_path, rows, complete):
    assert tree(tmp_path, EXPAND_CONTRACT).complete(frozenset(rows)) is complete


def test_a_dependency_implies_the_other_branch(tmp_path):
    revisions = tree(tmp_path, GLANCE)
    assert revisions.complete(frozenset({"contract01"}))
    assert revisions.complete(frozenset({"contract01", "expand01"}))
    assert not revisions.complete(frozenset({"expand01"}))


@pytest.mark.parametrize(
    ("scripts", "message"),
    [
        ({"env.py": ""}, "no migration scripts"),
        ({"a.py": "revision = 'a'\ndown_revision = f()\n"}, r"a\.py:2: 'down_revision' must be a plain string"),
        ({"a.py": "revision = "}, r"a\.py: cannot be read"),
        (
            {"a.py": "revision = 'a'\ndown_revision = None\n", "b.py": "revision = 'a'\ndown_revision = None\n"},
            "revision a exists twice",
        ),
    ],
)
def test_bad_scripts(tmp_path, scripts, message):
    with pytest.raises(schema.SchemaError, match=message):
        tree(tmp_path, scripts)


def test_missing_directory(tmp_path):
    with pytest.raises(_database.UnreachableError, match="does not exist"):
        schema.load_revisions([str(tmp_path / "no")])


def test_current_revisions(tmp_path):
    path = tmp_path / "a.db"
    connection = _database.Connection(f"sqlite:///{path}")
    assert schema.current_revisions(connection, "alembic_version") == frozenset()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE other (x INTEGER)")
    database.commit()
    assert schema.current_revisions(connection, "alembic_version") == frozenset()
    database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    database.executemany("INSERT INTO alembic_version VALUES (?)", [("e2",), ("c1",)])
    database.commit()
    database.close()
    assert schema.current_revisions(connection, "alembic_version") == {"e2", "c1"}
    assert schema.revisions_of(connection, [], "alembic_version") == {str(path): {"e2", "c1"}}
    with pytest.raises(schema.SchemaError, match="not a valid table name"):
        schema.current_revisions(connection, "a; drop table b")


class Service:
    """A service with databases that its command brings to what `becomes` says."""

    def __init__(self, revisions, rows, becomes, creation=None):
        self.revisions, self.rows, self.becomes, self.runs = revisions, rows, becomes, 0
        self.creation = creation or Creation()

    def run(self, inherited):
        assert inherited == self.creation.descriptors
        self.runs += 1
        self.rows = self.becomes

    def current(self):
        if isinstance(self.rows, Exception):
            raise self.rows
        return {name: frozenset(rows) for name, rows in self.rows.items()}

    def migrate(self, check_mode=False):
        return schema.migrate(
            name="x",
            revisions=lambda: self.revisions,
            current=self.current,
            creation=lambda: self.creation,
            run=self.run,
            wait=60,
            check_mode=check_mode,
        )


class Mark:
    """Of a creation that has reached its revisions, or not."""

    def __init__(self, ended):
        self.ended = ended

    def reached(self, known, rows):
        return self.ended or known.complete(rows)


class Creation:
    """Of which the steps are remembered. meanwhile: what another run does until it ends. The real one meets MariaDB in
    tests/database."""

    descriptors = (7,)

    def __init__(self, marked=(), meanwhile=lambda: None, ended=False):
        self.marked = dict.fromkeys(marked, Mark(ended))
        self.meanwhile = meanwhile
        self.steps = []

    @contextlib.contextmanager
    def alone(self, wait):
        self.meanwhile()
        yield self.descriptors

    def marks(self):
        return self.marked

    def check(self, known, rows):
        self.steps.append("check")

    def begin(self, known, rows):
        self.steps.append("begin")

    def end(self):
        self.steps.append("end")
        self.marked = {}


HEAD = {"db": {"e2", "c1"}}


def test_migrate_only_if_needed(tmp_path):
    service = Service(tree(tmp_path, EXPAND_CONTRACT), {"db": ()}, HEAD)
    assert service.migrate(check_mode=True).changed
    assert service.runs == 0
    outcome = service.migrate()
    assert (outcome.changed, outcome.before, outcome.after) == (True, [], ["c1", "e2"])
    outcome = service.migrate()
    assert (outcome.changed, outcome.before, service.runs) == (False, ["c1", "e2"], 1)


def test_migrate_begins_a_creation_again_that_broke_off(tmp_path):
    service = Service(tree(tmp_path, LINEAR), {"db": {"a"}}, {"db": {"m"}}, Creation(marked=["db"]))
    predicted = service.migrate(check_mode=True)
    assert (predicted.changed, predicted.before, predicted.after, service.creation.steps) == (True, [], ["m"], ["check"])
    service.creation.steps.clear()
    outcome = service.migrate()
    assert (outcome.changed, outcome.before, outcome.after) == (True, [], ["m"])
    assert (service.runs, service.creation.steps) == (1, ["begin", "end"])


def test_migrate_only_takes_away_the_mark_of_a_creation_that_came_to_its_end(tmp_path):
    service = Service(tree(tmp_path, LINEAR), {"db": {"m"}}, {"db": {"m"}}, Creation(marked=["db"]))
    assert service.migrate().changed
    assert (service.runs, service.creation.steps) == (0, ["end"])
    assert not service.migrate().changed


def test_migrate_upgrades_what_a_creation_has_brought_to_its_own_end(tmp_path):
    """Only its mark was left, and newer scripts have come since."""
    service = Service(tree(tmp_path, LINEAR), {"db": {"a"}}, {"db": {"m"}}, Creation(marked=["db"], ended=True))
    predicted = service.migrate(check_mode=True)
    assert (predicted.before, service.creation.steps) == (["a"], [])
    assert service.migrate().before == ["a"]
    assert service.creation.steps == ["begin", "end"]


def test_migrate_waits_for_another_run_and_leaves_its_work(tmp_path):
    service = Service(tree(tmp_path, LINEAR), {"db": {"a"}}, {"db": {"m"}})
    service.creation = Creation(marked=["db"], meanwhile=lambda: setattr(service, "rows", {"db": {"m"}}))
    assert service.migrate().changed
    assert (service.runs, service.creation.steps) == (0, ["end"])


def test_migrate_leaves_the_mark_when_the_command_breaks_off(tmp_path):
    service = Service(tree(tmp_path, LINEAR), {"db": ()}, {"db": {"a"}})
    with pytest.raises(schema.SchemaError, match="database db is at a and lacks m"):
        service.migrate()
    assert service.creation.steps == ["begin"]


def test_migrate_looks_at_all_databases(tmp_path):
    both = {"nova": {"m"}, "nova_cell0": {"m"}}
    service = Service(tree(tmp_path, LINEAR), {"nova": {"m"}, "nova_cell0": ()}, both)
    outcome = service.migrate()
    assert outcome.changed
    assert outcome.after == ["nova: m", "nova_cell0: m"]
    assert not service.migrate().changed


def test_migrate_verifies(tmp_path):
    service = Service(tree(tmp_path, EXPAND_CONTRACT), {"db": ()}, {"db": {"e2"}})
    with pytest.raises(schema.SchemaError, match="database db is at e2 and lacks c1"):
        service.migrate()


def test_migrate_refuses_a_newer_database(tmp_path):
    service = Service(tree(tmp_path, LINEAR), {"db": {"z9"}}, HEAD)
    with pytest.raises(schema.SchemaError, match="revision z9, which does not exist in the installed scripts"):
        service.migrate()
    assert service.runs == 0


def test_migrate_on_an_empty_machine(tmp_path):
    service = Service(tree(tmp_path, LINEAR), _database.UnreachableError("no server"), HEAD)
    assert service.migrate(check_mode=True).changed
    with pytest.raises(_database.UnreachableError):
        service.migrate()


def test_run_command(tmp_path):
    out = tmp_path / "out"
    schema.run_command(["sh", "-c", f'echo "$X $HOME" > {out}'], None, {"X": "1"}, 10)
    assert out.read_text() == "1 /\n"
    with pytest.raises(schema.SchemaError, match=r"failed with exit status 3.*\nwhy$"):
        schema.run_command(["sh", "-c", "echo why >&2; exit 3"], None, {}, 10)
    with pytest.raises(schema.SchemaError, match="did not finish within 0 s"):
        schema.run_command(["sleep", "10"], None, {}, 0.1)
    with pytest.raises(schema.SchemaError, match="cannot be run: No such file"):
        schema.run_command(["no-such-program"], None, {}, 1)
    # What the command inherits stays open as long as it runs.
    with out.open("w") as stream:
        schema.run_command(["sh", "-c", f"echo kept > /dev/fd/{stream.fileno()}"], None, {}, 10, [stream.fileno()])
    assert out.read_text() == "kept\n"
    with pytest.raises(schema.SchemaError, match="user 'no-such-user' does not exist"):
        schema.run_command(["true"], "no-such-user", {}, 1)
