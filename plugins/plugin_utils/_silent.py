# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selects the nodes to examine if services and agents are not alive, and summarizes the results."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterator, Mapping, Sequence

from ansible_collections.mikumo.openstack.plugins.plugin_utils._occupied import needed_ports

__all__ = ["silence_problem", "silent_nodes"]

# Keeps the message short. The cause is usually the same on all compute nodes.
NODES = 5
# Controller ports that the services of a group connect to, by the cloud's service that listens there.
CONNECTIONS: Mapping[str, Sequence[str]] = {
    "controller_nodes": ("MariaDB", "RabbitMQ", "Keystone"),
    "network_nodes": ("RabbitMQ", "Nova's metadata"),
    "compute_nodes": ("RabbitMQ", "Keystone", "Placement", "Neutron", "Glance", "Cinder"),
    "storage_nodes": ("RabbitMQ", "MariaDB", "Keystone", "Glance"),
}


def silent_nodes(
    silent: Sequence[str],
    hostvars: Mapping[str, Mapping[str, t.Any]],
    groups: Mapping[str, Collection[str]],
    services: Collection[str],
    address: str,
) -> dict[str, dict[str, t.Any]]:
    """Return the controller ports to try and the units to examine, by inventory name of the node.

    silent has entries like "nova-compute on compute". The result always includes the first controller, for its packet filter.
    """
    units: dict[str, list[str]] = {}
    for entry in silent:
        binary, _on, host = entry.partition(" on ")
        for name in _named(host, hostvars, groups):
            units.setdefault(name, []).append(binary)
    controller = next(iter(groups.get("controller_nodes") or ()), "")
    variables = hostvars.get(controller) or {}
    chosen = list(units)[:NODES]
    if controller and controller not in chosen:
        chosen.append(controller)
    return {
        name: {"units": units.get(name, []), "targets": list(_targets(name, groups, services, address, variables))}
        for name in chosen
    }


def _named(host: str, hostvars: Mapping[str, Mapping[str, t.Any]], groups: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Yield the inventory names of the node that reports this host name."""
    for name in groups.get("all") or ():
        facts = (hostvars.get(name) or {}).get("ansible_facts") or {}
        if host in (facts.get("nodename"), facts.get("hostname")):
            yield name


def _targets(
    name: str, groups: Mapping[str, Collection[str]], services: Collection[str], address: str, variables: Mapping[str, t.Any]
) -> Iterator[dict[str, t.Any]]:
    wanted = {purpose for group, purposes in CONNECTIONS.items() if name in (groups.get(group) or ()) for purpose in purposes}
    for number, port in needed_ports(["controller_nodes"], services, variables).items():
        if port.purpose in wanted:
            yield {"host": address, "port": number, "purpose": port.purpose}


def silence_problem(message: str, results: Mapping[str, Mapping[str, t.Any]]) -> str:
    """Combine the message of services_alive with the results of connections_info, by node."""
    parts = [message.strip()]
    problems: list[str] = []
    filters: list[str] = []
    units: list[str] = []
    for name, result in results.items():
        if result.get("skipped"):
            continue
        if result.get("unreachable") or result.get("failed"):
            problems.append(f"{name} cannot be examined: {str(result.get('msg', '')).strip()}")
            continue
        problems += result.get("problems") or ()
        filters += [f"{name}: {line}" for line in result.get("filters") or ()]
        units += [f"{name}: {text}" for text in result.get("units") or ()]
    if problems:
        parts.append("\n".join(["Ports that do not answer:", *(f"- {line}" for line in problems)]))
        # Packet filters are common. They are only relevant if a port is closed.
        if filters:
            parts.append("\n".join(["Packet filters there that drop or reject packets:", *(f"- {line}" for line in filters)]))
    parts += units
    return "\n\n".join(parts)
