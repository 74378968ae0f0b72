#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: the few facts that this collection uses."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_facts
short_description: Gather the facts of a node that this collection uses
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Under the names and in the units of M(ansible.builtin.setup), which may be used instead, and gathers them all in several
    seconds of a slow core where this takes less than one.
extends_documentation_fragment:
  - mikumo.openstack.reading
attributes:
  action:
    support: full
    description: The machine that runs Ansible compares the node's clock with its own.
  check_mode:
    support: full
    description: This module does not modify state.
  facts:
    support: full
    description: Action returns an C(ansible_facts) dictionary that will update existing host facts.
  platform:
    support: full
    platforms: linux
    description: Target OS/families that can be operated against.
options: {}
seealso:
  - module: ansible.builtin.setup
"""

EXAMPLES = r"""
- name: Facts
  mikumo.openstack.node_facts:

- name: Say how large the controller's services become
  ansible.builtin.debug:
    msg: "{{ ansible_facts | mikumo.openstack.node_sizes }}"
"""

RETURN = r"""
ansible_facts:
  description:
    - Each with the prefix C(ansible_), which Ansible takes away in C(ansible_facts).
    - C(hostname), C(nodename) with the domain if the kernel knows it, C(distribution), C(distribution_version),
      C(distribution_major_version), C(memtotal_mb) and C(memused_mb) in MiB, C(processor_vcpus), C(interfaces),
      C(all_ipv4_addresses), C(devices) with C(sectors) of 512 bytes, and C(mounts) with sizes in bytes.
    - C(kvm), whether the processor's virtualisation can be used. This and what follows M(ansible.builtin.setup) does not have.
    - C(links). By interface, C(addresses) (all of IPv4, the global ones of
      IPv6), each with C(address), C(prefixlen), C(family) (C(ipv4) or C(ipv6)) and C(secondary). C(master) is the bridge or
      bond that the interface is a port of, C(parent) the interface that a VLAN is on, C(kind) such as C(vlan), C(bond) or
      empty for hardware. C(up), C(loopback) and C(altnames) are as in C(ip address).
    - C(default_interfaces), the interfaces with a default route, of IPv4 or IPv6.
    - C(session_address) and C(session_interface), where the SSH connection of this run arrived. V(null) where nothing tells,
      as with other connection plugins. Ansible reserves names that begin with C(ssh_).
    - C(openvswitch_ports), by interface, the C(bridge) of Open vSwitch that it is in, and whether
      M(mikumo.openstack.openvswitch_bridges) put it there (C(uplink)). Not there where Open vSwitch cannot be asked.
    - C(listening), the TCP sockets that listen, each with C(port), C(address) and C(unit), which is empty for a program that
      systemd has not started, and V(null) where the kernel cannot tell.
    - C(time_sync). C(others) are the units that keep the clock and that the role C(time_sync) of this collection has not set up,
      C(config) is the configuration that the role gave chrony, and C(current) whether chrony runs with it.
    - C(clock_offset), the least and the most seconds by which the node's clock may be ahead of the clock of the machine that
      runs Ansible.
    - C(apache_sites), the files of Apache's enabled sites that are neither Debian's nor ours, and C(broker_data), the names of
      the nodes of a RabbitMQ that this collection has not configured.
    - C(database_login), why a MariaDB or MySQL that this collection has not configured does not let root in. Empty if it does,
      if there is no such server, and without the privileges of root.
    - C(block_devices), by path, with C(size) in bytes, C(type), C(content) that would be lost, C(used) by whom, C(member) for a
      physical volume of LVM, its volume C(group), and C(read_only). C(block_links) has the path behind each other name, such as
      those in C(/dev/disk) and C(/dev/mapper), C(loop_files) the file behind each loop device.
      C(block_devices) is not there where C(lsblk) fails.
    - C(installed_packages), the names of the Debian packages that are installed and configured. Empty where an
      installation was interrupted, see M(mikumo.openstack.installed_packages).
  returned: always
  type: dict
  sample:
    ansible_hostname: controller
    ansible_nodename: controller.example.org
    ansible_distribution: Debian
    ansible_distribution_major_version: "13"
    ansible_memtotal_mb: 4015
    ansible_processor_vcpus: 1
    ansible_kvm: false
    ansible_all_ipv4_addresses: [10.0.0.11, 10.0.1.11]
    ansible_links:
      eth0:
        addresses: [{address: 10.0.0.11, prefixlen: 24, family: ipv4, secondary: false}]
        master: null
        parent: null
        kind: ""
        up: true
        loopback: false
        altnames: [enp1s0]
    ansible_default_interfaces: [eth0]
    ansible_openvswitch_ports: {eth2: {bridge: br-external, uplink: true}}
    ansible_session_address: 10.0.0.11
    ansible_session_interface: eth0
    ansible_listening: [{port: 22, address: 0.0.0.0, unit: ssh.service}]
    ansible_time_sync: {others: [systemd-timesyncd.service], config: "", current: false}
    ansible_clock_offset: [-0.412, 0.057]
