# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ready.yml says of services that are not alive, with nodes that are this machine, and one that does not answer."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import yaml
from support.playbooks import run_playbook

ROOT = Path(__file__).resolve().parents[2]
LOCAL = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "hosts.yml"
    hosts = {"controller": LOCAL, "compute": LOCAL, "gone": {"ansible_host": "127.0.0.1", "ansible_port": 9}}
    groups = {"controller_nodes": ["controller"], "compute_nodes": ["compute", "gone"]}
    children = {name: {"hosts": dict.fromkeys(members)} for name, members in groups.items()}
    path.write_text(yaml.safe_dump({"all": {"hosts": hosts, "children": children}}))
    return path


def say(site: Path, port: int) -> tuple[int, str]:
    """Exit status and output of the tasks, with Glance on this port. Of ready.yml's play, what they need."""
    (ready,) = yaml.safe_load((ROOT / "playbooks/ready.yml").read_text())
    alive = {"msg": "Not alive after 300 s.", "silent": ["nova-compute on compute", "nova-compute on gone"]}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "any_errors_fatal": ready["any_errors_fatal"],
        "vars": {
            "cloud_services": ["keystone", "glance", "nova"],
            "cloud_api_address": "127.0.0.1",
            "cloud_secrets": {"a": "a-secret"},
        },
        "tasks": [
            {"ansible.builtin.set_fact": {"nodename": "{{ inventory_hostname }}", "cacheable": True}},
            {"ansible.builtin.set_fact": {"__ready_alive": alive}},
            {"ansible.builtin.include_tasks": str(ROOT / "playbooks/tasks/silent.yml")},
        ],
    }
    playbook = site.parent / "play.yml"
    playbook.write_text(yaml.safe_dump([play], sort_keys=False))
    return run_playbook([site], playbook, "-e", f"glance_port={port}", seconds=300)


def test_a_port_that_is_closed_and_a_node_that_is_down(site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as closed:
        port = server.getsockname()[1]
        closed.bind(("127.0.0.1", 0))
        status, output = say(site, closed.getsockname()[1])
        _status, with_glance = say(site, port)
    assert status != 0
    message = output[output.index("Not alive after 300 s.") :]
    words = [
        "of 127.0.0.1 (Glance) refuses compute",
        "of 127.0.0.1 (RabbitMQ)",
        "gone cannot be examined",
        "compute:",
    ]
    assert [word for word in words if word not in message] == [], output[-4000:]
    assert "(Glance)" not in with_glance[with_glance.index("Not alive after 300 s.") :]
    assert "a-secret" not in output
