# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ast
import contextlib
import os
import pwd
import re
import signal
import sqlite3
import subprocess
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import last_lines
from ansible_collections.mikumo.openstack.plugins.module_utils._database import (
    Connection,
    DatabaseError,
    UnreachableError,
    opened,
)

__all__ = [
    "Outcome",
    "Revisions",
    "SchemaError",
    "current_revisions",
    "load_revisions",
    "migrate",
    "revisions_of",
    "run_command",
]

TAIL = 30
NO_SUCH_TABLE = 1146
UNKNOWN_DATABASE = 1049


class SchemaError(DatabaseError):  # type: ignore[misc]
    """A schema that cannot be upgraded to the newest revision."""


# --- the scripts -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Revisions:
    """The graph of revision scripts: each revision with its predecessors, by branch or by dependency."""

    parents: Mapping[str, frozenset[str]]

    @property
    def heads(self) -> frozenset[str]:
        """Return the revisions without a successor, as Alembic leaves them in its table. It has one row per head, and none for
        the head of a branch that another branch's head depends on (as Glance's contract branch does on expand)."""
        followed = frozenset().union(*self.parents.values())
        return frozenset(self.parents) - followed

    def applied(self, rows: frozenset[str]) -> frozenset[str]:
        """Return all revisions that were applied to a database with these rows in its version table."""
        found: set[str] = set()
        pending = [row for row in rows if row in self.parents]
        while pending:
            revision = pending.pop()
            if revision not in found:
                found.add(revision)
                pending.extend(self.parents.get(revision, ()))
        return frozenset(found)

    def unknown(self, rows: frozenset[str]) -> frozenset[str]:
        return rows - frozenset(self.parents)

    def complete(self, rows: frozenset[str]) -> bool:
        return self.heads <= self.applied(rows)


_NAMES = ("revision", "down_revision", "depends_on")
_STATEMENT = re.compile(rb"^(?:revision|down_revision|depends_on)\b[^=\n]*=.*$", re.MULTILINE)


def _parsed(source: bytes, path: Path) -> ast.Module:
    """Parse the script, or only its revision statements if each is one line. Neutron's 150 scripts take long on a slow core."""
    statements: list[bytes] = _STATEMENT.findall(source)
    try:
        short = ast.parse(b"\n".join(statements))
    except (SyntaxError, ValueError):
        short = None
    if short is not None and all(isinstance(getattr(each, "value", None), ast.Constant) for each in short.body):
        known = _assignments(short)
        # If a name occurs twice, one occurrence may be inside a string.
        if len(known) == len(short.body) and ("revision" in known) == ("down_revision" in known):
            return short
    return ast.parse(source, filename=str(path))


def _assignments(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
    return found


def _strings(path: Path, name: str, node: ast.expr | None, known: Mapping[str, ast.expr]) -> frozenset[str]:
    if node is None:
        return frozenset()
    if isinstance(node, ast.Constant):
        if node.value is None:
            return frozenset()
        if isinstance(node.value, str):
            return frozenset({node.value})
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return frozenset().union(*(_strings(path, name, element, known) for element in node.elts))
    if isinstance(node, ast.Name) and node.id in known and known[node.id] is not node:
        return _strings(path, name, known[node.id], known)
    raise SchemaError(f"{path}:{node.lineno}: '{name}' must be a plain string, a tuple of strings or None")


def load_revisions(directories: Sequence[str]) -> Revisions:
    """Read the scripts without importing them: an import would load the whole service, and take as long as the migration."""
    parents: dict[str, frozenset[str]] = {}
    for directory in directories:
        if not Path(directory).is_dir():
            raise UnreachableError(
                f"the directory {directory} of 'migrations' does not exist; "
                "install the service's package first, or correct the path"
            )
        for path in sorted(Path(directory).rglob("*.py")):
            try:
                known = _assignments(_parsed(path.read_bytes(), path))
            except (SyntaxError, ValueError, OSError) as error:
                raise SchemaError(f"{path}: cannot be read as a migration script: {error}") from error
            # env.py, __init__.py and helpers have no revision
            if "revision" not in known or "down_revision" not in known:
                continue
            own, down, depends = (_strings(path, name, known.get(name), known) for name in _NAMES)
            for revision in own:
                if revision in parents:
                    raise SchemaError(f"{path}: the revision {revision} exists twice under 'migrations'")
                parents[revision] = down | depends
    if not parents:
        raise SchemaError(
            f"no migration scripts in {', '.join(directories)}; 'migrations' must list directories with Alembic scripts"
        )
    return Revisions(parents)


# --- revisions in the database ----------------------------------------------------------------------------------------


def _check_table(table: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]+", table):
        raise SchemaError(f"version_table: {table!r} is not a valid table name")
    return table


def _sqlite_revisions(connection: Connection, table: str) -> frozenset[str]:
    path = Path(connection.database)
    if not path.is_file():
        return frozenset()
    database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return frozenset(str(row[0]) for row in database.execute(f"SELECT version_num FROM {table}"))  # noqa: S608
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return frozenset()
        raise SchemaError(f"{connection}: {error}") from error
    finally:
        database.close()


def current_revisions(connection: Connection, version_table: str) -> frozenset[str]:
    """Return the rows of the version table. Empty if the table or the database does not exist."""
    table = _check_table(version_table)
    if connection.is_sqlite:
        return _sqlite_revisions(connection, table)
    try:
        with opened(connection) as execute:
            return frozenset(str(row[0]) for row in execute(f"SELECT version_num FROM {table}"))  # noqa: S608  # checked above
    except DatabaseError as error:
        if error.number in (UNKNOWN_DATABASE, NO_SUCH_TABLE):
            return frozenset()
        raise


# --- the command -----------------------------------------------------------------------------------------------------


def revisions_of(connection: Connection, databases: Sequence[str], version_table: str) -> dict[str, frozenset[str]]:
    """Return the rows of the version tables of these databases on one server. Defaults to the database in the URL."""
    connections = [connection.of(database) for database in databases] or [connection]
    return {each.database: current_revisions(each, version_table) for each in connections}


def _identity(user: str) -> dict[str, t.Any]:
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise SchemaError(f"user {user!r} does not exist on this machine; install the service's package first") from None
    if os.geteuid() == entry.pw_uid:
        return {}
    return {
        "user": entry.pw_uid,
        "group": entry.pw_gid,
        "extra_groups": os.getgrouplist(entry.pw_name, entry.pw_gid),
    }


def run_command(
    command: Sequence[str], user: str | None, environment: Mapping[str, str], timeout: float, inherited: Sequence[int] = ()
) -> None:
    """Run the service's own migration command, without a shell and without the variables of this session.

    inherited: file descriptors that stay open as long as the command runs, even if this process is killed.
    """
    base = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"}
    name = " ".join(command)
    try:
        # AnsibleModule.run_command cannot hand descriptors on.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd="/",
            env={**base, **environment},
            umask=0o027,
            start_new_session=True,
            pass_fds=tuple(inherited),
            **(_identity(user) if user else {}),
        )
    except OSError as error:
        raise SchemaError(f"'{name}' cannot be run: {error.strerror}") from error
    try:
        output, _errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _errors = process.communicate()
        raise SchemaError(
            f"'{name}' did not finish within {timeout:.0f} s and was killed; raise 'timeout' if the database is large. "
            f"The end of its output:\n{last_lines(output, TAIL)}"
        ) from None
    if process.returncode:
        how = f"exit status {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        raise SchemaError(f"'{name}' failed with {how}. The end of its output:\n{last_lines(output, TAIL)}")


