# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall that the playbooks compute for a node, on hosts that are never asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .test_wiring import computed

NETWORKS = {
    "cloud_services": ["keystone", "glance", "placement", "nova", "neutron"],
    "cloud_tenant_network_type": "vxlan",
    "cloud_management_network": "192.0.2.0/24",
    "cloud_tunnel_network": "198.51.100.0/24",
}


@pytest.mark.parametrize("wanted", [{}, {"cloud_firewall": False}, {"cloud_firewall": True}], ids=str)
def test_a_compute_node(wanted: dict[str, Any], tmp_path: Path) -> None:
    found = computed(tmp_path, {}, NETWORKS | wanted, ["cloud_node", "firewall_rules"])
    assert ("firewall" in found["cloud_node"]["roles"]) == wanted.get("cloud_firewall", False)
    assert [(rule["protocol"], rule["ports"], rule["sources"]) for rule in found["firewall_rules"]] == [
        ("udp", ["4789"], ["198.51.100.0/24"]),
        ("tcp", ["5900-6923"], ["192.0.2.1"]),
    ]


def test_a_port_of_the_sites_own_choice(tmp_path: Path) -> None:
    found = computed(tmp_path, {"glance_port": 9393}, NETWORKS, ["firewall_rules"], host="c")
    ports = [rule["ports"] for rule in found["firewall_rules"]]
    assert ["9393"] in ports
    assert ["9292"] not in ports
