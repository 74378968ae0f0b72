# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds everything in a site's settings that prevents a working cloud. Needs no node."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.mikumo.openstack.plugins.plugin_utils._addresses import network_overlaps
from ansible_collections.mikumo.openstack.plugins.plugin_utils._formats import shown, value_problems
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_groups import group_problems
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_settings import Setting
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_values import Unknown, Unreadable

__all__ = ["OR_HOST", "SettingsError", "interface_problems", "plan_problems", "setting_problems"]

Values = Mapping[str, Mapping[str, t.Any]]
Description = Mapping[str, Setting]
Vars = Mapping[str, t.Any]
WHERE = "in the inventory's group_vars/all"
OR_HOST = f"{WHERE}, or in host_vars for one host"


class SettingsError(ValueError):
    """A call with invalid arguments."""


# --- each setting on its own ------------------------------------------------------------------------------------------


def _where(setting: Setting) -> str:
    return OR_HOST if setting.hosts else WHERE


def _members(setting: Setting, values: Values, groups: Vars) -> list[str]:
    """Return the hosts that read the setting."""
    if not setting.hosts:
        return list(values)
    return [host for host in values if any(host in (groups.get(group) or ()) for group in setting.hosts)]


def _problems_of(subject: str, value: t.Any, setting: Setting) -> list[str]:
    if isinstance(value, Unknown):
        return []
    if isinstance(value, Unreadable):
        return [f"{subject} cannot be computed from its template: {value.reason}"]
    return list(value_problems(subject, value, setting))


def _by_value(name: str, values: Values, readers: Sequence[str]) -> dict[str, list[str]]:
    """Return the hosts with the setting, by its value. Ignores failing templates on hosts that never read the setting."""
    found: dict[str, list[str]] = {}
    for host, own in values.items():
        if name in own and (host in readers or not isinstance(own[name], Unreadable)):
            found.setdefault(f"{type(own[name]).__name__} {own[name]!r}", []).append(host)
    return found


def _missing(name: str, setting: Setting, values: Values, groups: Vars) -> Iterator[str]:
    members = _members(setting, values, groups)
    missing = [host for host in members if name not in values[host] and setting.is_required(values[host])]
    if not missing:
        return
    if len(missing) == len(values) or not any(name in own for own in values.values()):
        yield f"{name} is not set: give it a value in group_vars/all/cloud.yml, as inventories/example does"
    elif setting.hosts:
        yield f"{name} is not set for {_hosts(missing)}: give it a value {OR_HOST}"
    else:
        yield f"{name} is not set for {_hosts(missing)}: set it in group_vars/all/cloud.yml, for every host and localhost"