# --- together --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    changed: bool
    before: list[str]
    after: list[str]
    heads: list[str]


def _listed(rows: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the rows of the version tables, with the name of the database only if there are several."""
    if len(rows) == 1:
        return sorted(*rows.values())
    return [f"{database}: {row}" for database, found in rows.items() for row in sorted(found)]


class Marked(t.Protocol):
    """A database whose creation has begun and, as far as its mark shows, not ended."""

    def reached(self, known: Revisions, rows: frozenset[str]) -> bool: ...


class Creating(t.Protocol):
    """The interface of _schema_creation to a schema that is being created."""

    def alone(self, wait: float) -> contextlib.AbstractContextManager[Sequence[int]]: ...

    def marks(self) -> Mapping[str, Marked]: ...

    def check(self, known: Revisions, rows: Mapping[str, frozenset[str]]) -> None: ...

    def begin(self, known: Revisions, rows: Mapping[str, frozenset[str]]) -> None: ...

    def end(self) -> None: ...


def migrate(
    *,
    name: str,
    revisions: Callable[[], Revisions],
    current: Callable[[], Mapping[str, frozenset[str]]],
    creation: Callable[[], Creating],
    run: Callable[[Sequence[int]], None],
    wait: float,
    check_mode: bool,
) -> Outcome:
    """Run the command if a database lacks revisions, and make sure that none is missing afterwards."""
    try:
        known = revisions()
        before = current()
        of_databases = creation()
        marks = of_databases.marks()
    except UnreachableError:
        if not check_mode:
            raise
        # An empty machine. The real run will have the missing prerequisites.
        return Outcome(True, [], ["head"], [])
    heads = sorted(known.heads)
    _refuse_unknown(name, known, before)
    # Ignore the remains of an interrupted creation.
    broken_off = any(not mark.reached(known, before.get(database, frozenset())) for database, mark in marks.items())
    found = [] if broken_off else _listed(before)
    if _complete(known, before) and not marks:
        return Outcome(False, found, found, heads)
    if check_mode:
        if broken_off:
            of_databases.check(known, before)
        return Outcome(True, found, _listed(dict.fromkeys(before, known.heads)), heads)
    with of_databases.alone(wait) as inherited:
        # The run that held the lock may have done the work.
        now = current()
        _refuse_unknown(name, known, now)
        if not _complete(known, now):
            of_databases.begin(known, now)
            run(inherited)
        after = current()
        for database, rows in after.items():
            missing = sorted(known.heads - known.applied(rows))
            if missing:
                raise SchemaError(
                    f"{name}: the command succeeded, but the database {database} is at "
                    f"{', '.join(sorted(rows)) or 'no revision'} and lacks {', '.join(missing)}. "
                    "Check that the command uses this database and runs all branches"
                )
        of_databases.end()
    return Outcome(True, found, _listed(after), heads)


def _complete(known: Revisions, found: Mapping[str, frozenset[str]]) -> bool:
    return all(known.complete(rows) for rows in found.values())


def _refuse_unknown(name: str, known: Revisions, found: Mapping[str, frozenset[str]]) -> None:
    for database, rows in found.items():
        unknown = known.unknown(rows)
        if unknown:
            raise SchemaError(
                f"{name}: the database {database} has revision {', '.join(sorted(unknown))}, which does not exist in the "
                f"installed scripts (newest: {', '.join(sorted(known.heads))}). Either a newer release has upgraded the "
                "database, or 'migrations' lacks a directory. A schema cannot be downgraded"
            )
