# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: fixed ones come from dnsmasq as Neutron says, floating ones go where their owner wants them."""

from __future__ import annotations

import pytest
from support.instances import Instance, answer_of
from support.nodes import Nodes
from support.project import Project
from support.waiting import wait_for

# Asks for an address once more as the instance does, and prints the answer instead of using it.
ASK = """cat >/run/answer <<'SCRIPT'
#!/bin/sh
[ "$1" != bound ] || env
SCRIPT
chmod 755 /run/answer
udhcpc -i %s -n -q -f -t 5 -T 3 -O mtu -s /run/answer 2>/dev/null"""


@pytest.mark.journal(network=["neutron-dhcp-agent", "neutron-openvswitch-agent"])
def test_dhcp_answers_what_neutron_says(nodes: Nodes, project: Project, one: Instance) -> None:
    network = project.network.id
    hosts = nodes["network"].file(f"/var/lib/neutron/dhcp/{network}/host").content_string.splitlines()
    (line,) = [line for line in hosts if one.port.mac_address in line]
    print(f"dnsmasq is told: {line}")
    assert one.fixed in line.split(",")
    namespace = nodes["network"].check_output("ip netns exec %s ip -4 -oneline address show", f"qdhcp-{network}")
    servers = [
        port.fixed_ips[0]["ip_address"] for port in project.admin.network.ports(network_id=network, device_owner="network:dhcp")
    ]
    assert all(f"inet {server}/" in namespace for server in servers)

    mac, interface = one.says("cat /sys/class/net/e*/address; ls -d /sys/class/net/e*").split()
    assert mac == one.port.mac_address
    answer = dict(line.split("=", 1) for line in one.says(ASK, interface.split("/")[-1]).splitlines() if "=" in line)
    print("it answers: " + ", ".join(f"{name} {answer.get(name)}" for name in ("ip", "router", "mtu", "lease", "serverid")))
    assert answer["ip"] == one.fixed
    assert answer["serverid"] in servers
    assert answer["router"] == "192.168.77.1"
    # VXLAN takes 50 bytes of a frame.
    assert int(answer["mtu"]) == project.cloud.network.get_network(network).mtu == 1450


@pytest.mark.journal(network=["neutron-l3-agent"], controller=["neutron-rpc-server"])
def test_floating_address_moves(project: Project, one: Instance, two: Instance) -> None:
    neutron, address = project.cloud.network, one.address

    def owner() -> str:
        return answer_of(one.inside, "hostname")

    print(f"{address} is {owner()}")
    assert owner() == one.name
    # A fixed address has one floating address at most.
    neutron.update_ip(two.floating, port_id=None)
    try:
        neutron.update_ip(one.floating, port_id=two.port.id)
        wait_for(f"{two.name} at {address}", owner, two.name.__eq__)
        print(f"{address} is {two.name}, and {two.address} is nobody's")
        assert answer_of(two.inside, "hostname") == ""
    finally:
        neutron.update_ip(one.floating, port_id=one.port.id)
        neutron.update_ip(two.floating, port_id=two.port.id)
    wait_for(f"{one.name} at {address}", owner, one.name.__eq__)
    wait_for(f"{two.name} at {two.address}", lambda: answer_of(two.inside, "hostname"), two.name.__eq__)
    print(f"{address} is {one.name} again, and {two.address} is {two.name}")
