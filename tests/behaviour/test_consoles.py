# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consoles of instances: users reach them through the proxy, and nobody reaches them otherwise."""

from __future__ import annotations

import ssl

import pytest
from support.instances import Instance
from support.nodes import Nodes
from support.vnc import Console

# What a VNC server offers: a number, and as many kinds of security. 19 is VeNCrypt, which is TLS.
OFFER = r"""
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20) as server:
    stream = server.makefile("rb")
    server.sendall(stream.read(12))
    print(*stream.read(stream.read(1)[0]))
"""


@pytest.mark.journal(controller=["haproxy", "nova-novncproxy"], compute=["libvirtd"])
def test_console_in_the_browser(one: Instance) -> None:
    url = one.cloud.compute.create_server_remote_console(one.server, protocol="vnc", type="novnc").url
    authorities = ssl.create_default_context(cafile=one.cloud.config.config.get("cacert"))
    with Console(url, authorities) as console:
        print(console.status)
        assert console.status == "HTTP/1.1 101 Switching Protocols"
        assert console.handshake() == bytes(4)


def test_consoles_of_a_compute_node_want_a_certificate(nodes: Nodes, one: Instance) -> None:
    compute = nodes["compute"]
    domain = compute.check_output("virsh list --uuid | grep -F %s", one.server.id)
    display = compute.check_output("virsh vncdisplay %s", domain)
    address, _colon, number = display.rpartition(":")
    offered = nodes["controller"].check_output("python3 -c %s %s %s", OFFER, address, str(5900 + int(number)))
    print(f"{display} offers {offered}")
    assert offered == "19"
    listening = compute.check_output("ss --numeric --listening --tcp --no-header").split("\n")
    serial = [line.split()[3] for line in listening if line.split()[3].rpartition(":")[2].startswith("1000")]
    assert serial
    assert all(place.startswith("127.0.0.1:") for place in serial)
