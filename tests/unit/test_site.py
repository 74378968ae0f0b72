# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a site wants of each node, for machines in any set of groups."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mikumo.openstack.plugins.filter.expected_services import expected_services
from ansible_collections.mikumo.openstack.plugins.plugin_utils import _site as site

ROLES = Path(__file__).resolve().parents[2] / "roles"
ALL_SERVICES = ["cinder", "heat", "horizon"]
NETWORK_AGENTS = ["openvswitch", "l3", "dhcp", "metadata"]
EXTERNAL = {"name": "br-external", "physical_network": "external", "interface": "eth2"}
TENANT = {"name": "br-tenant", "physical_network": "tenant", "interface": "eth1"}


def plan(groups: list[str], kind: str = "vxlan") -> dict[str, Any]:
    return site.node_plan(
        groups, tenant_network_type=kind, services=["nova", "cinder"], external_interface="eth2", vlan_interface="eth1"
    )


@pytest.mark.parametrize(
    ("groups", "kind", "agents", "bridges"),
    [
        (["controller_nodes", "storage_nodes"], "vlan", [], []),
        (["compute_nodes"], "vxlan", ["openvswitch"], []),
        (["compute_nodes"], "vlan", ["openvswitch"], [TENANT]),
        (["network_nodes"], "gre", NETWORK_AGENTS, [EXTERNAL]),
        (["network_nodes"], "vlan", NETWORK_AGENTS, [EXTERNAL, TENANT]),
        # all-in-one, network and compute in one, in any order of the groups
        (list(site.GROUPS), "vxlan", NETWORK_AGENTS, [EXTERNAL]),
        (["compute_nodes", "network_nodes"], "vxlan", NETWORK_AGENTS, [EXTERNAL]),
        (["compute_nodes", "network_nodes", "others"], "vlan", NETWORK_AGENTS, [EXTERNAL, TENANT]),
        (["bastion"], "vlan", [], []),
    ],
)
def test_node_plan(groups: list[str], kind: str, agents: list[str], bridges: list[dict[str, str]]) -> None:
    mappings = {bridge["physical_network"]: bridge["name"] for bridge in bridges}
    found = plan(groups, kind)
    del found["roles"]
    assert found == {"agents": agents, "bridges": bridges, "bridge_mappings": mappings}


@pytest.mark.parametrize(
    ("groups", "services", "there", "absent"),
    [
        ([], ["cinder"], ["certificates"], ["keystone", "openvswitch", "haproxy"]),
        (
            ["controller_nodes"],
            [],
            ["certificates", "haproxy", "mariadb", "keystone", "nova"],
            ["cinder", "heat", "horizon", "openvswitch"],
        ),
        (["controller_nodes"], ["heat"], ["heat"], ["cinder", "horizon"]),
        (["storage_nodes"], ["cinder"], ["lvm_storage", "cinder_volume"], ["cinder", "openvswitch"]),
        (["storage_nodes"], ["nova"], ["certificates"], ["haproxy", "lvm_storage", "cinder_volume"]),
        (
            ["compute_nodes"],
            [],
            ["certificates", "libvirt", "nova_compute", "openvswitch", "neutron_agents"],
            ["keystone", "haproxy"],
        ),
        (["network_nodes"], [], ["openvswitch", "neutron_agents"], ["libvirt"]),
        (list(site.GROUPS), ALL_SERVICES, [*site.COMMON, *itertools.chain(*site.ROLES.values()), *site.AGENT_ROLES], []),
    ],
)
def test_roles_of_a_node(groups: list[str], services: list[str], there: list[str], absent: list[str]) -> None:
    roles = site.node_plan(groups, tenant_network_type="vxlan", services=services)["roles"]
    assert [role for role in there if role not in roles] == []
    assert [role for role in absent if role in roles] == []
    assert len(roles) == len(set(roles))


@pytest.mark.parametrize("groups", [[], ["controller_nodes"], ["network_nodes"], list(site.GROUPS)])
def test_a_firewall_is_the_last_role_where_the_site_wants_it(groups: list[str]) -> None:
    def roles(**wanted: bool) -> list[str]:
        found: list[str] = site.node_plan(groups, tenant_network_type="vxlan", services=ALL_SERVICES, **wanted)["roles"]
        return found

    assert roles(firewall=True) == [*roles(), site.FIREWALL]


def test_each_role_of_a_plan_describes_its_service() -> None:
    for role in [*site.COMMON, *itertools.chain(*site.ROLES.values()), *site.AGENT_ROLES, site.FIREWALL]:
        assert f"{role}_description" in yaml.safe_load((ROLES / role / "vars/main.yml").read_text()), role


def test_roles_know_the_physical_networks_by_the_names_of_the_plan() -> None:
    networks = plan(["network_nodes"], "vlan")["bridge_mappings"]
    for role, option in {"neutron": "neutron_vlan_physical_network", "resources": "resources_external_physical_network"}.items():
        assert yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())[option] in networks


