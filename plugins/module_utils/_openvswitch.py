# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open vSwitch bridges and their uplinks: current state, desired state, and the ovs-vsctl commands to get there.

The collection marks each port that it adds to a bridge. It only ever removes ports with this mark: Neutron's agents and
administrators have ports in the same bridges.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MARK = ("mikumo", "uplink")
MARKED = f"external_ids:{MARK[0]}={MARK[1]}"
LISTING = [
    *["--columns=name,ports", "list", "Bridge"],
    *["--", "--columns=_uuid,name,interfaces,external_ids", "list", "Port"],
    *["--", "--columns=_uuid,name,type", "list", "Interface"],
]
# Types of ordinary interfaces. Neutron's own ports, patch ports and tunnels have other types.
SYSTEM = ("", "system")


class BridgeError(ValueError):
    """A request that is impossible, or would remove a port that belongs to somebody else."""


@dataclass(frozen=True)
class Port:
    bridge: str
    name: str
    interfaces: tuple[str, ...]
    marked: bool
    system: bool


@dataclass(frozen=True)
class Found:
    bridges: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()

    def of(self, interface: str) -> Port | None:
        """Return the port of the interface. Open vSwitch allows at most one."""
        return next((port for port in self.ports if interface in port.interfaces), None)


@dataclass
class Plan:
    commands: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    marked: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


def found(listing: str) -> Found:
    """Parse ovs-vsctl's JSON output of the three tables of LISTING, one per line."""
    bridges, ports, interfaces = (json.loads(line)["data"] for line in listing.splitlines())
    types = {uuid[1]: (name, kind) for uuid, name, kind in interfaces}
    by_uuid = {uuid[1]: (name, _references(members), dict(ids[1])) for uuid, name, members, ids in ports}
    result = []
    for bridge, column in bridges:
        for port in _references(column):
            name, members, ids = by_uuid[port]
            result.append(
                Port(
                    bridge=bridge,
                    name=name,
                    interfaces=tuple(types[member][0] for member in members),
                    marked=ids.get(MARK[0]) == MARK[1],
                    system=name != bridge and any(types[member][1] in SYSTEM for member in members),
                )
            )
    return Found(tuple(bridge for bridge, _column in bridges), tuple(result))


def _references(column: Sequence[Any]) -> list[str]:
    """Return the references of a column. ovs-vsctl writes one element as itself, several as a set."""
    kind, value = column
    return [value] if kind == "uuid" else [item[1] for item in value]


def uplinks(bridges: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the bridge by interface. Refuses loops and impossible requests."""
    result: dict[str, str] = {}
    for bridge in bridges:
        name, interface = bridge["name"], bridge.get("interface")
        if not interface:
            continue
        if result.get(interface, name) != name:
            raise BridgeError(
                f"The interface {interface} is assigned to two bridges, {result[interface]} and {name}. Each bridge needs "
                "its own interface."
            )
        other = next((one for one, where in result.items() if where == name and one != interface), None)
        if other:
            raise BridgeError(
                f"The bridge {name} is listed with two interfaces, {other} and {interface}. Frames would loop: "
                "name only one of them, or a bond of both."
            )
        result[interface] = name
    return result


def plan(there: Found, bridges: Sequence[Mapping[str, Any]]) -> Plan:
    wanted = uplinks(bridges)
    result = Plan()
    for port in there.ports:
        if port.marked and wanted.get(port.name) != port.bridge:
            result.commands += ["--", "--if-exists", "del-port", port.bridge, port.name]
            result.removed.append(f"{port.bridge} {port.name}")
            result.before.append(f"{port.bridge} {port.name}")
    for name in dict.fromkeys(bridge["name"] for bridge in bridges):
        result.after.append(name)
        if name in there.bridges:
            result.before.append(name)
        else:
            result.missing.append(name)
            result.commands += ["--", "--may-exist", "add-br", name]
        for interface in (interface for interface, bridge in wanted.items() if bridge == name):
            _plan_uplink(result, there, name, interface)
    return result


def _plan_uplink(result: Plan, there: Found, bridge: str, interface: str) -> None:
    port = there.of(interface)
    line = f"{bridge} {interface}"
    result.after.append(line)
    if port and port.bridge == bridge:
        result.before.append(line if port.marked or port.name != interface else f"{line} (not marked)")
        # Do not take over a bond that an administrator created by hand.
        if not port.marked and port.name == interface:
            result.marked.append(line)
            result.commands += ["--", "set", "Port", interface, MARKED]
        return
    if port and not port.marked:
        raise BridgeError(
            f"The interface {interface} is already a port of the bridge {port.bridge}, and this collection did not add it. "
            f"Name another interface for {bridge}. If nothing needs it there, remove it with "
            f"`ovs-vsctl del-port {port.bridge} {port.name}`."
        )
    others = [one.name for one in there.ports if one.bridge == bridge and one.system and not one.marked]
    if others:
        result.warnings.append(
            f"The bridge {bridge} gets the interface {interface}, but already has {', '.join(others)}, which this collection did "
            "not add. If they lead into the same network, frames loop. Remove an interface that is no longer needed: "
            f"`ovs-vsctl del-port {bridge} {others[0]}`."
        )
    result.missing.append(line)
    result.commands += ["--", "add-port", bridge, interface, "--", "set", "Port", interface, MARKED]
