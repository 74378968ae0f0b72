# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every socket that listens on a site's nodes: the only place that knows them all.

The checks before a run, docs/ports.md, the test of the lab's nodes and the firewall read this table.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

__all__ = [
    "ANY",
    "API",
    "COMPUTE",
    "CONTROLLER",
    "EVERY",
    "LOOPBACK",
    "MANAGEMENT",
    "NETWORK",
    "PORTS",
    "SSH",
    "STORAGE",
    "TUNNEL",
    "USERS",
    "Port",
    "controller_ports",
    "needed_ports",
    "node_ports",
    "number",
    "span",
]

CONTROLLER, NETWORK, COMPUTE, STORAGE = "controller_nodes", "network_nodes", "compute_nodes", "storage_nodes"
# Ansible's name for all hosts.
EVERY = "all"

# Addresses that a socket listens on.
ANY = "any"
LOOPBACK = "loopback"
MANAGEMENT = "management"
TUNNEL = "tunnel"
# The management address and cloud_public_address.
API = "management and public"

# In `reach`, next to groups of nodes.
USERS = "users"


@dataclass(frozen=True)
class Port:
    """A listening socket of a group's nodes."""

    number: int
    purpose: str
    group: str
    # Units that listen on it. They are never in the way of the collection. Empty if the preflight does not look at the port.
    units: tuple[str, ...] = ()
    # The cloud's service that needs the port. Empty if every site needs it.
    service: str = ""
    # The role's variable for the port number. A site may set it.
    setting: str = ""
    listens: str = ANY
    # Groups of nodes, or USERS. Empty: nobody but the node itself.
    reach: tuple[str, ...] = ()
    protection: str = ""
    # tcp, udp, or gre, which has no ports.
    protocol: str = "tcp"
    # The last port of a range.
    last: int = 0
    # The type of the tenants' networks that needs the port. Empty: any.
    tenants: str = ""
    # When the socket is there, if not always.
    while_there: str = ""


RABBITMQ = ("rabbitmq-server.service", "epmd.service", "epmd.socket")
OPENFLOW = ("neutron-openvswitch-agent.service",)
SWITCH = ("openvswitch-switch.service", "ovsdb-server.service", "ovs-vswitchd.service")
PROXY = ("haproxy.service",)
TUNNELS = (NETWORK, COMPUTE)
PEERS = "there are other network or compute nodes"
INSTANCES = "instances run"

UNPROTECTED = "none: loopback"
TOKENS = "TLS, Keystone's tokens"


def _api(
    number: int,
    purpose: str,
    unit: str,
    service: str,
    setting: str,
    *,
    protection: str = TOKENS,
    reach: tuple[str, ...] = (USERS, CONTROLLER, NETWORK, COMPUTE, STORAGE),
) -> tuple[Port, Port]:
    """Return the sockets of a service on loopback, and of HAProxy, which forwards the same port of the node's addresses to it."""
    return (
        Port(number, purpose, CONTROLLER, (f"{unit}.service",), service, setting, LOOPBACK, protection=UNPROTECTED),
        Port(number, purpose, CONTROLLER, PROXY, service, setting, API, reach, protection),
    )


# Debian's. The site decides its port, address and keys.
SSH = Port(22, "SSH, for Ansible", EVERY, reach=(USERS,), protection="SSH")