"""

import os
import platform
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils import _node_facts as node_facts
from ansible_collections.mikumo.openstack.plugins.module_utils import _node_links as node_links
from ansible_collections.mikumo.openstack.plugins.module_utils._block_devices import (
    LSBLK,
    MEMBER,
    PVS,
    backing_files,
    links,
    volume_groups,
)
from ansible_collections.mikumo.openstack.plugins.module_utils._block_devices import block_devices as devices
from ansible_collections.mikumo.openstack.plugins.module_utils._commands import run
from ansible_collections.mikumo.openstack.plugins.module_utils._dpkg import QUERY, by_state, forgotten_policy
from ansible_collections.mikumo.openstack.plugins.module_utils._node_state import node_state
from ansible_collections.mikumo.openstack.plugins.module_utils._openvswitch import LISTING, found

ROOT = Path("/")


def installed_packages() -> dict[str, list[str]]:
    """Empty where somebody has to look closer, or there is no dpkg: a fact that was left out might come from a cache of facts."""
    rc, out, _err = run(QUERY)
    installed, unfinished = by_state(out)
    return {"installed_packages": [] if rc or unfinished or forgotten_policy() else installed}


def openvswitch_ports(module: AnsibleModule) -> dict[str, dict[str, dict[str, object]]]:
    if not module.get_bin_path("ovs-vsctl"):
        return {"openvswitch_ports": {}}
    # Without waiting for the daemon, which may be down while its database answers.
    rc, out, _err = run(["ovs-vsctl", "--timeout=5", "--no-wait", "--format=json", "--", *LISTING])
    if rc:
        return {}
    ports = {
        interface: {"bridge": port.bridge, "uplink": port.marked} for port in found(out).ports for interface in port.interfaces
    }
    return {"openvswitch_ports": ports}


def block_devices(module: AnsibleModule) -> dict[str, object]:
    rc, out, _err = run(LSBLK)
    if rc:
        return {}
    # Only root may ask LVM. It is not asked where there is nothing of it.
    groups: dict[str, str] = {}
    if any(f'"{word}"' in out for word in (MEMBER, "lvm")) and module.get_bin_path("pvs"):
        failed, listing, _err = run(PVS)
        groups = {} if failed else volume_groups(listing)
    found_devices = devices(out, groups)
    return {"block_devices": found_devices, "block_links": links(ROOT, found_devices), "loop_files": backing_files(ROOT)}


def ip(module: AnsibleModule, *arguments: str, wanted: bool = True) -> str:
    """What ip prints. Not wanted is what fails on a kernel without the family."""
    command = ["ip", "-json", *arguments]
    rc, out, err = run(command)
    if rc != 0 and not wanted:
        return ""
    if rc != 0:
        module.fail_json(msg=f"`{' '.join(command)}` ended with {rc}: {err.strip()}. Install iproute2 on this node.")
    return out


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    addresses = ip(module, "-details", "address")
    facts = {
        "hostname": platform.node().split(".")[0],
        "nodename": platform.node(),
        "processor_vcpus": len(os.sched_getaffinity(0)),
        "kvm": Path("/dev/kvm").exists(),
        **node_facts.distribution(ROOT),
        **node_facts.memory(ROOT),
        **node_facts.addresses(addresses),
        **node_links.links(addresses),
        **node_links.default_interfaces(
            *(ip(module, family, "route", "show", "default", wanted=False) for family in ("-4", "-6"))
        ),
        **node_links.session(os.environ, ROOT, os.getppid(), addresses),
        **node_facts.devices(ROOT),
        **node_facts.mounts(ROOT),
        **openvswitch_ports(module),
        **block_devices(module),
        **installed_packages(),
        **node_state(ROOT, run, os.geteuid() == 0),
    }
    # As setup names them: Ansible takes the prefix away in ansible_facts, and makes variables only with it.
    module.exit_json(changed=False, ansible_facts={f"ansible_{name}": value for name, value in facts.items()})


if __name__ == "__main__":
    main()
