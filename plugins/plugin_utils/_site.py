# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirements of a site for each node: the union of the requirements of its groups.

A machine may be in any combination of groups. This module combines their requirements: each file, bridge and agent of a node is
described only once.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.mikumo.openstack.plugins.plugin_utils._addresses import AddressError, node_address
from ansible_collections.mikumo.openstack.plugins.plugin_utils._bridges import EXTERNAL, TENANT

__all__ = ["GROUPS", "expected_services", "node_plan", "site_problems"]

HostVars = Mapping[str, Mapping[str, t.Any]]

GROUPS = ("controller_nodes", "network_nodes", "compute_nodes", "storage_nodes")
# In start order.
AGENTS = {"network_nodes": ("openvswitch", "l3", "dhcp", "metadata"), "compute_nodes": ("openvswitch",)}
# Services that report themselves alive, by group and by the service that must be in cloud_services.
DAEMONS: dict[str, dict[str, tuple[str, ...]]] = {
    "controller_nodes": {"nova": ("nova-scheduler", "nova-conductor"), "cinder": ("cinder-scheduler",), "heat": ("heat-engine",)},
    "compute_nodes": {"nova": ("nova-compute",)},
    "storage_nodes": {"cinder": ("cinder-volume",)},
}
# Roles with a description of what they set up, in the order in which they run: by group, and those of all nodes with agents.
ROLES: dict[str, tuple[str, ...]] = {
    "controller_nodes": (
        "haproxy",
        "mariadb",
        "rabbitmq",
        "memcached",
        "keystone",
        "clients",
        "glance",
        "placement",
        "nova",
        "neutron",
        "cinder",
        "heat",
        "horizon",
    ),
    "compute_nodes": ("libvirt", "nova_compute"),
    "storage_nodes": ("lvm_storage", "cinder_volume"),
}
AGENT_ROLES = ("openvswitch", "neutron_agents")
# Roles of all nodes.
COMMON = ("certificates",)
# Of all nodes as well, if the site wants it. Last, because it lets through what the others have set up.
FIREWALL = "firewall"
# Roles that only sites with a service need.
OPTIONAL = {"cinder": "cinder", "heat": "heat", "horizon": "horizon", "lvm_storage": "cinder", "cinder_volume": "cinder"}


def _union(lists: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in lists for name in names))


def node_plan(
    groups: Iterable[str],
    *,
    tenant_network_type: str,
    services: Iterable[str],
    external_interface: str = "",
    vlan_interface: str = "",
    firewall: bool = False,
) -> dict[str, t.Any]:
    """Return the roles, agents, bridges and bridge mappings of a node in these groups."""
    own = set(groups)
    agents = _union(agents for group, agents in AGENTS.items() if group in own)
    bridges = []
    if "network_nodes" in own:
        bridges.append({**EXTERNAL, "interface": external_interface})
    if agents and tenant_network_type == "vlan":
        bridges.append({**TENANT, "interface": vlan_interface})
    wanted = set(services)
    roles = [role for group, of in ROLES.items() if group in own for role in of if OPTIONAL.get(role) in {None, *wanted}]
    return {
        "roles": [*COMMON, *roles, *(AGENT_ROLES if agents else ()), *([FIREWALL] if firewall else ())],
        "agents": agents,
        "bridges": bridges,
        "bridge_mappings": {bridge["physical_network"]: bridge["name"] for bridge in bridges},
    }


def _binaries(groups: Iterable[str], services: Iterable[str]) -> list[str]:
    own, wanted = set(groups), set(services)
    daemons = (names for group, of in DAEMONS.items() if group in own for service, names in of.items() if service in wanted)
    agents = (AGENTS[group] for group in AGENTS if group in own)
    return _union([*daemons, *([f"neutron-{agent}-agent" for agent in names] for names in agents)])


def expected_services(
    groups: Mapping[str, Iterable[str]], names: Mapping[str, str], services: Iterable[str]
) -> list[dict[str, str]]:
    """Return the services and agents that must report themselves alive on these hosts, by the hosts' own names."""
    wanted = list(services)
    return [
        {"binary": binary, "host": name}
        for host, name in names.items()
        for binary in _binaries((group for group in GROUPS if host in groups.get(group, ())), wanted)
    ]


# --- conflicts between nodes ------------------------------------------------------------------------------------------


def _shared(values: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the hosts by value, for values that several hosts share."""
    hosts: dict[str, list[str]] = {}
    for host, value in values.items():
        hosts.setdefault(value, []).append(host)
    return {value: of for value, of in hosts.items() if len(of) > 1}


def _address(facts: Mapping[str, t.Any], own: Mapping[str, t.Any], prefix: str, cidr: str) -> str:
    """Return the node's address in the network, or the one that the inventory chooses."""
    setting = f"{prefix}_address"
    chosen = own.get(setting)
    if not chosen:
        try:
            return str(node_address(facts, cidr, f"{setting} in this node's host_vars"))
        except AddressError as error:
            raise AddressError(f"{prefix}_network: {error}") from error
    has = [str(address) for address in facts.get("all_ipv4_addresses") or ()]
    if str(chosen) not in has:
        raise AddressError(
            f"{setting} is {chosen}, but the node has no such address. Its addresses: {', '.join(has) or 'none'}. Correct the "
            "setting in this node's host_vars"
        )
    return str(chosen)


Problem = tuple[str, str]


def _shared_problems(values: Mapping[str, str], sentence: str) -> Iterator[Problem]:
    """Yield each host that shares its value with others, and the sentence with {value} and {others} filled in."""
    for value, hosts in _shared(values).items():
        for host in hosts:
            yield host, sentence.format(value=value, others=", ".join(other for other in hosts if other != host))


def _address_problems(hostvars: HostVars, hosts: Iterable[str], prefix: str, cidr: str) -> Iterator[Problem]:
    found: dict[str, str] = {}
    for host in hosts:
        try:
            found[host] = _address(hostvars[host].get("ansible_facts") or {}, hostvars[host], prefix, cidr)
        except AddressError as error:
            yield host, str(error)
    yield from _shared_problems(
        found,
        "its address {value} is also the address of {others}. If these names refer to the same machine, keep one of them in "
        "hosts.yml, in all groups of the machine. Otherwise give each machine its own address, or select another one with "
        f"{prefix}_address",
    )


def _name_problems(hostvars: HostVars, hosts: Iterable[str]) -> Iterator[Problem]:
    names = {host: str((hostvars[host].get("ansible_facts") or {}).get("nodename", "")).lower() for host in hosts}
    for host, name in names.items():
        if name.partition(".")[0] in ("", "localhost"):
            yield host, f"its host name is {name or 'empty'}: set a unique one with hostnamectl"
    yield from _shared_problems(
        {host: name for host, name in names.items() if name},
        "its host name {value} is also the host name of {others}. Services identify each other by host name: give "
        "each machine a unique one with hostnamectl",
    )


def site_problems(
    hostvars: HostVars, hosts: Sequence[str], *, networks: Mapping[str, tuple[str, Sequence[str]]]
) -> dict[str, list[str]]:
    """Return problems with the names and addresses of these hosts, by host.

    networks: CIDR and the hosts that need an address in it, by the prefix of the two settings PREFIX_network and PREFIX_address.
    """
    problems: dict[str, list[str]] = {host: [] for host in hosts}
    found = [
        problem
        for prefix, (cidr, members) in networks.items()
        for problem in _address_problems(hostvars, [host for host in hosts if host in members], prefix, cidr)
    ]
    for host, sentence in [*found, *_name_problems(hostvars, hosts)]:
        problems[host].append(sentence)
    return problems
