# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creations and upgrades that break off, on a real MariaDB: they end well at last, and no row of a user is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _schema_creation
from ansible_collections.mikumo.openstack.plugins.module_utils._schema import Outcome, SchemaError
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_arguments import ARGUMENTS
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_creation import MARK
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_module import bring_to_head

from .conftest import ACCOUNT, Server

COMMAND = [sys.executable, str(Path(__file__).parent / "on_node" / "upgrade.py")]
# Tables that refer to each other both ways, a row that the scripts insert, and a trigger that a later revision drops.
REVISIONS = {
    "r1": (
        None,
        [
            "CREATE TABLE project (id INT PRIMARY KEY, name VARCHAR(64), owner INT)",
            "INSERT INTO project VALUES (1, 'root', NULL)",
            "CREATE TABLE user (id INT PRIMARY KEY, project INT, CONSTRAINT home FOREIGN KEY (project) REFERENCES project (id))",
        ],
    ),
    "r2": (
        "r1",
        [
            "ALTER TABLE project ADD CONSTRAINT owner FOREIGN KEY (owner) REFERENCES user (id)",
            "CREATE TRIGGER guard BEFORE INSERT ON user FOR EACH ROW SET NEW.project = 1",
            "CREATE TABLE `token` (id INT PRIMARY KEY)",
        ],
    ),
    "r3": ("r2", ["DROP TRIGGER guard", "ALTER TABLE user ADD COLUMN email VARCHAR(64)"]),
}
UPGRADE = {"r4": ("r3", ["CREATE TABLE tag (id INT PRIMARY KEY)", "ALTER TABLE tag ADD COLUMN name VARCHAR(64)"])}
# With the version table and the notes of the revisions.
STATEMENTS = 1 + sum(len(statements) + 1 for _, statements in REVISIONS.values())


class Site:
    """Databases of one service, its scripts, and runs of ours."""

    def __init__(self, server: Server, directory: Path, *databases: str) -> None:
        self.server = server
        self.databases = databases
        self.scripts = directory / "migrations"
        self.wait = directory / "wait"
        self.scripts.mkdir()
        self.publish(REVISIONS)

    def publish(self, revisions: dict[str, tuple[str | None, list[str]]]) -> None:
        """The package with these scripts is installed."""
        for revision, (down, statements) in revisions.items():
            text = f"revision = {revision!r}\ndown_revision = {down!r}\nSTATEMENTS = {statements!r}\n"
            (self.scripts / f"{revision}.py").write_text(text)

    def arguments(self, stop: int = -1, **more: Any) -> dict[str, Any]:
        defaults = {name: option["default"] for name, option in ARGUMENTS.items() if "default" in option}
        return {
            **defaults,
            "name": "identity",
            "config_file": None,
            "user": None,
            "connection": self.server.url(self.databases[0]),
            "databases": list(self.databases),
            "migrations": [str(self.scripts)],
            "command": [*COMMAND, *map(self.server.url, self.databases)],
            "environment": {"SCRIPTS": str(self.scripts), "STOP": str(stop), "WAIT": str(self.wait)},
            "inserted_rows": {"project": 1},
            "timeout": 60,
            **more,
        }

    def run(self, stop: int = -1, check: bool = False, **more: Any) -> Outcome:
        return bring_to_head(self.arguments(stop, **more), check_mode=check, wait=0)

    def break_off(self, stop: int) -> None:
        with pytest.raises(SchemaError, match="signal 9"):
            self.run(stop)

    def process(self, **more: Any) -> subprocess.Popen[bytes]:
        """The module in a process of its own, which can be killed."""
        code = (
            "import json, sys\n"
            "from ansible_collections.mikumo.openstack.plugins.module_utils._schema_module import bring_to_head\n"
            "print(bring_to_head(json.load(sys.stdin), check_mode=False, wait=0))\n"
        )
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin
        process.stdin.write(json.dumps(self.arguments(**more)).encode())
        process.stdin.close()
        process.stdin = None
        return process

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        return self.server.ask(statement, self.databases[0])

    def tables(self, database: str = "") -> set[str]:
        return {row[0] for row in self.server.ask("SHOW TABLES", database or self.databases[0])}

    def at(self) -> list[str]:
        return [row[0] for row in self.ask("SELECT version_num FROM alembic_version")]


