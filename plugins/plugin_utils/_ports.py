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
PROXY = ("haproxy.service",)


def _api(number: int, purpose: str, unit: str, service: str, setting: str) -> Port:
    """Return the port of a service on loopback, where HAProxy forwards the same port of the node's addresses to it."""
    return Port(number, purpose, CONTROLLER, (f"{unit}.service", *PROXY), service, setting)


PORTS = (
    Port(3306, "MariaDB", CONTROLLER, ("mariadb.service",), listens="one"),
    Port(4369, "RabbitMQ (epmd)", CONTROLLER, RABBITMQ, listens="loopback"),
    Port(5671, "RabbitMQ", CONTROLLER, RABBITMQ, setting="rabbitmq_port", listens="one"),
    Port(25672, "RabbitMQ (distribution)", CONTROLLER, RABBITMQ, listens="loopback"),
    Port(11211, "memcached", CONTROLLER, ("memcached.service",), setting="memcached_port", listens="loopback"),
    _api(5000, "Keystone", "keystone", "keystone", "keystone_port"),
    _api(9292, "Glance", "glance-api", "glance", "glance_port"),
    _api(8778, "Placement", "placement-api", "placement", "placement_port"),
    _api(8774, "Nova", "nova-api", "nova", "nova_port"),
    _api(8775, "Nova's metadata", "nova-api-metadata", "nova", "nova_metadata_port"),
    _api(6080, "consoles", "nova-novncproxy", "nova", "nova_novncproxy_port"),
    _api(9696, "Neutron", "neutron-api", "neutron", "neutron_port"),
    _api(8776, "Cinder", "cinder-api", "cinder", "cinder_port"),
    _api(8004, "Heat", "heat-api", "heat", "heat_port"),
    _api(80, "Horizon", "apache2", "horizon", "horizon_port"),
    Port(443, "Horizon", CONTROLLER, PROXY, "horizon", listens="one"),
    Port(8404, "HAProxy's metrics", CONTROLLER, PROXY, setting="haproxy_metrics_port", listens="loopback"),
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
