# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the machine that Ansible runs on: never through sudo, SSH or a node's interpreter, whatever the inventory says."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sysconfig.get_path("scripts"))
# A variable of the inventory beats a keyword such as `become: false`; a variable of the task or the play beats the inventory.
HERE = {
    "ansible_connection": "local",
    "ansible_become": False,
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
}
# The lab needs root, and the Python for which Debian has apt's bindings.
LAB = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}


def found(value: Any, key: str) -> Iterator[dict[str, Any]]:
    """Tasks, blocks and plays with the key, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from found(item, key)
    elif isinstance(value, dict):
        if key in value:
            yield value
        for name in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers"):
            yield from found(value.get(name), key)


def delegated() -> list[tuple[str, dict[str, Any]]]:
    paths = [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("roles/*/handlers/*.yml"), *ROOT.glob("playbooks/**/*.yml")]
    return [
        (f"{path.relative_to(ROOT)}: {task.get('name')}", task)
        for path in sorted(paths)
        for task in found(yaml.safe_load(path.read_text()), "delegate_to")
    ]


@pytest.mark.parametrize(("where", "task"), delegated())
def test_delegated_tasks_stay_on_this_machine(where: str, task: dict[str, Any]) -> None:
    if task["delegate_to"] in ("localhost", "127.0.0.1"):
        assert task.get("become") is False
        assert {name: task.get("vars", {}).get(name) for name in HERE} == HERE


def plays() -> list[tuple[str, dict[str, Any]]]:
    return [
        (path.name, play)
        for path in sorted((ROOT / "playbooks").glob("*.yml"))
        for play in found(yaml.safe_load(path.read_text()), "hosts")
    ]


@pytest.mark.parametrize(("name", "play"), plays())
def test_plays_do_not_need_the_checkouts_settings(name: str, play: dict[str, Any]) -> None:
    """Installed from Galaxy there is no ansible.cfg of ours."""
    assert play["gather_facts"] is False
    if play["hosts"] == "localhost":
        wanted = LAB if name.startswith("lab_") else HERE
        assert {key: play["vars"].get(key) for key in wanted} == wanted
        assert play["connection"] == "local"


INVENTORY: dict[str, Any] = {
    "all": {
        "vars": {
            "ansible_become": True,
            "ansible_become_user": "nobody",
            "ansible_become_exe": "/nonexistent/sudo",
            "ansible_connection": "ssh",
            "ansible_port": 1,
            "ansible_user": "nobody",
            "ansible_python_interpreter": "/nonexistent/python3",
        },
        "hosts": {"node": {"ansible_host": "127.0.0.1"}},
    }
}


@pytest.mark.parametrize(
    "extra", [{}, {"localhost": {"ansible_host": "127.0.0.1"}}], ids=["implicit localhost", "explicit localhost"]
)
def test_connection_of_the_nodes_is_not_that_of_this_machine(extra: dict[str, Any], tmp_path: Path) -> None:
    inventory = json.loads(json.dumps(INVENTORY))
    inventory["all"]["hosts"] |= extra
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    command = {"ansible.builtin.command": {"argv": ["touch"]}, "delegate_to": "localhost", "become": False, "vars": HERE}
    command["ansible.builtin.command"]["argv"].append(str(tmp_path / "delegated"))
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "become": False, "vars": HERE}
    tasks = [{"ansible.builtin.command": {"argv": ["touch", str(tmp_path / "played")]}}]
    playbook = [{"hosts": "node", "gather_facts": False, "tasks": [command]}, {**play, "tasks": tasks}]
    (tmp_path / "play.json").write_text(json.dumps(playbook))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    result = subprocess.run(
        [PROGRAMS / "ansible-playbook", "-i", "hosts.json", "play.json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "delegated").stat().st_uid == (tmp_path / "played").stat().st_uid == os.getuid()
