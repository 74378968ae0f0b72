# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nova_cells finds in Nova's databases, with tables as Nova has them. What nova-manage does is met on the nodes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.mikumo.openstack.plugins.modules import nova_cells

from .conftest import ACCOUNT, Server

TABLES = {
    "nova_api": [
        "CREATE TABLE cell_mappings (uuid VARCHAR(36) NOT NULL, name VARCHAR(255), transport_url TEXT, database_connection TEXT)",
        "CREATE TABLE host_mappings (host VARCHAR(255) NOT NULL)",
    ],
    "nova": ["CREATE TABLE compute_nodes (host VARCHAR(255), deleted INT)"],
}
ONE = "11111111-2222-3333-4444-555555555555"
CELL0 = (nova_cells.CELL0, "cell0", nova_cells.DATABASE + "nova_cell0?{query}")
CELL1 = (ONE, "cell1", nova_cells.DATABASE + "{path}?{query}")
Look = Callable[..., dict[str, Any]]


@pytest.fixture
def look(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Look]:
    for database, statements in TABLES.items():
        server.ask(f"CREATE DATABASE {database}")
        server.ask(f"GRANT ALL ON {database}.* TO {ACCOUNT}@localhost")
        for statement in statements:
            server.ask(statement, database)
    config = tmp_path / "nova.conf"
    config.write_text(f"[database]\nconnection = {server.url('nova')}\n[api_database]\nconnection = {server.url('nova_api')}\n")

    def call(*mappings: tuple[str, str | None, str], hosts: list[str] | None = None, check: bool = True) -> dict[str, Any]:
        server.ask("DELETE FROM cell_mappings", "nova_api")
        for uuid, name, url in mappings:
            named = "NULL" if name is None else f"'{name}'"
            server.ask(f"INSERT INTO cell_mappings VALUES ('{uuid}', {named}, 'none:///', '{url}')", "nova_api")
        arguments = {"config_file": str(config), "hosts": hosts or [], "timeout": 0, "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            nova_cells.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    yield call
    for database in TABLES:
        server.ask(f"DROP DATABASE {database}")
        server.ask(f"REVOKE ALL ON {database}.* FROM {ACCOUNT}@localhost")


def test_cells_that_are_mapped(look: Look) -> None:
    found = look(CELL0, CELL1, check=False)
    assert (found["changed"], found["cells"]) == (False, ["cell0", "cell1"])


def test_cells_that_are_missing(look: Look) -> None:
    found = look(CELL0)
    assert (found["changed"], found["cells"], found["diff"]["before"]) == (True, ["cell0", "cell1"], "cell cell0\n")


@pytest.mark.parametrize("name", [None, "default"])
@pytest.mark.parametrize("url", [CELL1[2], "mysql+pymysql://nova:x@db.example.org/nova?charset=utf8"])
def test_cell_of_another_name_with_the_same_database_is_not_mapped_twice(look: Look, name: str | None, url: str) -> None:
    found = look(CELL0, (ONE, name, url))
    assert (found["changed"], found["cells"]) == (False, sorted(["cell0", name or ONE]))


def test_cell_with_another_database_is_not_ours(look: Look) -> None:
    found = look(CELL0, (ONE, "far", "mysql+pymysql://nova:x@10.0.0.9/nova_far"))
    assert (found["changed"], found["cells"]) == (True, ["cell0", "cell1", "far"])


def test_hosts(look: Look, server: Server) -> None:
    server.ask("INSERT INTO host_mappings VALUES ('one')", "nova_api")
    assert look(CELL0, CELL1, hosts=["one"])["changed"] is False
    assert look(CELL0, CELL1, hosts=["one", "two"])["changed"] is True
    server.ask("INSERT INTO compute_nodes VALUES ('one', 0), ('two', 3)", "nova")
    failed = look(CELL0, CELL1, hosts=["one", "two"], check=False)
    assert "nova-compute on two has not registered within 0 s; known hosts: one" in failed["msg"]
