# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The creation of a schema, which MariaDB cannot take back when it breaks off: its statements about tables are no transaction.

A revision that broke off in its middle is run again from its beginning, and fails on the tables that are there already. As
long as a schema is being created there is nothing to lose, so an interrupted creation begins again with an empty database.
That it is one is written into the database itself, before the first table and until after the last.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from ansible_collections.mikumo.openstack.plugins.module_utils._database import Connection, UnreachableError, opened
from ansible_collections.mikumo.openstack.plugins.module_utils._schema import SchemaError

MARK = "mikumo_schema_is_being_created"


class Creation:
    """What is known of the creation of these databases of one server. SQLite's are left alone."""

    def __init__(self, connection: Connection, databases: Sequence[str]) -> None:
        self._connections = [connection.of(name) for name in databases] or [connection]

    @contextlib.contextmanager
    def alone(self, wait: float) -> Iterator[None]:
        """Nobody else runs this command on the first of the databases: a killed run's may go on without it."""
        first = self._connections[0]
        if first.is_sqlite:
            yield
            return
        with opened(first) as execute:
            # Ends with the connection, whatever happens to this process.
            if execute("SELECT GET_LOCK(%s, %s)", (f"mikumo_schema_{first.database}"[:64], wait)) != [(1,)]:
                raise SchemaError(f"another run has been working on {first} for {wait:.0f} s; see `ps -ef` on the node")
            yield

    def interrupted(self) -> list[str]:
        """Names of the databases whose creation was begun and not ended."""
        return [one.database for one in self._marked()]

    def begin(self) -> None:
        """An interrupted creation is undone, and a new one marked."""
        for connection in self._connections:
            if connection.is_sqlite:
                continue
            with opened(connection) as execute:
                tables = [row[0] for row in execute("SHOW TABLES")]
                if MARK in tables:
                    execute("SET FOREIGN_KEY_CHECKS = 0")
                    # The mark goes last: if this breaks off as well, it is still there.
                    for table in sorted(tables, key=lambda name: name == MARK):
                        execute(f"DROP TABLE `{table}`")
                    tables = []
                if not tables:
                    execute(f"CREATE TABLE {MARK} (nothing INT)")

    def end(self) -> None:
        for connection in self._marked():
            with opened(connection) as execute:
                execute(f"DROP TABLE {MARK}")

    def _marked(self) -> list[Connection]:
        return [one for one in self._connections if not one.is_sqlite and MARK in _tables(one)]


def _tables(connection: Connection) -> list[str]:
    try:
        with opened(connection) as execute:
            return [row[0] for row in execute("SHOW TABLES")]
    except UnreachableError:
        # A database that is not there.
        return []
