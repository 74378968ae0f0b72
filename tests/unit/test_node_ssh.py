# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/node-ssh, and with it Testinfra, reach a node as Ansible does, whichever of its variables the inventory uses."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOSTS: dict[str, dict[str, Any]] = {
    "all of them": {
        "ansible_host": "{{ '192.0.2.' ~ last }}",
        "ansible_port": 2222,
        "ansible_user": "debian",
        "ansible_ssh_private_key_file": "/keys/a key",
        "ansible_ssh_common_args": "-o ProxyJump=jump@198.51.100.1:2200",
        "ansible_ssh_extra_args": "-o LogLevel=ERROR",
        "last": 7,
    },
    "older names": {"ansible_ssh_host": "192.0.2.8", "ansible_ssh_port": 23, "ansible_ssh_user": "joe"},
    "node.example.org": {},
    "with a password": {"ansible_host": "192.0.2.9", "ansible_password": "not-a-secret"},
    "here": {"ansible_connection": "local", "last": 9},
    "v6": {"ansible_host": "2001:db8::1"},
}
# Words that the command has to have, in this order.
WANTED = {
    "all of them": [
        "Port=2222",
        'IdentityFile="/keys/a key"',
        'User="debian"',
        "ProxyJump=jump@198.51.100.1:2200",
        "LogLevel=ERROR",
        "192.0.2.7",
    ],
    "older names": ["Port=23", 'User="joe"', "192.0.2.8"],
    "node.example.org": ["node.example.org"],
    "with a password": ["192.0.2.9"],
    "v6": ["2001:db8::1"],
    "here": [],
}


def node_ssh(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment["PATH"] = f"{sysconfig.get_path('scripts')}:{environment['PATH']}"
    return subprocess.run(
        [ROOT / "scripts/node-ssh", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def inventory(directory: Path, hosts: dict[str, dict[str, Any]]) -> str:
    path = directory / "hosts.json"
    path.write_text(json.dumps({"all": {"hosts": hosts}}))
    return str(path)


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("inventory")
    result = node_ssh("--json", inventory(place, HOSTS), "all", '{"value": "{{ last | default(0) }}"}', cwd=place)
    assert result.returncode == 0, result.stdout + result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("name", WANTED)
def test_command_has_what_the_inventory_says(name: str, ways: dict[str, Any]) -> None:
    words = iter(ways[name]["command"])
    assert [word for word in WANTED[name] if word not in words] == []
    assert list(words) == []


def test_local_nodes_and_values(ways: dict[str, Any]) -> None:
    assert [name for name, way in ways.items() if way["local"]] == ["here"]
    assert {name: way["values"]["value"] for name, way in ways.items() if way["values"]["value"]} == {"all of them": 7, "here": 9}
    assert "not-a-secret" not in json.dumps(ways)


def test_shell_runs_through_the_ssh_of_the_inventory(tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    ssh.chmod(0o755)
    hosts = {"node": {"ansible_host": "192.0.2.7", "ansible_ssh_executable": str(ssh)}, "here": {"ansible_connection": "local"}}
    path = inventory(tmp_path, hosts)
    words = node_ssh(path, "node", "id", "-un", cwd=tmp_path).stdout.splitlines()
    assert words[-3:] == ["192.0.2.7", "id", "-un"]
    assert node_ssh(path, "here", "echo", "it is $((1 + 1))", cwd=tmp_path).stdout == "it is 2\n"


def test_what_is_no_node(tmp_path: Path) -> None:
    path = inventory(tmp_path, {"a": {"ansible_connection": "local"}, "b": {"ansible_connection": "local"}})
    nothing = node_ssh(path, "c", cwd=tmp_path)
    assert nothing.returncode != 0
    assert "no node 'c'" in nothing.stderr
    several = node_ssh(path, "all", cwd=tmp_path)
    assert several.returncode != 0
    assert "a, b" in several.stderr
