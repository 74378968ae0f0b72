# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a schema to its newest revision, with the options of a module."""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Mapping

from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import mask
from ansible_collections.mikumo.openstack.plugins.module_utils._database import Connection, DatabaseError, configured_connection
from ansible_collections.mikumo.openstack.plugins.module_utils._schema import (
    Outcome,
    SchemaError,
    load_revisions,
    migrate,
    revisions_of,
    run_command,
)
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_creation import Creation


def _counts(name: str, rows: Mapping[str, t.Any]) -> dict[str, int]:
    for table, count in rows.items():
        if not str(count).isdecimal():
            raise SchemaError(f"{name}: 'inserted_rows' has {table}: {count!r}; give the number of rows, 0 or more")
    return {str(table): int(count) for table, count in rows.items()}


def bring_to_head(
    params: Mapping[str, t.Any], *, check_mode: bool, wait: float, unwritten: Mapping[str, str] | None = None
) -> Outcome:
    """Upgrade the schema to its newest revision, or predict that. A SchemaError names the schema, but shows no password.

    wait: seconds to wait for a server that is not up yet. With 0, check mode predicts a change for such a server.
    unwritten: content that check mode would have written, by path.
    """
    name: str = params["name"]
    secrets = list(params["secrets"])

    # Reading a configuration takes long on a slow core, and several steps ask for it.
    @functools.cache
    def connection() -> Connection:
        if params["connection"]:
            found = Connection(params["connection"], wait)
        else:
            text = (unwritten or {}).get(params["config_file"])
            found = configured_connection(params["config_file"], params["section"], params["option"], wait, text)
        secrets.extend(found.secrets)
        return found

    environment = {str(variable): str(value) for variable, value in params["environment"].items()}
    try:
        return migrate(
            name=name,
            revisions=lambda: load_revisions(params["migrations"]),
            current=lambda: revisions_of(connection(), params["databases"], params["version_table"]),
            creation=lambda: Creation(
                connection(),
                params["databases"],
                schema=name,
                version_table=params["version_table"],
                scripts=params["migrations"],
                rows=_counts(name, params["inserted_rows"]),
                recreate=params["recreate"],
            ),
            wait=params["timeout"],
            run=lambda inherited: run_command(params["command"], params["user"], environment, params["timeout"], inherited),
            check_mode=check_mode,
        )
    except DatabaseError as error:
        message = str(error)
        raise SchemaError(mask(message if message.startswith(f"{name}: ") else f"{name}: {message}", secrets)) from None
