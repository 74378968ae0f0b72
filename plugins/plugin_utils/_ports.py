# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TCP ports of a site: the only place that knows them all."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Mapping
from dataclasses import dataclass

__all__ = ["COMPUTE", "CONTROLLER", "NETWORK", "PORTS", "STORAGE", "Port", "controller_ports", "needed_ports"]


@dataclass(frozen=True)
class Port:
    """A TCP port of a group's nodes. It belongs to this collection if one of the units listens on it."""

    number: int
    purpose: str
    group: str
    units: tuple[str, ...]
    # The cloud's service that needs the port. Empty if every site needs it.
    service: str = ""
    # The role's variable for the port number. A site may set it.
    setting: str = ""
    # Our unit listens on "any" address, on "one" of the node's addresses except loopback, or on "loopback".
    listens: str = "any"


CONTROLLER, NETWORK, COMPUTE, STORAGE = "controller_nodes", "network_nodes", "compute_nodes", "storage_nodes"
RABBITMQ = ("rabbitmq-server.service", "epmd.service", "epmd.socket")
OPENFLOW = ("neutron-openvswitch-agent.service",)
SWITCH = ("openvswitch-switch.service", "ovsdb-server.service", "ovs-vswitchd.service")
PORTS = (
    Port(3306, "MariaDB", CONTROLLER, ("mariadb.service",)),
    Port(4369, "RabbitMQ (epmd)", CONTROLLER, RABBITMQ),
    Port(5672, "RabbitMQ", CONTROLLER, RABBITMQ, setting="rabbitmq_port", listens="one"),
    Port(25672, "RabbitMQ (distribution)", CONTROLLER, RABBITMQ),
    Port(11211, "memcached", CONTROLLER, ("memcached.service",), setting="memcached_port", listens="one"),
    Port(5000, "Keystone", CONTROLLER, ("keystone.service",), "keystone", "keystone_port"),
    Port(9292, "Glance", CONTROLLER, ("glance-api.service",), "glance", "glance_port", "one"),
    Port(8778, "Placement", CONTROLLER, ("placement-api.service",), "placement", "placement_port"),
    Port(8774, "Nova", CONTROLLER, ("nova-api.service",), "nova", "nova_port"),
    Port(8775, "Nova's metadata", CONTROLLER, ("nova-api-metadata.service",), "nova"),
    Port(6080, "consoles", CONTROLLER, ("nova-novncproxy.service",), "nova", "nova_novncproxy_port", "one"),
    Port(9696, "Neutron", CONTROLLER, ("neutron-api.service",), "neutron", "neutron_port"),
    Port(8776, "Cinder", CONTROLLER, ("cinder-api.service",), "cinder", "cinder_port"),
    Port(8004, "Heat", CONTROLLER, ("heat-api.service",), "heat", "heat_port"),
    Port(80, "Horizon", CONTROLLER, ("apache2.service",), "horizon"),
    Port(3260, "iSCSI targets", STORAGE, ("tgt.service",), "cinder"),
    *(
        port
        for group in (NETWORK, COMPUTE)
        for port in (
            Port(6633, "the Open vSwitch agent", group, OPENFLOW, "neutron", listens="loopback"),
            Port(6640, "Open vSwitch's database", group, SWITCH, "neutron", listens="loopback"),
        )
    ),
)


def needed_ports(groups: Collection[str], services: Collection[str], variables: Mapping[str, t.Any]) -> dict[int, Port]:
    """Return the ports that a node in these groups needs, by number, without duplicates."""
    ports: dict[int, Port] = {}
    for port in PORTS:
        if port.group in groups and (not port.service or port.service in services):
            ports.setdefault(number(port, variables), port)
    return ports


def number(port: Port, variables: Mapping[str, t.Any]) -> int:
    """Return the port number from the controller's variables, or the default."""
    value = variables.get(port.setting, port.number) if port.setting else port.number
    # The role's own argument specification reports other problems with the value.
    return int(value) if str(value).isdigit() else port.number


def controller_ports(variables: Mapping[str, t.Any]) -> dict[str, int]:
    """Return the port numbers that a site may set, by setting name."""
    return {port.setting: number(port, variables) for port in PORTS if port.setting}
