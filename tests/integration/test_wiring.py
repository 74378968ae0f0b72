# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks compute of a site, on hosts that are never asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.playbooks import run_playbook

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["cloud_keystone_url", "cloud_glance_url", "cloud_novncproxy_url", "cloud_transport_url", "cloud_memcached_servers"]
STANDARD = {
    "cloud_keystone_url": "http://192.0.2.1:5000/v3",
    "cloud_glance_url": "http://192.0.2.1:9292",
    "cloud_novncproxy_url": "http://192.0.2.1:6080/vnc.html?autoconnect=true",
    "cloud_transport_url": "rabbit://openstack:pw@192.0.2.1:5672/",
    "cloud_memcached_servers": ["192.0.2.1:11211"],
}


def computed(directory: Path, controller: dict[str, Any]) -> dict[str, Any]:
    """What the compute node gets to know, with these variables of the controller."""
    hosts = {"c": {"cloud_management_address": "192.0.2.1", **controller}, "n": {"cloud_management_address": "192.0.2.2"}}
    children = {"controller_nodes": {"hosts": {"c": None}}, "compute_nodes": {"hosts": {"n": None}}}
    site = {"all": {"hosts": hosts, "children": children, "vars": {"cloud_secrets": {"rabbitmq": "pw"}}}}
    (directory / "hosts.yml").write_text(yaml.safe_dump(site))
    play = {
        "hosts": "n",
        "gather_facts": False,
        "connection": "local",
        "vars_files": [str(ROOT / "playbooks/vars/site.yml")],
        "tasks": [
            {
                "ansible.builtin.copy": {
                    "content": "{{ dict(" + ", ".join(f"{name}={name}" for name in NAMES) + ") | to_json }}",
                    "dest": str(directory / "out.json"),
                    "mode": "0600",
                }
            }
        ],
    }
    (directory / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    status, output = run_playbook([directory / "hosts.yml"], directory / "play.yml", seconds=300)
    assert status == 0, output
    found: dict[str, Any] = json.loads((directory / "out.json").read_text())
    return found


@pytest.mark.parametrize(
    ("controller", "differs"),
    [
        ({}, {}),
        ({"rabbitmq_port": 5673}, {"cloud_transport_url": "rabbit://openstack:pw@192.0.2.1:5673/"}),
        ({"memcached_port": "11311"}, {"cloud_memcached_servers": ["192.0.2.1:11311"]}),
        (
            {"glance_port": 9393, "nova_novncproxy_port": 6081},
            {
                "cloud_glance_url": "http://192.0.2.1:9393",
                "cloud_novncproxy_url": "http://192.0.2.1:6081/vnc.html?autoconnect=true",
            },
        ),
    ],
)
def test_a_port_of_the_controllers_role_reaches_who_asks_there(
    controller: dict[str, Any], differs: dict[str, Any], tmp_path: Path
) -> None:
    assert computed(tmp_path, controller) == STANDARD | differs
