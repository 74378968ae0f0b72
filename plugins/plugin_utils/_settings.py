# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import difflib
import ipaddress
import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from ansible_collections.mikumo.openstack.plugins.plugin_utils._addresses import AddressError, network, network_overlaps

__all__ = ["SERVICES", "SettingsError", "plan_problems", "read_collection", "unknown_settings"]

Vars = Mapping[str, t.Any]

# Each service with those it cannot work without.
SERVICES: dict[str, tuple[str, ...]] = {
    "keystone": (),
    "glance": ("keystone",),
    "placement": ("keystone",),
    "neutron": ("keystone",),
    "nova": ("keystone", "glance", "placement", "neutron"),
    "cinder": ("keystone", "glance"),
    "heat": ("keystone", "nova", "neutron"),
    "horizon": ("keystone", "glance", "nova", "neutron"),
}
REQUIRED_GROUPS = ("controller_nodes", "network_nodes", "compute_nodes")
OPTIONAL_GROUPS = ("storage_nodes",)
TENANT_NETWORK_TYPES = ("vxlan", "gre", "vlan")
# Settings that no file in the repository shows: the roles of a site generate them.
GENERATED = frozenset({"cloud_secrets"})
WHERE = "in the inventory's group_vars/all"


class SettingsError(ValueError):
    """A call that says nothing about the site."""


# --- misspelt names --------------------------------------------------------------------------------------------------


def _load(path: Path) -> Vars:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: cannot be read as YAML: {error}") from error
    return content if isinstance(content, Mapping) else {}


def _options(spec: Vars) -> set[str]:
    return {option for entry in (spec.get("argument_specs") or {}).values() for option in (entry.get("options") or {})}


def read_collection(root: Path) -> tuple[set[str], set[str]]:
    """Names of all settings of the collection's roles and playbooks, and the prefixes that belong to roles."""
    known: set[str] = set(GENERATED)
    prefixes: set[str] = set()
    for role in sorted(path for path in (root / "roles").glob("*") if path.is_dir()):
        prefixes.add(f"{role.name}_")
        for path in sorted((role / "meta").glob("argument_specs.y*ml")):
            known |= _options(_load(path))
        for path in sorted((role / "defaults").glob("main.y*ml")):
            known |= set(_load(path))
    # The example inventory shows every setting of a site.
    for directory in ("playbooks/vars", "inventories/example/group_vars/all"):
        for path in sorted((root / directory).glob("*.y*ml")):
            known |= set(_load(path))
    return known, prefixes


def unknown_settings(
    names: Iterable[str], *, known: Iterable[str], prefixes: Iterable[str], where: str = "the inventory"
) -> list[str]:
    """Names that look like settings of this collection, but are none."""
    if isinstance(names, str):
        raise SettingsError("unknown_settings wants a list of names, not a string")
    settings = sorted(set(known))
    ours = (*sorted(set(prefixes)), "cloud_")
    problems = []
    for name in sorted(set(names)):
        # an internal variable begins with two underscores and so with none of the prefixes
        if not name.startswith(ours) or name in settings:
            continue
        near = difflib.get_close_matches(name, settings, n=1, cutoff=0.75)
        hint = f", did you mean {near[0]}?" if near else "; remove it, or see the role's README for its settings"
        problems.append(f"{name} in {where}: unknown setting{hint}")
    return problems


# --- a site that cannot work -----------------------------------------------------------------------------------------


def _group_problems(groups: Vars, required: Sequence[str], optional: Sequence[str]) -> list[str]:
    problems = [
        f"group {name} has no host; a cloud needs at least one there: add it to the inventory's hosts.yml"
        for name in required
        if not groups.get(name)
    ]
    known = (*required, *optional)
    members = {host for name in known for host in groups.get(name) or ()}
    problems += [
        f"host {host} is in none of the groups {', '.join(known)}: put it into one, or remove it from hosts.yml"
        for host in groups.get("all") or ()
        if host not in members
    ]
    return problems


