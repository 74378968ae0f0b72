# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's migration command: runs the statements of revision scripts in order, and notes each revision when it is through.

upgrade.py URL... (a database each), with the directory of the scripts in SCRIPTS. STOP=3 kills it with SIGKILL after three
statements, counted over everything. WAIT=PATH waits before each statement until the file is gone.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql

stop = int(os.environ.get("STOP", "-1"))
done = 0


def scripts() -> list[ModuleType]:
    found = []
    for path in sorted(Path(os.environ["SCRIPTS"]).glob("*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.append(module)
    return found


def run(cursor: pymysql.cursors.Cursor, statement: str) -> None:
    global done  # noqa: PLW0603  # counted over all databases
    if done == stop:
        os.kill(os.getpid(), signal.SIGKILL)
    while Path(os.environ.get("WAIT", "/nonexistent")).exists():
        time.sleep(0.05)
    cursor.execute(statement)
    done += 1


def upgrade(url: str) -> None:
    parts = urlsplit(url)
    connection = pymysql.connect(
        unix_socket=parse_qs(parts.query)["unix_socket"][0],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.removeprefix("/"),
        autocommit=True,
    )
    with connection.cursor() as cursor:
        run(cursor, "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        cursor.execute("SELECT version_num FROM alembic_version")
        rows = [row[0] for row in cursor.fetchall()]
        begun = not rows
        for script in scripts():
            if begun:
                for statement in script.STATEMENTS:
                    run(cursor, statement)
                if script.down_revision:
                    run(cursor, f"UPDATE alembic_version SET version_num = '{script.revision}'")
                else:
                    run(cursor, f"INSERT INTO alembic_version VALUES ('{script.revision}')")
            begun = begun or script.revision in rows
    connection.close()


for database in sys.argv[1:]:
    upgrade(database)
