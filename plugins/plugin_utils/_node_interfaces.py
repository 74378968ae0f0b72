# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the connections that a node would lose if interfaces became ports of bridges."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.mikumo.openstack.plugins.plugin_utils._bridges import SETTINGS

__all__ = ["interface_problems"]

Facts = Mapping[str, t.Any]
WHERE = "in group_vars, or in host_vars if this node differs"
OPENVSWITCH = "ovs-system"


def interface_problems(facts: Facts, bridges: Sequence[Mapping[str, str]], *, may_lose_addresses: bool = False) -> Iterator[str]:
    """Yield problems with the interfaces of bridges, {name, interface, physical_network}. Needs the fact links."""
    uplinks = {bridge["name"]: bridge["interface"] for bridge in bridges if bridge.get("interface")}
    settings = {bridge["name"]: SETTINGS.get(bridge.get("physical_network", ""), "interface") for bridge in bridges}
    yield from _twice(uplinks, settings)
    if not isinstance(facts.get("links"), Mapping):
        return
    for bridge, interface in uplinks.items():
        yield from _uplink(facts, bridge, interface, settings[bridge], may_lose_addresses)
    yield from _leaving(facts, uplinks)


def _twice(uplinks: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[str]:
    for interface in dict.fromkeys(uplinks.values()):
        names = [settings[bridge] for bridge, one in uplinks.items() if one == interface]
        if len(names) > 1:
            what = f"{' and '.join(names)} both name {interface}, which can be in only one bridge"
            yield f"{what}: give each its own interface {WHERE}"


def _uplink(facts: Facts, bridge: str, interface: str, setting: str, may_lose_addresses: bool) -> Iterator[str]:
    links: Mapping[str, t.Any] = facts["links"]
    change = f"choose another interface for {setting} {WHERE}"
    about = links.get(interface)
    if about is None:
        real = next((name for name, one in links.items() if interface in one.get("altnames", ())), None)
        if real:
            yield f"{setting} is {interface}, an alternative name of this node's interface {real}: use {real} {WHERE}"
        # The settings check reports a missing interface.
        return
    if about.get("loopback"):
        yield f"{setting} is {interface}, the loopback interface, which leads to no other machine: {change}"
        return
    port = (facts.get("openvswitch_ports") or {}).get(interface)
    if port:
        if not port["uplink"] and port["bridge"] != bridge:
            yield (
                f"{setting} is {interface}, which others added to the Open vSwitch bridge {port['bridge']}: {change}, "
                f"or remove it from that bridge with `ovs-vsctl del-port {port['bridge']} {interface}`"
            )
        # The interface lost everything that it carried when it became a port.
        return
    master = about.get("master")
    if master and master != OPENVSWITCH:
        kind = (links.get(master) or {}).get("kind") or "device"
        yield f"{setting} is {interface}, a port of the {kind} {master}: {change}, or remove it from {master}"
        return
    if master != OPENVSWITCH:
        yield from _loss(facts, interface, setting, may_lose_addresses)


def _loss(facts: Facts, interface: str, setting: str, may_lose_addresses: bool) -> Iterator[str]:
    """Yield the connections that the node would lose, because a bridge port passes every frame to Open vSwitch."""
    links: Mapping[str, t.Any] = facts["links"]
    for name in _stack(links, interface):
        on = f"{interface}" if name == interface else f"{interface}, which carries {name}"
        intro = f"{setting} is {on}. A bridge port loses its own connections, and "
        if name == facts.get("session_interface"):
            session = f"{name} ({facts.get('session_address')})"
            yield f"{intro}this run reaches the node through {session}: choose another interface {WHERE}"
            continue
        if name in (facts.get("default_interfaces") or ()):
            yield f"{intro}the default route leads through {name}: choose another interface {WHERE}, or move the route"
            continue
        addresses = [f"{one['address']}/{one['prefixlen']}" for one in links[name].get("addresses", ())]
        if addresses and not may_lose_addresses:
            yield (
                f"{intro}{name} has {', '.join(addresses)}: choose another interface {WHERE}, remove the address from the node's "
                "network configuration, or set preflight_interface_may_lose_addresses to true for this host if nothing needs it"
            )


def _stack(links: Mapping[str, t.Any], interface: str) -> list[str]:
    """Return the interface and everything on top of it: VLANs, and the bridges and bonds that have these as ports."""
    found = [interface]
    for name in found:
        master = links[name].get("master")
        above = [other for other, about in links.items() if about.get("parent") == name or other == master]
        found += [other for other in above if other not in found]
    return found


def _leaving(facts: Facts, uplinks: Mapping[str, str]) -> Iterator[str]:
    """Yield uplinks that must stay: the node may be reachable through the bridge itself, as with a single interface."""
    for interface, port in (facts.get("openvswitch_ports") or {}).items():
        bridge = port["bridge"]
        if not port["uplink"] or uplinks.get(bridge) == interface:
            continue
        if bridge == facts.get("session_interface"):
            loss = f"this run reaches the node through {bridge} ({facts.get('session_address')})"
        elif bridge in (facts.get("default_interfaces") or ()):
            loss = f"the default route leads through {bridge}"
        else:
            continue
        yield f"the settings remove {interface} from the bridge {bridge}, but {loss}: move that to another interface first"