def _hosts(names: Sequence[str], most: int = 5) -> str:
    """Return the first names, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{'host' if len(names) == 1 else 'hosts'} {', '.join(names[:most])}{more}"


def _one_setting(name: str, setting: Setting, values: Values, groups: Vars) -> tuple[list[str], t.Any]:
    """Return problems with a setting, and its value for comparison with other settings. The value is None if no host has one."""
    problems = list(_missing(name, setting, values, groups))
    found = _by_value(name, values, _members(setting, values, groups))
    valid: dict[str, t.Any] = {}
    for hosts in found.values():
        value = values[hosts[0]][name]
        subject = name if len(found) == 1 else f"{name} of {_hosts(hosts)}"
        wrong = _problems_of(subject, value, setting)
        if isinstance(value, Unreadable) and "localhost" in hosts and "inventory_dir" in value.reason:
            wrong = [f"{one}, because localhost is not in the inventory: use playbook_dir, or an absolute path" for one in wrong]
        problems += [f"{problem}; change it {_where(setting)}" for problem in wrong]
        if not wrong and not isinstance(value, Unknown):
            valid[hosts[0]] = value
    if len(valid) > 1 and not setting.hosts:
        told = ", ".join(f"{shown(value)} on {host}" for host, value in valid.items())
        problems.append(f"{name} differs between hosts ({told}): a site has one value; set it once, {WHERE}")
    return problems, next(iter(valid.values()), None)


# --- settings that must be consistent ---------------------------------------------------------------------------------

NETWORKS = ("cloud_management_network", "cloud_tunnel_network", "cloud_external_network", "cloud_project_network")
# Longest prefix length of a network, and what must fit into it.
LONGEST = {
    "cloud_external_network": (30, "its gateway and an address of the pool"),
    "cloud_project_network": (29, "its gateway, the DHCP service and instances"),
}
# Networks of the nodes: the setting that lets a node do without an address, and the groups that need one.
OF_NODES = {
    "cloud_management_network": (
        "cloud_management_address",
        ("controller_nodes", "network_nodes", "compute_nodes", "storage_nodes"),
    ),
    "cloud_tunnel_network": ("cloud_tunnel_address", ("network_nodes", "compute_nodes")),
}


def _networks(site: Vars) -> dict[str, ipaddress.IPv4Network]:
    return {name: ipaddress.IPv4Network(site[name]) for name in NETWORKS if site.get(name)}


def _usable(network: ipaddress.IPv4Network) -> int:
    return network.num_addresses if network.prefixlen > 30 else network.num_addresses - 2


def _size_problems(site: Vars, values: Values, groups: Vars) -> Iterator[str]:
    for name, network in _networks(site).items():
        longest, contents = LONGEST.get(name, (31, "two machines"))
        if network.prefixlen > longest:
            yield f"{name} is {network}, too small for {contents}: give a network of /{longest} or larger; change it {WHERE}"
        elif name in OF_NODES and not (name == "cloud_tunnel_network" and site.get("cloud_tenant_network_type") == "vlan"):
            own, needed = OF_NODES[name]
            members = {host for group in needed for host in groups.get(group) or () if own not in values.get(host, {})}
            if len(members) > _usable(network):
                yield (
                    f"{name} is {network}, which has {_usable(network)} usable addresses, but {len(members)} hosts need one: "
                    f"give a larger network {WHERE}"
                )


def _overlap_problems(site: Vars) -> Iterator[str]:
    given = {name: str(network) for name, network in _networks(site).items()}
    for problem in network_overlaps(given, [("cloud_management_network", "cloud_tunnel_network")]):
        yield f"{problem} ({WHERE})"


def _external_problems(site: Vars) -> Iterator[str]:
    """Check gateway and pool: both must be inside the external network, and must not overlap."""
    pool = site.get("cloud_external_pool") or {}
    given = {"cloud_external_gateway": site.get("cloud_external_gateway")}
    given |= {f"cloud_external_pool.{end}": pool.get(end) for end in ("start", "end")}
    addresses = {name: ipaddress.IPv4Address(text) for name, text in given.items() if text}
    outside = _networks(site).get("cloud_external_network")
    for name, address in addresses.items():
        if outside is None:
            break
        if address not in outside:
            yield f"{name} is {address}, which is not in cloud_external_network ({outside}): change one of them {WHERE}"
        elif outside.prefixlen < 31 and address in (outside.network_address, outside.broadcast_address):
            yield (
                f"{name} is {address}, the network or broadcast address of cloud_external_network ({outside}), which no machine "
                f"can have: change it {WHERE}"
            )
    gateway, first, last = (addresses.get(name) for name in given)
    if first and last and first > last:
        yield f"cloud_external_pool begins at {first}, after its end {last}: swap them {WHERE}"
    elif gateway and first and last and first <= gateway <= last:
        yield (
            f"cloud_external_gateway {gateway} is inside cloud_external_pool ({first} to {last}), and an instance could get this "
            f"address: change one of them {WHERE}"
        )


def _storage_problems(site: Vars, groups: Vars) -> Iterator[str]:
    if "cinder" in (site.get("cloud_services") or ()) and not groups.get("storage_nodes"):
        yield (
            "cloud_services has cinder, but group storage_nodes has no hosts for its volumes: add a host in hosts.yml, or remove "
            f"cinder {WHERE}"
        )


def _bridge_problems(site: Vars, values: Values, groups: Vars) -> Iterator[str]:
    if site.get("cloud_tenant_network_type") != "vlan":
        return
    for host, own in values.items():
        name = own.get("cloud_external_interface")
        if (
            host in (groups.get("network_nodes") or ())
            and isinstance(name, str)
            and name
            and name == own.get("cloud_vlan_interface")
        ):
            yield (
                f"cloud_external_interface and cloud_vlan_interface both name {name} on host {host}, which can be in only one "
                f"bridge: give each its own interface, such as a VLAN interface on {name}, {OR_HOST}"
            )


def _tls_problems(site: Vars) -> Iterator[str]:
    """Check that the name of the users' certificate is a name, and that no service asks for it."""
    if not site.get("cloud_tls"):
        return
    name = site.get("cloud_public_name")
    if not name:
        yield (
            "cloud_tls is set, but cloud_public_name is not: set it to the DNS name in the certificate, such as "
            f"cloud.example.org, or remove cloud_tls, {WHERE}"
        )
    elif re.fullmatch(r"[0-9.]+", name):
        yield (
            f"cloud_tls needs a DNS name in cloud_public_name, which is the address {name}: give the name in the certificate, "
            f"such as cloud.example.org, or remove cloud_tls, {WHERE}"
        )
    elif name.lower() == str(site.get("cloud_api_address") or "").lower():
        yield (
            f"cloud_tls is for users, but cloud_public_name and cloud_api_address are both {name}: services trust the site's own "
            f"authority alone, and reach the APIs under another name; remove cloud_api_address, or change it {WHERE}"
        )


# --- everything together ----------------------------------------------------------------------------------------------


def setting_problems(values: Values, *, groups: Vars, settings: Description) -> list[str]:
    """Return problems with the settings of these hosts."""
    problems: list[str] = []
    site: dict[str, t.Any] = {}
    for name, setting in settings.items():
        wrong, site[name] = _one_setting(name, setting, values, groups)
        problems += wrong
    return [
        *problems,
        *_storage_problems(site, groups),
        *_size_problems(site, values, groups),
        *_overlap_problems(site),
        *_external_problems(site),
        *_bridge_problems(site, values, groups),
        *_tls_problems(site),
    ]


def interface_problems(
    values: Values, *, groups: Vars, settings: Description, interfaces: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return problems with interfaces that the settings name, but the hosts' facts do not contain."""
    problems = []
    for name, setting in settings.items():
        for host in _members(setting, values, groups) if setting.format == "interface" else ():
            given, has = values[host].get(name), interfaces.get(host)
            needed = setting.required is True or setting.is_required(values[host])
            if needed and has is not None and isinstance(given, str) and given not in has:
                problems.append(
                    f"host {host} has no interface {str(given)!r}, which {name} names; it has {', '.join(sorted(has))}: "
                    f"correct {name} in group_vars, or in host_vars if this node differs"
                )
    return problems


def plan_problems(values: Values, *, groups: t.Any, settings: Description, allowed: Sequence[str] = ()) -> list[str]:
    """Return all problems of a site at once. values: by host and setting, see read_values."""
    for name, value in (("values", values), ("groups", groups)):
        if not isinstance(value, Mapping):
            raise SettingsError(f"plan_problems expects {name} to be a dictionary, not {type(value).__name__}")
    return [*group_problems(groups, allowed), *setting_problems(values, groups=groups, settings=settings)]