def _service_problems(settings: Vars, services: Mapping[str, Sequence[str]], groups: Vars) -> list[str]:
    if "cloud_services" not in settings:
        return []
    wanted = settings["cloud_services"]
    if isinstance(wanted, str) or not isinstance(wanted, Sequence):
        return [f"cloud_services is {wanted!r}, not a list: give a list of {', '.join(services)} {WHERE}"]
    problems = []
    for name in wanted:
        if name not in services:
            near = difflib.get_close_matches(str(name), services, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            problems.append(f"cloud_services has {name!r}: {hint}allowed are {', '.join(services)}; change it {WHERE}")
            continue
        missing = [need for need in services[name] if need not in wanted]
        if missing:
            problems.append(
                f"cloud_services has {name}, which needs {', '.join(missing)}: add what is missing, or remove {name} {WHERE}"
            )
    if "keystone" not in wanted:
        problems.append(f"cloud_services lacks keystone, without which nothing works: add it {WHERE}")
    if "cinder" in wanted and not groups.get("storage_nodes"):
        problems.append(
            "cloud_services has cinder, but group storage_nodes has no host for its volumes: "
            f"add a host in hosts.yml, or remove cinder {WHERE}"
        )
    return problems


WITH_VLAN = ("cloud_vlan_range", "cloud_vlan_interface")


def _missing_problems(settings: Vars, required: Sequence[str]) -> list[str]:
    vlan = bool(required) and settings.get("cloud_tenant_network_type") == "vlan"
    return [
        f"{name} is not set: give it a value in group_vars/all/cloud.yml, as inventories/example does"
        for name in (*required, *(WITH_VLAN if vlan else ()))
        if name not in settings
    ]


def _volume_problems(settings: Vars) -> list[str]:
    problems = []
    size, device = str(settings.get("cloud_volume_gb", 1)), str(settings.get("cloud_volume_device") or "")
    if not re.fullmatch(r"[1-9][0-9]*", size):
        problems.append(f"cloud_volume_gb is {size}: allowed are whole numbers of GiB from 1; change it {WHERE}")
    if device and not re.match(r"/dev/.", device):
        problems.append(
            f"cloud_volume_device is {device}: allowed are the path of a disk, such as /dev/vdb, or nothing for a file; "
            f"change it {WHERE}"
        )
    return problems


def _region_problems(settings: Vars) -> list[str]:
    if "cloud_region" not in settings or str(settings["cloud_region"] or "").strip():
        return []
    return [f"cloud_region is empty: give the region a name, such as RegionOne, {WHERE}"]


def _tenant_problems(settings: Vars, allowed: Sequence[str]) -> list[str]:
    name = "cloud_tenant_network_type"
    if name not in settings or settings[name] in allowed:
        return []
    return [f"{name} is {settings[name]!r}: allowed are {', '.join(allowed)}; change it {WHERE}"]


def _vlan_problems(settings: Vars) -> list[str]:
    if settings.get("cloud_tenant_network_type") != "vlan" or "cloud_vlan_range" not in settings:
        return []
    text = str(settings["cloud_vlan_range"])
    first, _colon, last = text.partition(":")
    if first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last) <= 4094:
        return []
    return [f"cloud_vlan_range is {text!r}: give two tags from 1 to 4094 in quotes, like '100:199', {WHERE}"]


NETWORKS = ("cloud_management_network", "cloud_tunnel_network", "cloud_external_network", "cloud_project_network")


def _network_problems(settings: Vars) -> list[str]:
    given = {name: settings[name] for name in NETWORKS if settings.get(name)}
    problems = network_overlaps(given, [("cloud_management_network", "cloud_tunnel_network")])
    return [f"{problem} ({WHERE})" for problem in problems]


def _pool(value: t.Any) -> list[str]:
    """First and last address of a pool given as a list, as {start, end} or as 'first-last'."""
    if isinstance(value, Mapping):
        return [str(value[key]) for key in ("start", "end") if key in value]
    if isinstance(value, str):
        return [part.strip() for part in value.split("-")]
    return [str(part) for part in value]


def _external_addresses(settings: Vars) -> dict[str, str]:
    given = {
        name: str(settings[name])
        for name in ("cloud_external_gateway", "cloud_external_pool_start", "cloud_external_pool_end")
        if settings.get(name)
    }
    if settings.get("cloud_external_pool"):
        ends = _pool(settings["cloud_external_pool"])
        given |= dict(zip(("cloud_external_pool (first)", "cloud_external_pool (last)"), ends, strict=False))
    return given


