# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The creation of a schema. MariaDB cannot roll back an interrupted creation, because its DDL statements are not transactional.

An interrupted revision would run again from its beginning, and fail on the tables that already exist. An interrupted creation
therefore starts over with an empty database. Two conditions must be met before anything is dropped:

- The database has the mark of a creation that has not reached its target revisions. The mark is a table. It exists from before
  the first revision until after the last, and its comment holds the target revisions.
- The database contains only what a creation leaves behind (_schema_contents), and has no other connections.

If the second condition is not met, the operator decides: `recreate`, or a statement by hand.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import socket
import time
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.mikumo.openstack.plugins.module_utils._database import Connection, Execute, UnreachableError, opened
from ansible_collections.mikumo.openstack.plugins.module_utils._schema import Revisions, SchemaError
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_contents import (
    Contents,
    Leftovers,
    contents_of,
    foreign,
    quoted,
    sessions,
)
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_lock import BusyError, alone

MARK = "mikumo_schema_is_being_created"
# Seconds until the connection of a killed process ends.
GOODBYE = 60
# Object types for DROP, by kind. All other kinds are tables.
DROP = {"VIEW": "VIEW", "SEQUENCE": "SEQUENCE"}


@dataclass(frozen=True)
class Mark:
    """The content of a mark. heads: target revisions, None for an empty mark from an older release."""

    heads: frozenset[str] | None = None
    version_table: str | None = None
    schema: str = ""
    begun: str = ""
    host: str = ""

    @classmethod
    def read(cls, comment: str) -> Mark:
        try:
            said = json.loads(comment)
            return cls(
                frozenset(str(head) for head in said["heads"]),
                str(said["version_table"]),
                str(said["schema"]),
                str(said["begun"]),
                str(said["host"]),
            )
        except (ValueError, KeyError, TypeError):
            return cls()

    def comment(self) -> str:
        return json.dumps(
            {
                "schema": self.schema,
                "version_table": self.version_table,
                "heads": sorted(self.heads or ()),
                "begun": self.begun,
                "host": self.host,
            }
        )

    def reached(self, known: Revisions, rows: frozenset[str]) -> bool:
        """Return whether the creation has completed and only its mark is left."""
        if known.complete(rows):
            return True
        return self.heads is not None and self.heads <= known.applied(rows) | rows

    def __str__(self) -> str:
        if self.heads is None:
            return "an unfinished creation (an old mark, without date and target)"
        aim = ", ".join(sorted(self.heads))
        return f"an unfinished creation (of {self.schema} to {aim}, begun at {self.begun} from {self.host})"


