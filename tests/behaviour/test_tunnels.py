# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VXLAN: what tenants send to each other goes between the nodes in frames of the tunnel network."""

from __future__ import annotations

import ipaddress
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from openstack.connection import Connection
from support.instances import Instance
from support.nodes import Nodes
from support.project import Project
from support.waiting import wait_for

pytestmark = pytest.mark.journal(network=["neutron-openvswitch-agent", "neutron-l3-agent"], compute=["neutron-openvswitch-agent"])

NODES = ("network", "compute")


def tunnel_address(nodes: Nodes, node: str) -> str:
    tunnels = ipaddress.ip_network(nodes.settings[node]["tunnels"])
    addresses: list[str] = re.findall(r"inet ([\d.]+)", nodes[node].check_output("ip -4 -oneline address show"))
    return next(address for address in addresses if ipaddress.ip_address(address) in tunnels)


def packets(nodes: Nodes, node: str) -> dict[str, int]:
    """What all tunnel ports of Open vSwitch have received and sent."""
    text = nodes[node].check_output("ovs-ofctl --names dump-ports br-tun")
    ports = re.findall(r'port\s+"?(vxlan-\w+)"?: rx pkts=(\d+).*\n\s+tx pkts=(\d+)', text)
    return {"received": sum(int(port[1]) for port in ports), "sent": sum(int(port[2]) for port in ports)}


def test_pings_travel_in_vxlan(nodes: Nodes, admin: Connection, project: Project, one: Instance) -> None:
    vni = admin.network.get_network(project.network.id).provider_segmentation_id
    address = {node: tunnel_address(nodes, node) for node in NODES}
    before = {node: packets(nodes, node) for node in NODES}
    with ThreadPoolExecutor() as pool:
        listening = {node: pool.submit(nodes.python, node, "vxlan_frames.py", one.fixed, 60) for node in NODES}
        pings = 0
        while not all(listener.done() for listener in listening.values()):
            pings += 1
            nodes["network"].run("ip netns exec %s ping -c 1 -W 2 %s", f"qrouter-{project.router.id}", one.fixed)

    def grown(node: str) -> dict[str, int]:
        # Open vSwitch adds what a flow has carried to the counters of tunnel ports now and then, not with each packet.
        after = packets(nodes, node)
        return {way: after[way] - before[node][way] for way in after}

    print(f"{pings} pings from the router to {one.fixed}; network {project.network.name} has the number {vni}")
    for node in NODES:
        frames = listening[node].result()
        for frame in frames:
            print("  {0}, {interface}: {from} > {to} VXLAN {vni}, {ping}".format(node, **frame))
        more = wait_for(f"packets on {node}'s tunnel ports", partial(grown, node), lambda seen: min(seen.values()) >= 1, 30)
        print(f"  {node}: tunnel ports of br-tun received {more['received']} and sent {more['sent']} packets more")
        assert {frame["vni"] for frame in frames} == {vni}
        ways = {frame["ping"]: (frame["from"], frame["to"]) for frame in frames}
        there = (address["network"], address["compute"])
        assert ways == {"request": there, "reply": there[::-1]}