NewSite = Callable[..., Site]
WHOLE = {"alembic_version", "project", "user", "token"}


@pytest.fixture
def site_of(server: Server, tmp_path: Path) -> Iterator[NewSite]:
    made: list[str] = []

    def make(*databases: str) -> Site:
        for name in databases:
            quoted = name.replace("`", "``")
            server.ask(f"CREATE DATABASE `{quoted}` CHARACTER SET utf8mb3")
            server.ask(f"GRANT ALL ON `{quoted}`.* TO {ACCOUNT}@localhost")
            made.append(quoted)
        return Site(server, tmp_path, *databases)

    yield make
    # In reverse, as a later one may refer to an earlier one.
    for name in reversed(made):
        server.ask(f"DROP DATABASE IF EXISTS `{name}`")
        server.ask(f"REVOKE ALL ON `{name}`.* FROM {ACCOUNT}@localhost")


@pytest.fixture
def site(site_of: NewSite) -> Site:
    return site_of("identity")


def complete(site: Site) -> None:
    assert site.tables() == WHOLE
    assert site.at() == ["r3"]
    assert site.ask("SELECT id, name FROM project") == [(1, "root")]
    assert not site.run().changed


def test_created_once(site: Site) -> None:
    predicted = site.run(check=True)
    assert site.tables() == set()
    outcome = site.run()
    assert outcome == predicted
    assert (outcome.changed, outcome.before, outcome.after) == (True, [], ["r3"])
    complete(site)


@pytest.mark.parametrize("statement", range(STATEMENTS))
def test_creation_whose_command_is_killed_at_a_statement_begins_again(site: Site, statement: int) -> None:
    site.break_off(statement)
    assert MARK in site.tables()
    predicted = site.run(check=True)
    assert (predicted.changed, predicted.before) == (True, [])
    assert site.run() == predicted
    complete(site)


class Killed(BaseException):
    """The module's process is gone: nothing that it would have done after this happens."""