class Creation:
    """The creation of these databases on one server. Leaves SQLite databases alone.

    rows: maximum number of rows that the migration scripts insert, by table. recreate: the operator's consent to drop contents
    that may be somebody's work.
    """

    def __init__(
        self,
        connection: Connection,
        databases: Sequence[str],
        *,
        schema: str,
        version_table: str,
        scripts: Sequence[str] = (),
        rows: Mapping[str, int] | None = None,
        recreate: bool = False,
    ) -> None:
        self._connection = connection
        self._databases = list(databases) or [connection.database]
        self._schema = schema
        self._version_table = version_table
        self._leftovers = Leftovers(frozenset({MARK, version_table}), rows or {}, scripts)
        self._recreate = recreate
        self._execute: Execute | None = None

    @contextlib.contextmanager
    def alone(self, wait: float) -> Iterator[Sequence[int]]:
        """Lock these databases. Yields descriptors that the command must inherit, because it may outlive this process."""
        try:
            with alone(self._connection, self._databases, wait) as (execute, descriptors):
                self._execute = execute
                yield descriptors
        finally:
            self._execute = None

    @property
    def _locked(self) -> Execute:
        """Return the connection that holds the locks. If it is lost, the locks are too, and all further statements fail."""
        if self._execute is None:
            raise RuntimeError("outside of alone()")
        return self._execute

    def marks(self) -> dict[str, Mark]:
        """Return the databases with a mark of this schema."""
        found = {}
        for name in self._databases if not self._connection.is_sqlite else ():
            # A missing database has no mark.
            with contextlib.suppress(UnreachableError), opened(self._connection.of(name)) as execute:
                mark = self._mark(execute, name)
                if mark:
                    found[name] = mark
        return found

    def check(self, known: Revisions, rows: Mapping[str, frozenset[str]]) -> None:
        """Refuse the same databases as begin. Skip the check while another run is at work: the state is not final."""
        with contextlib.suppress(BusyError, UnreachableError), self.alone(0):
            self._plan(known, rows)

    def begin(self, known: Revisions, rows: Mapping[str, frozenset[str]]) -> None:
        """Undo an interrupted creation, remove the mark of a completed one, and mark a new one."""
        for step, database in self._plan(known, rows):
            step(database, known)

    def end(self) -> None:
        for database in self.marks():
            with opened(self._connection.of(database)) as execute:
                execute(f"DROP TABLE IF EXISTS {quoted(database, MARK)}")

    def _mark(self, execute: Execute, database: str) -> Mark | None:
        comments = execute(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_COMMENT FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            (database, MARK),
        )
        for owner, name, comment in comments:
            if (owner, name) == (database, MARK):
                mark = Mark.read(comment or "")
                return mark if mark.version_table in (None, self._version_table) else None
        return None

    def _plan(self, known: Revisions, rows: Mapping[str, frozenset[str]]) -> list[tuple[t.Callable[[str, Revisions], None], str]]:
        """Return the step for each database. Examines all databases before the first change."""
        if self._connection.is_sqlite:
            return []
        execute = self._locked
        plan: list[tuple[t.Callable[[str, Revisions], None], str]] = []
        for database in self._databases:
            contents = contents_of(execute, database)
            mark = self._mark(execute, database)
            if mark is None:
                if not contents.kinds:
                    plan.append((self._new, database))
            elif mark.reached(known, rows.get(database, frozenset())):
                plan.append((self._unmark, database))
            else:
                self._prove(database, contents, mark, rows.get(database, frozenset()))
                plan.append((self._empty, database))
        return plan

    def _prove(self, database: str, contents: Contents, mark: Mark, rows: frozenset[str]) -> None:
        found = foreign(self._locked, database, contents, self._leftovers)
        if found and not self._recreate:
            raise SchemaError(
                f"{self._schema}: the database {database} has the mark of {mark}, and its version table says "
                f"{', '.join(sorted(rows)) or 'nothing'}. It is not emptied for a new start, because it contains more than an "
                f"interrupted creation leaves behind: {'; '.join(found)}. Nothing was changed. Make a backup first: "
                f"`mariadb-dump --databases {database}`. If the database is in use or was completed by hand, remove the mark: "
                f"`DROP TABLE {quoted(database, MARK)}`. If you need nothing in it, run `DROP DATABASE {quoted(database)}` or "
                "set 'recreate: true' for this schema, and run again"
            )

    def _new(self, database: str, known: Revisions) -> None:
        # A single statement is atomic in MariaDB.
        self._locked(f"CREATE TABLE {_quoted_mark(database)} (nothing INT) COMMENT = %s", (self._text(known),))

    def _unmark(self, database: str, _known: Revisions) -> None:
        self._locked(f"DROP TABLE IF EXISTS {quoted(database, MARK)}")

    def _empty(self, database: str, known: Revisions) -> None:
        execute = self._locked
        self._wait_for_others(database)
        contents = contents_of(execute, database)
        # The run that held the lock may have written data.
        if not self._recreate and foreign(execute, database, contents, self._leftovers):
            raise SchemaError(f"{self._schema}: another program has just written to the database {database}; run again")
        execute("SET SESSION FOREIGN_KEY_CHECKS = 0, SESSION lock_wait_timeout = 60")
        # Drop the version table first, so that it never lists more revisions than the database has. Keep the mark in case this
        # is interrupted too.
        for name in sorted(contents.kinds, key=lambda name: name != self._version_table):
            if name != MARK:
                execute(f"DROP {DROP.get(contents.kinds[name], 'TABLE')} {quoted(database, name)}")
        execute(f"ALTER TABLE {_quoted_mark(database)} COMMENT = %s", (self._text(known),))
        execute("SET SESSION FOREIGN_KEY_CHECKS = 1")

    def _wait_for_others(self, database: str) -> None:
        deadline = time.monotonic() + GOODBYE
        while True:
            others = sessions(self._locked, database)
            if not others:
                return
            if time.monotonic() > deadline:
                raise SchemaError(
                    f"{self._schema}: the unfinished creation of the database {database} must start over, but other connections "
                    f"to it have been open for {GOODBYE} s: {', '.join(others)}. Stop the programs that use it "
                    "(`SHOW PROCESSLIST`), and run again"
                )
            time.sleep(0.2)

    def _text(self, known: Revisions) -> str:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return Mark(known.heads, self._version_table, self._schema, now, socket.gethostname()).comment()


def _quoted_mark(database: str) -> str:
    """Quote the mark for a statement with values. There the driver treats % as a placeholder."""
    return str(quoted(database, MARK)).replace("%", "%%")
