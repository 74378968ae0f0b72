# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that allow only one run at a time to change a schema.

There are two locks. A named lock in MariaDB excludes runs on other machines. A socket excludes runs on this machine, even after
a run was killed: the migration command inherits the socket, and outlives the run that started it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import socket
import time
from collections.abc import Iterator, Sequence

from ansible_collections.mikumo.openstack.plugins.module_utils._database import Connection, DatabaseError, Execute, opened

__all__ = ["BusyError", "alone"]

# Maximum length of a lock name in MariaDB.
LONGEST = 64
# The connection that holds the lock is idle while the command runs.
SILENCE = 7 * 24 * 3600


class BusyError(DatabaseError):  # type: ignore[misc]
    """Another run holds the lock."""


def _name(database: str) -> str:
    name = f"mikumo_schema_{database}"
    return name if len(name.encode()) <= LONGEST else f"mikumo_schema_{hashlib.sha256(database.encode()).hexdigest()[:40]}"


def _busy(connection: Connection, database: str, wait: float) -> BusyError:
    waited = f"has been working on {connection.of(database)} for {wait:.0f} s" if wait else f"works on {connection.of(database)}"
    return BusyError(f"another run {waited}; see `ps -ef` on the node and `SHOW PROCESSLIST` in MariaDB")


@contextlib.contextmanager
def _on_this_machine(connection: Connection, database: str, deadline: float, wait: float) -> Iterator[int]:
    # A socket in the abstract namespace has no file, and disappears when the last process that holds it ends.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as lock:
        while True:
            try:
                lock.bind(f"\0{_name(database)}")
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                if time.monotonic() >= deadline:
                    raise _busy(connection, database, wait) from None
            time.sleep(0.2)
        yield lock.fileno()


@contextlib.contextmanager
def alone(connection: Connection, databases: Sequence[str], wait: float) -> Iterator[tuple[Execute | None, list[int]]]:
    """Lock these databases of one server. Yields the connection that holds MariaDB's locks (None for SQLite), and the descriptors
    that a command must inherit."""
    deadline = time.monotonic() + wait
    # Always lock in the same order: otherwise two runs could deadlock.
    names = sorted(set(databases))
    with contextlib.ExitStack() as stack:
        descriptors = [stack.enter_context(_on_this_machine(connection, name, deadline, wait)) for name in names]
        execute: Execute | None = None
        if not connection.is_sqlite:
            execute = stack.enter_context(opened(connection.of(names[0])))
            _lock(execute, connection, names, deadline, wait)
        yield execute, descriptors


def _lock(execute: Execute, connection: Connection, names: Sequence[str], deadline: float, wait: float) -> None:
    """Get MariaDB's locks. They end with the connection, whatever happens to this process."""
    execute(f"SET SESSION wait_timeout = {SILENCE}")
    for name in names:
        if execute("SELECT GET_LOCK(%s, %s)", (_name(name), max(0.0, deadline - time.monotonic()))) != [(1,)]:
            raise _busy(connection, name, wait)