PORTS: tuple[Port, ...] = (
    SSH,
    *_api(5000, "Keystone", "keystone", "keystone", "keystone_port"),
    *_api(9292, "Glance", "glance-api", "glance", "glance_port"),
    *_api(8778, "Placement", "placement-api", "placement", "placement_port"),
    *_api(8774, "Nova", "nova-api", "nova", "nova_port"),
    *_api(
        8775,
        "Nova's metadata",
        "nova-api-metadata",
        "nova",
        "nova_metadata_port",
        protection="TLS, signatures with a shared secret",
        reach=(NETWORK,),
    ),
    *_api(
        6080,
        "consoles",
        "nova-novncproxy",
        "nova",
        "nova_novncproxy_port",
        protection="TLS, a token for each console",
        reach=(USERS,),
    ),
    *_api(9696, "Neutron", "neutron-api", "neutron", "neutron_port"),
    *_api(8776, "Cinder", "cinder-api", "cinder", "cinder_port"),
    *_api(8004, "Heat", "heat-api", "heat", "heat_port"),
    Port(80, "Horizon", CONTROLLER, ("apache2.service",), "horizon", "horizon_port", LOOPBACK, protection=UNPROTECTED),
    Port(80, "Horizon", CONTROLLER, PROXY, "horizon", "", API, (USERS,), "only redirects to HTTPS"),
    Port(443, "Horizon", CONTROLLER, PROXY, "horizon", "", API, (USERS,), "TLS, passwords"),
    Port(
        3306,
        "MariaDB",
        CONTROLLER,
        ("mariadb.service",),
        listens=MANAGEMENT,
        reach=(CONTROLLER, STORAGE),
        protection="TLS, passwords",
    ),
    Port(
        5671,
        "RabbitMQ",
        CONTROLLER,
        RABBITMQ,
        setting="rabbitmq_port",
        listens=MANAGEMENT,
        reach=(CONTROLLER, NETWORK, COMPUTE, STORAGE),
        protection="TLS, passwords",
    ),
    Port(4369, "RabbitMQ (epmd)", CONTROLLER, RABBITMQ, listens=LOOPBACK, protection=UNPROTECTED),
    Port(25672, "RabbitMQ (distribution)", CONTROLLER, RABBITMQ, listens=LOOPBACK, protection="Erlang's cookie; loopback"),
    Port(
        11211,
        "memcached",
        CONTROLLER,
        ("memcached.service",),
        setting="memcached_port",
        listens=LOOPBACK,
        protection=UNPROTECTED,
    ),
    Port(8404, "HAProxy's metrics", CONTROLLER, PROXY, "", "haproxy_metrics_port", LOOPBACK, protection=UNPROTECTED),
    *(
        port
        for group in TUNNELS
        for port in (
            Port(6633, "the Open vSwitch agent", group, OPENFLOW, "neutron", listens=LOOPBACK, protection=UNPROTECTED),
            Port(6640, "Open vSwitch's database", group, SWITCH, "neutron", listens=LOOPBACK, protection=UNPROTECTED),
            Port(
                4789,
                "VXLAN tunnels of the tenants' networks",
                group,
                reach=TUNNELS,
                protection="none",
                protocol="udp",
                tenants="vxlan",
                while_there=PEERS,
            ),
            Port(
                0,
                "GRE tunnels of the tenants' networks",
                group,
                listens=TUNNEL,
                reach=TUNNELS,
                protection="none",
                protocol="gre",
                tenants="gre",
                while_there=PEERS,
            ),
        )
    ),
    # libvirt gives each instance the first free port.
    Port(
        5900,
        "consoles of instances (VNC)",
        COMPUTE,
        service="nova",
        listens=MANAGEMENT,
        reach=(CONTROLLER,),
        protection="TLS, with certificates on both sides",
        last=6923,
        while_there=INSTANCES,
    ),
    # Nova's own range.
    Port(
        10000,
        "serial consoles of instances, for their logs",
        COMPUTE,
        service="nova",
        listens=LOOPBACK,
        protection=UNPROTECTED,
        last=20000,
        while_there=INSTANCES,
    ),
    Port(
        3260,
        "iSCSI targets",
        STORAGE,
        ("tgt.service",),
        "cinder",
        listens=MANAGEMENT,
        reach=(COMPUTE, STORAGE),
        protection="CHAP, no encryption",
    ),
)


def node_ports(groups: Collection[str], services: Collection[str], tenants: str) -> Iterator[Port]:
    """Yield the sockets of a node in these groups, for the cloud's services and the type of its tenants' networks."""
    seen = set()
    for port in PORTS:
        wanted = port.group in (EVERY, *groups) and port.service in ("", *services) and port.tenants in ("", tenants)
        # A node may be in several groups.
        of_all = replace(port, group=EVERY)
        if wanted and of_all not in seen:
            seen.add(of_all)
            yield port


def needed_ports(groups: Collection[str], services: Collection[str], variables: Mapping[str, t.Any]) -> dict[int, Port]:
    """Return the TCP ports that a node in these groups needs, by number, without duplicates.

    Several sockets with the same number become one. It listens on any address if they listen on different ones.
    """
    ports: dict[int, Port] = {}
    for port in PORTS:
        if not port.units or port.group not in groups or port.service not in ("", *services):
            continue
        key = number(port, variables)
        first = ports.get(key, port)
        ports[key] = replace(
            first,
            units=tuple(dict.fromkeys([*first.units, *port.units])),
            listens=first.listens if first.listens == port.listens else ANY,
        )
    return ports


def number(port: Port, variables: Mapping[str, t.Any]) -> int:
    """Return the port number from the controller's variables, or the default."""
    value = variables.get(port.setting, port.number) if port.setting else port.number
    # The role's own argument specification reports other problems with the value.
    return int(value) if str(value).isdigit() else port.number


def span(port: Port, variables: Mapping[str, t.Any]) -> tuple[int, int]:
    """Return the first and the last port number."""
    first = number(port, variables)
    return first, max(first, port.last)


def controller_ports(variables: Mapping[str, t.Any]) -> dict[str, int]:
    """Return the port numbers that a site may set, by setting name."""
    return {port.setting: number(port, variables) for port in PORTS if port.setting}
