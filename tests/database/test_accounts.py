# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases and the account of a service, as the role `service` makes them."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Server

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sysconfig.get_path("scripts")


@pytest.fixture
def role(server: Server, tmp_path: Path) -> Iterator[Any]:
    def run(password: str = "first") -> dict[str, Any]:
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "tasks": [
                {
                    "ansible.builtin.include_role": {
                        "name": "mikumo.openstack.service",
                        "tasks_from": "databases",
                        "rolespec_validate": False,
                    },
                    "vars": {
                        "service_description": {
                            "name": "shop",
                            "packages": [],
                            "databases": ["shop", "shop_two"],
                            "database_user": "shop",
                            "database_password": password,
                            "database_login": {"login_unix_socket": str(server.socket), "login_user": "root"},
                        },
                    },
                }
            ],
        }
        path = tmp_path / "play.yml"
        path.write_text(json.dumps([play]))
        done = subprocess.run(
            ["ansible-playbook", "-i", "localhost,", "-c", "local", str(path)],
            cwd=ROOT,
            env=os.environ
            | {
                "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
                "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.json",
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
                "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        stats: dict[str, Any] = json.loads(done.stdout)["stats"]["localhost"]
        return stats

    yield run
    for statement in ("DROP DATABASE IF EXISTS shop", "DROP DATABASE IF EXISTS shop_two", "DROP USER IF EXISTS shop"):
        server.ask(statement)


def test_databases_and_rights_that_exist_stay(server: Server, role: Any) -> None:
    # Somebody's database of another encoding, with a row, and somebody's grant.
    server.ask("CREATE DATABASE shop CHARACTER SET utf8mb4")
    server.ask("CREATE TABLE shop.goods AS SELECT 7 AS n")
    server.ask("CREATE USER shop IDENTIFIED BY 'older'")
    server.ask("GRANT SELECT ON mysql.* TO shop")
    assert role()["changed"] == 2
    assert server.ask("SELECT n FROM shop.goods") == [(7,)]
    encodings = (
        "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'shop%' ORDER BY SCHEMA_NAME"
    )
    assert server.ask(encodings) == [("utf8mb4",), ("utf8mb3",)]
    grants = " ".join(row[0] for row in server.ask("SHOW GRANTS FOR shop"))
    for grant in ("SELECT ON `mysql`.*", "ALL PRIVILEGES ON `shop`.*", "ALL PRIVILEGES ON `shop_two`.*"):
        assert grant in grants
    assert role()["changed"] == 0
    assert role("second")["changed"] == 1
    assert "`mysql`.*" in " ".join(row[0] for row in server.ask("SHOW GRANTS FOR shop"))
