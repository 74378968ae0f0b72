# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What listens on the nodes of the running cloud is what the table of ports says."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from support.nodes import INVENTORY, ROOT, Nodes

from ansible_collections.mikumo.openstack.plugins.plugin_utils._ports import (
    ANY,
    API,
    LOOPBACK,
    MANAGEMENT,
    PORTS,
    TUNNEL,
    Port,
    node_ports,
    span,
)

Sockets = set[tuple[str, str, int]]
# What the table needs to know of a node, and the numbers of ports that the inventory has.
WANTED = {
    "groups": "{{ group_names }}",
    "services": "{{ cloud_services }}",
    "tenants": "{{ cloud_tenant_network_type }}",
    "management": "{{ cloud_management_network }}",
    "management_address": "{{ cloud_management_address | default('') }}",
    "public_address": "{{ cloud_public_address | default('') }}",
    **{port.setting: f"{{{{ {port.setting} | default('') }}}}" for port in PORTS if port.setting},
}
KINDS = {API: {MANAGEMENT, "public"}}


def listening(output: str, management: str, public: str = "") -> Sockets:
    """Protocol, kind of address and port of each line of `ss -Htlnu`. An address of no known kind stands for itself."""
    found: Sockets = set()
    for line in output.splitlines():
        protocol, _state, _received, _sent, local, *_rest = line.split()
        address, _colon, port = local.rpartition(":")
        address = address.partition("%")[0].strip("[]")
        if address in ("*", "0.0.0.0", "::"):  # noqa: S104
            kind = ANY
        elif ipaddress.ip_address(address).is_loopback:
            kind = LOOPBACK
        else:
            kind = {management: MANAGEMENT, public: "public"}.get(address, address)
        found.add((protocol, kind, int(port)))
    return found


def differences(found: Sockets, ports: Sequence[Port], values: Mapping[str, Any]) -> list[str]:
    """Return sockets that are not in the table, and rows of the table without a socket."""
    told = []
    left = set(found)
    for port in ports:
        first, last = span(port, values)
        matching = {
            one
            for one in found
            if one[0] == port.protocol and one[1] in KINDS.get(port.listens, {port.listens}) and first <= one[2] <= last
        }
        left -= matching
        wanted = (
            KINDS[API] - ({"public"} if not values.get("public_address") else set()) if port.listens == API else {port.listens}
        )
        if port.protocol != "gre" and not port.while_there and {kind for _protocol, kind, _number in matching} != wanted:
            told.append(f"{port.purpose} does not listen: {port.protocol} {first} on {port.listens}")
    return [*told, *(f"not in the table: {protocol} {number} on {kind}" for protocol, kind, number in sorted(left))]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Nodes:
    return Nodes(tmp_path_factory.mktemp("ssh"))


@pytest.fixture(scope="module")
def values() -> dict[str, dict[str, Any]]:
    command = [str(ROOT / "scripts/node-ssh"), "--json", INVENTORY, "all", json.dumps(WANTED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name: node["values"] for name, node in json.loads(done.stdout).items()}


@pytest.mark.lab
@pytest.mark.parametrize("node", ["controller", "network", "compute"])
def test_sockets_of_a_node_are_those_of_the_table(node: str, nodes: Nodes, values: dict[str, dict[str, Any]]) -> None:
    own = values[node]
    network = ipaddress.ip_network(own["management"])
    addresses = [one["local"] for link in json.loads(nodes[node].check_output("ip -j -4 address")) for one in link["addr_info"]]
    management = own["management_address"] or next(one for one in addresses if ipaddress.ip_address(one) in network)
    output = nodes[node].check_output("ss -Htlnup")
    print(output)
    found = listening(output, management, own["public_address"])
    assert found
    assert differences(found, list(node_ports(own["groups"], own["services"], own["tenants"])), own) == []


# --- the comparison itself ----------------------------------------------------------------------------------------------


def line(local: str, protocol: str = "tcp") -> str:
    return f'{protocol} LISTEN 0 4096 {local} 0.0.0.0:* users:(("x",pid=1,fd=2))'


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("127.0.0.1:80", LOOPBACK),
        ("127.0.0.53%lo:80", LOOPBACK),
        ("[::1]:80", LOOPBACK),
        ("0.0.0.0:80", ANY),
        ("*:80", ANY),
        ("[::]:80", ANY),
        ("10.0.0.11:80", MANAGEMENT),
        ("192.0.2.11:80", "public"),
        ("192.0.2.12:80", "192.0.2.12"),
        ("[fe80::1]%eth0:80", "fe80::1"),
    ],
)
def test_a_line_of_ss(text: str, kind: str) -> None:
    assert listening(line(text), "10.0.0.11", "192.0.2.11") == {("tcp", kind, 80)}


SERVICE = Port(5000, "Keystone", "controller_nodes", listens=LOOPBACK)
PROXY = Port(5000, "Keystone", "controller_nodes", setting="keystone_port", listens=API)
CONSOLES = Port(5900, "VNC", "compute_nodes", listens=MANAGEMENT, last=5910, while_there="instances run")
GRE = Port(0, "GRE", "network_nodes", listens=TUNNEL, protocol="gre")


@pytest.mark.parametrize(
    ("found", "ports", "values", "told"),
    [
        (set(), [CONSOLES, GRE], {}, []),
        ({("tcp", LOOPBACK, 5000), ("tcp", MANAGEMENT, 5000)}, [SERVICE, PROXY], {}, []),
        ({("tcp", LOOPBACK, 5000)}, [SERVICE, PROXY], {}, ["Keystone does not listen: tcp 5000 on management and public"]),
        (
            {("tcp", MANAGEMENT, 5000)},
            [PROXY],
            {"public_address": "192.0.2.11"},
            ["Keystone does not listen: tcp 5000 on management and public"],
        ),
        ({("tcp", MANAGEMENT, 5000), ("tcp", "public", 5000)}, [PROXY], {"public_address": "192.0.2.11"}, []),
        ({("tcp", MANAGEMENT, 5001)}, [PROXY], {"keystone_port": "5001"}, []),
        (
            {("tcp", ANY, 5000)},
            [SERVICE],
            {},
            ["Keystone does not listen: tcp 5000 on loopback", "not in the table: tcp 5000 on any"],
        ),
        ({("tcp", MANAGEMENT, 5905)}, [CONSOLES], {}, []),
        ({("tcp", ANY, 5905)}, [CONSOLES], {}, ["not in the table: tcp 5905 on any"]),
        ({("udp", MANAGEMENT, 5905)}, [CONSOLES], {}, ["not in the table: udp 5905 on management"]),
        ({("tcp", MANAGEMENT, 5911)}, [CONSOLES], {}, ["not in the table: tcp 5911 on management"]),
    ],
)
def test_differences(found: Sockets, ports: list[Port], values: dict[str, str], told: list[str]) -> None:
    assert differences(found, ports, values) == told