@pytest.mark.parametrize("kind", ["vxlan", "gre", "vlan"])
def test_more_groups_take_nothing_away(kind: str) -> None:
    sets = [set(names) for count in range(5) for names in itertools.combinations(site.GROUPS, count)]
    for small, large in itertools.product(sets, sets):
        if small <= large:
            less, more = plan(sorted(small), kind), plan(sorted(large), kind)
            assert set(less["agents"]) <= set(more["agents"])
            assert [bridge for bridge in less["bridges"] if bridge not in more["bridges"]] == []


ALL = ["keystone", "glance", "placement", "nova", "neutron", "cinder", "horizon", "heat"]


@pytest.mark.parametrize(
    ("groups", "services", "expected"),
    [
        ({"controller_nodes": ["a"]}, ALL, ["nova-scheduler", "nova-conductor", "cinder-scheduler", "heat-engine"]),
        ({"controller_nodes": ["a"], "storage_nodes": ["a"]}, ["keystone", "nova"], ["nova-scheduler", "nova-conductor"]),
        ({"compute_nodes": ["a"]}, ALL, ["nova-compute", "neutron-openvswitch-agent"]),
        ({"storage_nodes": ["a"]}, ALL, ["cinder-volume"]),
        (
            {"network_nodes": ["a"], "compute_nodes": ["a"]},
            ALL,
            ["nova-compute", "neutron-openvswitch-agent", "neutron-l3-agent", "neutron-dhcp-agent", "neutron-metadata-agent"],
        ),
        ({"bastion": ["a"]}, ALL, []),
    ],
)
def test_expected_services(groups: dict[str, list[str]], services: list[str], expected: list[str]) -> None:
    hostvars = {"a": {"ansible_facts": {"hostname": "a", "nodename": "a.example.org"}}}
    found = expected_services(["a"], hostvars, groups, services)
    assert found == [{"binary": binary, "host": "a.example.org"} for binary in expected]


def test_hosts_without_facts_are_not_expected() -> None:
    assert expected_services(["a", "b"], {"a": {}, "b": {"ansible_facts": {}}}, {"compute_nodes": ["a", "b"]}, ALL) == []


def node(name: str, *addresses: str, **variables: str) -> dict[str, Any]:
    return {"ansible_facts": {"nodename": name, "all_ipv4_addresses": list(addresses)}, **variables}


def problems(**hosts: dict[str, Any]) -> list[str]:
    networks = {"cloud_management": ("10.0.0.0/24", list(hosts)), "cloud_tunnel": ("10.0.1.0/24", ["compute", "elsewhere"])}
    found = site.site_problems(hosts, list(hosts), networks=networks)
    assert list(found) == list(hosts)
    return [f"{host}: {problem}" for host, of in found.items() for problem in of]


def test_nodes_that_go_together() -> None:
    assert (
        problems(
            controller=node("controller", "10.0.0.11"),
            compute=node("compute.example.org", "10.0.0.13", "10.0.0.99", "10.0.1.13", cloud_management_address="10.0.0.99"),
        )
        == []
    )


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (
            node("compute", "10.0.0.13"),
            ["compute: cloud_tunnel_network: the node has no IPv4 address in 10.0.1.0/24", "Its addresses: 10.0.0.13"],
        ),
        (
            node("compute", "10.0.0.13", "10.0.0.14", "10.0.1.13"),
            ["several", "10.0.0.13, 10.0.0.14", "cloud_management_address", "host_vars"],
        ),
        (
            node("compute", "10.0.0.13", "10.0.1.13", cloud_management_address="10.0.0.15"),
            ["cloud_management_address is 10.0.0.15", "no such address", "10.0.0.13", "host_vars"],
        ),
        (node("localhost", "10.0.0.13", "10.0.1.13"), ["host name is localhost", "hostnamectl"]),
        (node("", "10.0.0.13", "10.0.1.13"), ["host name is empty", "hostnamectl"]),
    ],
)
def test_a_node_with_a_problem(compute: dict[str, Any], words: list[str]) -> None:
    (problem,) = problems(controller=node("controller", "10.0.0.11"), compute=compute)
    assert [word for word in words if word not in problem] == [], problem


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (
            node("compute", "10.0.0.11", "10.0.1.13"),
            ["10.0.0.11 is also the address of", "same machine", "hosts.yml", "cloud_management_address"],
        ),
        (node("Controller", "10.0.0.13", "10.0.1.13"), ["also the host name of", "hostnamectl"]),
    ],
)
def test_nodes_that_share_something_both_say_so(compute: dict[str, Any], words: list[str]) -> None:
    first, second = problems(controller=node("controller", "10.0.0.11"), compute=compute)
    assert first.startswith("controller:")
    assert second.startswith("compute:")
    for problem in (first, second):
        assert [word for word in words if word not in problem] == [], problem