def _external_problems(settings: Vars) -> list[str]:
    try:
        outside = network(settings.get("cloud_external_network"))
    except AddressError:
        # absent, or already reported with the networks
        return []
    problems = []
    inside: list[tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address]] = []
    for name, text in _external_addresses(settings).items():
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            problems.append(f"{name} is {text!r}, which is not an address: correct it {WHERE}")
            continue
        if address not in outside:
            problems.append(
                f"{name} is {address}, which is not in cloud_external_network ({outside}): change one of them {WHERE}"
            )
            continue
        if outside.num_addresses > 2 and address in (outside.network_address, outside.broadcast_address):
            problems.append(
                f"{name} is {address}, the first or last of cloud_external_network ({outside}), "
                f"which no machine can have: change it {WHERE}"
            )
            continue
        inside.append((name, address))
    found = dict(inside)
    gateway = found.pop("cloud_external_gateway", None)
    ends = list(found.values())
    if len(ends) == 2:
        first, last = (int(end) for end in ends)
        if first > last:
            problems.append(f"cloud_external_pool begins at {ends[0]}, after its end {ends[1]}: exchange them {WHERE}")
        elif gateway is not None and first <= int(gateway) <= last:
            problems.append(
                f"cloud_external_gateway {gateway} is inside the external pool {ends[0]} to {ends[1]}, "
                f"so that an instance could get it: change one of them {WHERE}"
            )
    return problems


def _host_problems(settings: Vars, groups: Vars, hostvars: Vars, known: Sequence[str]) -> list[str]:
    hosts = list(dict.fromkeys(host for name in known for host in groups.get(name) or ()))
    problems = []
    if settings.get("cloud_management_network"):
        problems += _management_problems(settings["cloud_management_network"], hosts, hostvars)
    vlan = settings.get("cloud_tenant_network_type") == "vlan"
    needs = {"cloud_external_interface": ["network_nodes"]}
    if vlan:
        needs["cloud_vlan_interface"] = ["network_nodes", "compute_nodes"]
    for setting, where in needs.items():
        for host in dict.fromkeys(host for name in where for host in groups.get(name) or ()):
            problems += _interface_problems(setting, settings, host, hostvars.get(host) or {})
    return problems


def _management_problems(cidr: t.Any, hosts: Sequence[str], hostvars: Vars) -> list[str]:
    try:
        management = network(cidr)
    except AddressError:
        return []
    problems = []
    for host in hosts:
        text = (hostvars.get(host) or {}).get("ansible_host")
        try:
            address = ipaddress.ip_address(str(text))
        except ValueError:
            # a name, or none: what it resolves to is seen when the node's facts are there
            continue
        if address not in management:
            problems.append(
                f"host {host} has ansible_host {address}, which is not in cloud_management_network ({management}): "
                "correct it in hosts.yml, or the network in group_vars/all"
            )
    return problems


def _interface_problems(setting: str, settings: Vars, host: str, own: Vars) -> list[str]:
    interface = own.get(setting) or settings.get(setting)
    where = "in group_vars, or in host_vars if this node differs"
    if not interface:
        if setting == "cloud_vlan_interface":
            return [f"host {host} has no {setting}, which tenant networks of type vlan need: set it {where}"]
        return []
    interfaces = (own.get("ansible_facts") or {}).get("interfaces")
    if interfaces is None or interface in interfaces:
        return []
    return [
        f"host {host} has no interface {interface!r}, which {setting} names; it has {', '.join(sorted(interfaces))}: "
        f"correct {setting} {where}"
    ]


def plan_problems(
    settings: Vars,
    *,
    groups: Vars,
    hostvars: Vars | None = None,
    required_groups: Sequence[str] = REQUIRED_GROUPS,
    optional_groups: Sequence[str] = OPTIONAL_GROUPS,
    services: Mapping[str, Sequence[str]] | None = None,
    tenant_network_types: Sequence[str] = TENANT_NETWORK_TYPES,
    required_settings: Sequence[str] = (),
) -> list[str]:
    """Everything that is wrong with a site, all at once. Settings that are not given are not checked."""
    for name, value in (("settings", settings), ("groups", groups)):
        if not isinstance(value, Mapping):
            raise SettingsError(f"plan_problems wants {name} as a dictionary, not {type(value).__name__}")
    known = (*required_groups, *optional_groups)
    return [
        *_missing_problems(settings, required_settings),
        *_group_problems(groups, required_groups, optional_groups),
        *_region_problems(settings),
        *_service_problems(settings, SERVICES if services is None else services, groups),
        *_tenant_problems(settings, tenant_network_types),
        *_vlan_problems(settings),
        *_volume_problems(settings),
        *_network_problems(settings),
        *_external_problems(settings),
        *_host_problems(settings, groups, hostvars or {}, known),
    ]
