# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where to look when services do not report themselves, and what is said of it."""

from __future__ import annotations

from typing import Any

from ansible_collections.mikumo.openstack.plugins.plugin_utils._silent import silence_problem, silent_nodes

SERVICES = ["keystone", "glance", "placement", "nova", "neutron", "cinder"]
COMPUTES = [f"compute{number}" for number in range(1, 9)]
GROUPS: dict[str, list[str]] = {
    "all": ["controller", "network", *COMPUTES],
    "controller_nodes": ["controller"],
    "network_nodes": ["network"],
    "compute_nodes": COMPUTES,
    "storage_nodes": ["controller"],
}
# Names in the inventory need not be those of the nodes.
HOSTVARS: dict[str, Any] = {
    name: {"ansible_facts": {"hostname": f"{name}-real", "nodename": f"{name}-real.example.org"}} for name in GROUPS["all"]
}


def look(*silent: str, groups: dict[str, list[str]] = GROUPS, **variables: Any) -> dict[str, Any]:
    hostvars = HOSTVARS | {"controller": HOSTVARS["controller"] | variables}
    return silent_nodes(silent, hostvars, groups, SERVICES, "192.0.2.11")


def ports(node: dict[str, Any]) -> list[int]:
    assert {target["host"] for target in node["targets"]} <= {"192.0.2.11"}
    return sorted(target["port"] for target in node["targets"])


def test_a_compute_node_and_the_controller() -> None:
    found = look("nova-compute on compute1-real.example.org", "neutron-openvswitch-agent on compute1-real.example.org")
    assert sorted(found) == ["compute1", "controller"]
    assert found["compute1"]["units"] == ["nova-compute", "neutron-openvswitch-agent"]
    assert ports(found["compute1"]) == [5000, 5671, 8776, 8778, 9292, 9696]
    assert found["controller"]["units"] == []


def test_short_names_count_too() -> None:
    assert "network" in look("neutron-l3-agent on network-real")


def test_what_each_kind_of_node_needs() -> None:
    assert ports(look("neutron-l3-agent on network-real")["network"]) == [5671, 8775]
    assert ports(look("cinder-volume on controller-real")["controller"]) == [3306, 5000, 5671, 9292]
    all_in_one = GROUPS | {"network_nodes": ["controller"], "compute_nodes": ["controller"]}
    assert ports(look("nova-compute on controller-real", groups=all_in_one)["controller"]) == [
        3306, 5000, 5671, 8775, 8776, 8778, 9292, 9696,
    ]  # fmt: skip


def test_ports_of_the_sites_own_choice() -> None:
    assert 9393 in ports(look("nova-compute on compute1-real", glance_port=9393)["compute1"])


def test_not_more_than_can_be_read() -> None:
    found = look(*(f"nova-compute on {name}-real" for name in COMPUTES))
    assert list(found) == [*COMPUTES[:5], "controller"]


def test_a_host_that_nobody_knows() -> None:
    assert list(look("nova-compute on elsewhere")) == ["controller"]


def result(**values: Any) -> dict[str, Any]:
    return {"problems": [], "filters": [], "units": [], **values}


def test_a_firewall_is_named() -> None:
    text = silence_problem(
        "Not alive after 300 s: nova-compute on compute.",
        {
            "compute": result(
                problems=["port 5671 of 192.0.2.11 does not answer"], units=["nova-compute.service is active. ..."]
            ),
            "controller": result(filters=["nft: chain input of table inet filter (hook input) has the policy drop"]),
            "network": {"skipped": True, "changed": False},
        },
    )
    first, closed, dropped, journal = text.split("\n\n")
    assert first == "Not alive after 300 s: nova-compute on compute."
    assert "- port 5671 of 192.0.2.11 does not answer" in closed
    assert "- controller: nft: chain input" in dropped
    assert journal == "compute: nova-compute.service is active. ..."


def test_a_firewall_in_nobodys_way_is_not() -> None:
    text = silence_problem("Not alive.", {"controller": result(filters=["nft: chain input"], units=["nova-scheduler is failed"])})
    assert text == "Not alive.\n\ncontroller: nova-scheduler is failed"


def test_a_node_that_is_down() -> None:
    gone = {"unreachable": True, "msg": "Failed to connect to the host via ssh\n"}
    assert "- compute cannot be examined: Failed to connect to the host" in silence_problem("Not alive.", {"compute": gone})


def test_nothing_was_found() -> None:
    assert silence_problem("Not alive.", {}) == "Not alive."
