# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents of a database, and whether dropping them could lose data.

Migration scripts create tables and insert a few known rows. Everything else in a database is somebody's work: more rows, views,
sequences, triggers that no script creates, references from other databases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.mikumo.openstack.plugins.module_utils._database import Execute

__all__ = ["Contents", "Leftovers", "contents_of", "foreign", "quoted", "sessions"]

SHOWN = 8


def quoted(*names: str) -> str:
    """Quote a name for MariaDB's statements. It may contain any characters."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


@dataclass(frozen=True)
class Contents:
    """Kind (as in information_schema) and comment of all objects of a database that share the namespace of tables."""

    kinds: Mapping[str, str]
    comments: Mapping[str, str]

    @property
    def tables(self) -> list[str]:
        return [name for name, kind in self.kinds.items() if kind == "BASE TABLE"]


@dataclass(frozen=True)
class Leftovers:
    """Possible remains of an interrupted creation. tables: any rows; rows: maximum number; scripts: texts that name triggers."""

    tables: frozenset[str]
    rows: Mapping[str, int] = field(default_factory=dict)
    scripts: Sequence[str] = ()

    def mention(self, name: str) -> bool:
        word = re.compile(rf"\b{re.escape(name)}\b")
        paths = (path for directory in self.scripts for path in Path(directory).rglob("*.py"))
        return any(word.search(path.read_text(encoding="utf-8", errors="replace")) for path in paths)


def contents_of(execute: Execute, database: str) -> Contents:
    rows = execute(
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
        (database,),
    )
    # The server compares case-insensitively, but database names are case-sensitive.
    found = [row[1:] for row in rows if row[0] == database]
    return Contents({name: kind for name, kind, _comment in found}, {name: comment or "" for name, _kind, comment in found})


def foreign(execute: Execute, database: str, contents: Contents, leftovers: Leftovers) -> list[str]:
    """Describe the contents of a database that no creation leaves behind."""
    found = []
    for name, kind in sorted(contents.kinds.items()):
        if kind != "BASE TABLE":
            found.append(f"{kind.lower()} {name}")
        elif name not in leftovers.tables:
            most = leftovers.rows.get(name, 0)
            rows = execute(f"SELECT 1 FROM {quoted(database, name)} LIMIT {most + 1}")  # noqa: S608  # quoted
            if len(rows) > most:
                found.append(f"table {name} with {f'more than {most} rows' if most else 'rows'}")
    triggers = execute(
        "SELECT TRIGGER_SCHEMA, TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s",
        (database,),
    )
    found += [
        f"trigger {name} of {table}" for owner, name, table in triggers if owner == database and not leftovers.mention(name)
    ]
    references = execute(
        "SELECT REFERENCED_TABLE_SCHEMA, TABLE_SCHEMA, TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE"
        " WHERE REFERENCED_TABLE_SCHEMA = %s AND TABLE_SCHEMA <> REFERENCED_TABLE_SCHEMA",
        (database,),
    )
    found += [f"references of {other}.{table} to it" for owner, other, table in references if owner == database]
    if len(found) > SHOWN:
        found[SHOWN:] = [f"{len(found) - SHOWN} more"]
    return found


def sessions(execute: Execute, database: str) -> list[str]:
    """Return the other connections to this database that the account may see: at least all of its own."""
    rows = execute(
        "SELECT DB, ID, USER, HOST FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND DB = %s", (database,)
    )
    return [f"{number} ({user} from {host})" for owner, number, user, host in rows if owner == database]