def test_module_that_is_killed_at_any_of_its_statements_converges(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before, and after, each statement that changes something: emptying, marking, removing the mark."""
    execute = pymysql.cursors.Cursor.execute
    changing = ("DROP", "CREATE", "ALTER")
    left = [0]

    def count(cursor: Any, statement: str, values: Any = None) -> Any:
        if not statement.startswith(changing):
            return execute(cursor, statement, values)
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        result = execute(cursor, statement, values)
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return result

    site.break_off(STATEMENTS - 3)
    kills = 0
    for moment in range(1, 100):
        left[0] = moment
        try:
            with monkeypatch.context() as patch:
                patch.setattr(pymysql.cursors.Cursor, "execute", count)
                site.run()
            break
        except Killed:
            kills += 1
        site.run()
        complete(site)
        site.ask(f"CREATE TABLE {MARK} (nothing INT)")
        site.ask("DELETE FROM alembic_version")
    # Four tables, the mark's text, and its removal.
    assert kills == 12
    complete(site)


@pytest.fixture
def with_data(site: Site) -> Site:
    """A cloud that is used."""
    site.run()
    site.ask("INSERT INTO project VALUES (2, 'demo', NULL)")
    site.ask("INSERT INTO user VALUES (7, 2, 'a@example.org')")
    return site


def data_is_there(site: Site) -> None:
    assert site.ask("SELECT id, project, email FROM user") == [(7, 2, "a@example.org")]
    assert site.ask("SELECT name FROM project ORDER BY id") == [("root",), ("demo",)]


def test_upgrade_after_a_creation_whose_mark_was_left(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the last revision and the removal of the mark; used; and then a new release comes."""
    with monkeypatch.context() as patch:
        patch.setattr(_schema_creation.Creation, "end", lambda self: None)
        site.run()
    assert MARK in site.tables()
    site.ask("INSERT INTO project VALUES (2, 'demo', NULL)")
    site.ask("INSERT INTO user VALUES (7, 2, 'a@example.org')")
    site.publish(UPGRADE)
    predicted = site.run(check=True)
    assert (predicted.before, predicted.after) == (["r3"], ["r4"])
    assert site.run() == predicted
    data_is_there(site)
    assert site.tables() == WHOLE | {"tag"}


def test_mark_of_a_complete_creation_is_removed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(_schema_creation.Creation, "end", lambda self: None)
        site.run()
    site.ask("INSERT INTO user VALUES (7, 1, NULL)")
    assert site.run().changed
    assert site.ask("SELECT id FROM user") == [(7,)]
    assert MARK not in site.tables()
    assert not site.run().changed


def test_upgrade_after_a_creation_that_was_finished_by_hand(site: Site) -> None:
    site.break_off(4)
    # The operator drops what is half made, all but the mark, and runs the service's own command.
    for table in sorted(site.tables() - {MARK}, reverse=True):
        site.ask(f"DROP TABLE {table}")
    subprocess.run([*COMMAND, site.server.url("identity")], env=os.environ | {"SCRIPTS": str(site.scripts)}, check=True)
    site.ask("INSERT INTO project VALUES (2, 'demo', NULL)")
    site.ask("INSERT INTO user VALUES (7, 2, 'a@example.org')")
    site.publish(UPGRADE)
    site.run()
    data_is_there(site)
    assert (site.at(), MARK in site.tables()) == (["r4"], False)


@pytest.mark.parametrize("killed", range(4))
def test_upgrade_of_a_used_database_that_is_killed_loses_nothing(with_data: Site, killed: int) -> None:
    with_data.publish(UPGRADE)
    with_data.break_off(killed)
    data_is_there(with_data)
    assert MARK not in with_data.tables()
    try:
        with_data.run()
    except SchemaError as error:
        assert "already exists" in str(error)  # noqa: PT017  # either is right, by the moment of the kill
        assert killed in (2, 3)
    data_is_there(with_data)


def test_old_mark_and_data_of_a_complete_creation(with_data: Site) -> None:
    with_data.ask(f"CREATE TABLE {MARK} (nothing INT)")
    assert with_data.run().changed
    data_is_there(with_data)
    assert MARK not in with_data.tables()


def test_old_mark_and_data_at_an_upgrade_are_refused_with_advice(with_data: Site) -> None:
    with_data.ask(f"CREATE TABLE {MARK} (nothing INT)")
    with_data.publish(UPGRADE)
    for check in (True, False):
        with pytest.raises(SchemaError) as raised:
            with_data.run(check=check)
        message = str(raised.value)
        for part in (
            "identity: the database identity has the mark of an unfinished creation (an old mark",
            "its version table says r3",
            "table project with more than 1 rows; table user with rows",
            "Nothing was changed",
            "mariadb-dump --databases identity",
            f"DROP TABLE `identity`.`{MARK}`",
            "recreate: true",
        ):
            assert part in message
        data_is_there(with_data)
    # The advice, followed.
    with_data.ask(f"DROP TABLE `identity`.`{MARK}`")
    with_data.run()
    data_is_there(with_data)
    assert with_data.at() == ["r4"]


def test_old_mark_of_an_empty_database_begins_again(site: Site) -> None:
    site.break_off(9)
    site.ask(f"ALTER TABLE {MARK} COMMENT ''")
    site.run()
    complete(site)


def test_half_creation_of_an_older_release_begins_again_with_the_new_one(site: Site) -> None:
    site.break_off(9)
    site.publish(UPGRADE)
    site.run()
    assert (site.at(), site.tables()) == (["r4"], WHOLE | {"tag"})


SOMEBODYS = {
    "INSERT INTO user VALUES (1, 1)": "table user with rows",
    "INSERT INTO project VALUES (2, 'x', NULL)": "table project with more than 1 rows",
    "CREATE TABLE notes AS SELECT 1 AS n": "table notes with rows",
    "CREATE VIEW names AS SELECT name FROM project": "view names",
    "CREATE SEQUENCE numbers": "sequence numbers",
    "CREATE TABLE history (n INT) WITH SYSTEM VERSIONING": "system versioned history",
    "CREATE TRIGGER mine BEFORE INSERT ON project FOR EACH ROW SET NEW.name = 'x'": "trigger mine of project",
}


@pytest.mark.parametrize("statement", SOMEBODYS)
def test_half_creation_with_something_of_somebodys_is_dropped_only_with_consent(site: Site, statement: str) -> None:
    site.break_off(9)
    site.ask(statement)
    before = site.tables()
    with pytest.raises(SchemaError) as raised:
        site.run()
    assert SOMEBODYS[statement] in str(raised.value)
    assert site.tables() == before
    site.run(recreate=True)
    complete(site)


def test_consent_drops_nothing_of_a_database_that_is_not_half_made(with_data: Site) -> None:
    with_data.publish(UPGRADE)
    with_data.run(recreate=True)
    data_is_there(with_data)


def test_references_from_another_database_are_somebodys(site_of: NewSite) -> None:
    site = site_of("identity", "other")
    site.databases = ("identity",)
    site.break_off(9)
    site.server.ask("CREATE TABLE fan (id INT, FOREIGN KEY (id) REFERENCES identity.project (id))", "other")
    with pytest.raises(SchemaError, match=r"references of other\.fan to it"):
        site.run()
    assert "project" in site.tables()


def test_tables_that_were_never_marked_are_never_dropped(site: Site) -> None:
    site.ask("CREATE TABLE project (id INT)")
    for _ in range(2):
        with pytest.raises(SchemaError, match="already exists"):
            site.run(recreate=True)
    assert {"project"} <= site.tables()
    assert MARK not in site.tables()


def test_mark_of_another_schema_in_the_same_database_is_not_ours(site: Site) -> None:
    site.break_off(5)
    with pytest.raises(SchemaError, match="the command succeeded"):
        site.run(version_table="alembic_of_another")
    assert MARK in site.tables()
    site.run()
    complete(site)


def test_who_is_connected_is_named_and_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.break_off(9)
    monkeypatch.setattr(_schema_creation, "GOODBYE", 0.3)
    connection = pymysql.connect(unix_socket=str(site.server.socket), user="root", database="identity")
    # As an ordinary account the module sees its own sessions alone: those of the service.
    site.server.ask(f"GRANT PROCESS ON *.* TO {ACCOUNT}@localhost")
    try:
        with pytest.raises(SchemaError, match=rf"open for \S+ s: {connection.thread_id()} \(root from localhost\)"):
            site.run()
        assert "project" in site.tables()
        monkeypatch.setattr(_schema_creation, "GOODBYE", 30)
        threading.Timer(0.5, connection.close).start()
        site.run()
    finally:
        site.server.ask(f"REVOKE PROCESS ON *.* FROM {ACCOUNT}@localhost")
    complete(site)


@pytest.mark.parametrize("name", ["id-entity", "i d.e;n'tity", "id`ent", "id%sentity", "日本", "x" * 64])
def test_names_of_databases(site_of: NewSite, name: str) -> None:
    site = site_of("plain", name)
    site.databases = (name,)
    # The service's own command only knows names that a URL holds; ours are those of the module.
    site.server.ask("CREATE TABLE alembic_version (version_num VARCHAR(32))", name)
    site.server.ask("INSERT INTO alembic_version VALUES ('r1')", name)
    site.server.ask(f"CREATE TABLE {MARK} (nothing INT)", name)
    site.server.ask("CREATE TABLE `pro``ject %s` (id INT)", name)
    arguments = {"connection": site.server.url("plain"), "command": ["true"]}
    with pytest.raises(SchemaError, match="the command succeeded"):
        site.run(**arguments)
    assert site.tables(name) == {MARK}
    assert '"r3"' in site.server.ask(f"SHOW CREATE TABLE {MARK}", name)[0][1]


def test_names_that_differ_by_case_are_different_databases(site_of: NewSite) -> None:
    site = site_of("Identity", "identity")
    site.databases = ("identity",)
    site.server.ask("CREATE TABLE precious AS SELECT 1 AS n", "Identity")
    site.break_off(9)
    site.run()
    complete(site)
    assert site.tables("Identity") == {"precious"}


def test_several_databases_are_one_creation(site_of: NewSite) -> None:
    """Killed in the second: the first is whole, and what is in it stays."""
    site = site_of("cell1", "cell0")
    site.break_off(STATEMENTS + 4)
    site.ask("INSERT INTO project VALUES (2, 'demo', NULL)")
    outcome = site.run()
    assert outcome.after == ["cell1: r3", "cell0: r3"]
    assert site.ask("SELECT id FROM project") == [(1,), (2,)]
    assert site.tables("cell0") == site.tables("cell1") == WHOLE


def test_nothing_is_dropped_if_one_of_several_databases_is_refused(site_of: NewSite) -> None:
    site = site_of("cell1", "cell0")
    site.break_off(5)
    half = site.tables("cell1")
    site.server.ask("CREATE TABLE precious AS SELECT 1 AS n", "cell0")
    with pytest.raises(SchemaError, match="database cell0 has the mark"):
        site.run()
    assert (site.tables("cell1"), site.tables("cell0")) == (half, {"precious", MARK})


def test_two_runs_at_once_do_it_once(site: Site) -> None:
    site.wait.touch()
    runs = [site.process() for _ in range(2)]
    time.sleep(1)
    # A look in between sees a creation that goes on, and predicts.
    assert site.run(check=True).changed
    site.wait.unlink()
    for one in runs:
        output, _ = one.communicate(timeout=60)
        assert (one.returncode, b"after=['r3']" in output) == (0, True)
    complete(site)


def test_run_that_waits_in_vain_says_so(site: Site) -> None:
    site.wait.touch()
    other = site.process()
    time.sleep(1)
    with pytest.raises(SchemaError, match="another run has been working on database identity"):
        site.run(timeout=1)
    site.wait.unlink()
    other.communicate(timeout=60)
    complete(site)


def test_command_that_outlives_its_run_is_waited_for(site: Site) -> None:
    """SIGKILL for the module alone; its command goes on, and the next run finds its work done."""
    site.wait.touch()
    run = site.process()
    deadline = time.monotonic() + 20
    while not site.server.ask(
        "SELECT 1 FROM information_schema.PROCESSLIST WHERE DB = 'identity' AND COMMAND = 'Sleep' LIMIT 1 OFFSET 1"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.kill()
    run.wait()
    threading.Timer(1, site.wait.unlink).start()
    began = time.monotonic()
    assert site.run().changed
    assert time.monotonic() - began > 0.9
    complete(site)


@pytest.mark.crash
def test_server_that_crashes_in_a_creation(site: Site) -> None:
    site.wait.touch()
    run = site.process()
    time.sleep(1)
    site.wait.unlink()
    time.sleep(0.05)
    site.server.crash()
    run.communicate(timeout=60)
    site.run()
    complete(site)


@pytest.mark.crash
def test_server_that_crashes_with_half_a_creation_and_data(with_data: Site) -> None:
    with_data.ask(f"CREATE TABLE {MARK} (nothing INT)")
    with_data.publish(UPGRADE)
    with_data.server.crash()
    with pytest.raises(SchemaError, match="table user with rows"):
        with_data.run()
    data_is_there(with_data)


def test_password_is_in_no_message(site: Site) -> None:
    site.break_off(9)
    site.ask("INSERT INTO user VALUES (1, 1)")
    with pytest.raises(SchemaError) as raised:
        site.run()
    assert "p@ss" not in str(raised.value)
    assert "p%40ss" not in str(raised.value)
