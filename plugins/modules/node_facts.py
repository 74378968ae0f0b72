#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: gather the few facts that this collection uses."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_facts
short_description: Gather the facts of a node that this collection uses
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Uses the names and units of M(ansible.builtin.setup).
  - M(ansible.builtin.setup) gathers many more facts, but not the state of disks, ports and packages that preflight checks
    need. On a node of the lab it takes 14 seconds, and this module 3, of which 2 are the start of any module.
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
- name: Gather facts
  mikumo.openstack.node_facts:

- name: Show the sizes of the controller's services
  ansible.builtin.debug:
    msg: "{{ ansible_facts | mikumo.openstack.node_sizes }}"
"""

RETURN = r"""
ansible_facts:
  description:
    - Facts have the prefix C(ansible_), which Ansible strips in C(ansible_facts).
    - C(hostname), C(nodename) with the domain if the kernel knows it, C(distribution), C(distribution_version),
      C(distribution_major_version), C(memtotal_mb) and C(memused_mb) in MiB, C(processor_vcpus), C(interfaces),
      C(all_ipv4_addresses), C(all_ipv6_addresses), C(devices) with C(sectors) of 512 bytes, and C(mounts) with sizes in
      bytes.
    - M(ansible.builtin.setup) has none of the following facts.
    - C(kvm), whether hardware virtualization is available.
    - C(links), by interface. C(addresses) lists all IPv4 and the global IPv6 addresses, each with C(address), C(prefixlen),
      C(family) (C(ipv4) or C(ipv6)) and C(secondary). C(master) is the bridge or bond that the interface is a port of,
      C(parent) the parent interface of a VLAN, and C(kind) the type, such as C(vlan) or C(bond), or empty for hardware.
      C(up), C(loopback) and C(altnames) are as in C(ip address).
    - C(default_interfaces), the interfaces with an IPv4 or IPv6 default route.
    - C(session_address) and C(session_interface), the local end of this run's SSH connection. V(null) if unknown, as with
      other connection plugins. Ansible reserves names that begin with C(ssh_).
    - C(openvswitch_ports), by interface, with the Open vSwitch C(bridge) that it is a port of. C(uplink) says whether
      M(mikumo.openstack.openvswitch_bridges) put it there. Missing if Open vSwitch cannot be queried.
    - C(listening), the listening TCP sockets, each with C(port), C(address) and C(unit). C(unit) is empty for a program that
      systemd did not start, and V(null) if the kernel does not report it.
    - C(time_sync), with C(others), the units that adjust the clock but do not come from this collection's role C(time_sync),
      C(config), the chrony configuration that the role wrote, and C(current), whether chrony runs with it.
    - C(clock_offset), the minimum and maximum number of seconds by which the node's clock may be ahead of the control node's.
    - C(apache_sites), the files of Apache's enabled sites that come neither from Debian nor from this collection.
    - C(broker_data), the node names of a RabbitMQ that this collection did not configure.
    - C(database_login), the reason why a MariaDB or MySQL that this collection did not configure rejects root. Empty if it
      accepts root, if there is no such server, and without root privileges.
    - C(block_devices), by path, with C(size) in bytes, C(type), C(content) that would be lost, C(used) for its user, C(member)
      for an LVM physical volume, its volume C(group), and C(read_only). Missing if C(lsblk) fails.
    - C(block_links), the device path for each alias, such as those in C(/dev/disk) and C(/dev/mapper).
    - C(loop_files), the file behind each loop device.
    - C(installed_packages), the names of the Debian packages that are installed and configured. Empty if an installation
      was interrupted, see M(mikumo.openstack.installed_packages).
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
    """Return an empty list without dpkg, or if an installation needs attention. A fact cache could fill in an omitted fact."""
    rc, out, _err = run(QUERY)
    installed, unfinished = by_state(out)
    return {"installed_packages": [] if rc or unfinished or forgotten_policy() else installed}


def openvswitch_ports(module: AnsibleModule) -> dict[str, dict[str, dict[str, object]]]:
    if not module.get_bin_path("ovs-vsctl"):
        return {"openvswitch_ports": {}}
    # The database may answer while the daemon is down.
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
    # Only root may query LVM. Skip the query on nodes without LVM.
    groups: dict[str, str] = {}
    if any(f'"{word}"' in out for word in (MEMBER, "lvm")) and module.get_bin_path("pvs"):
        failed, listing, _err = run(PVS)
        groups = {} if failed else volume_groups(listing)
    found_devices = devices(out, groups)
    return {"block_devices": found_devices, "block_links": links(ROOT, found_devices), "loop_files": backing_files(ROOT)}


def ip(module: AnsibleModule, *arguments: str, wanted: bool = True) -> str:
    """Return the output of ip. With wanted=False, a failure is accepted: the kernel may lack the address family."""
    command = ["ip", "-json", *arguments]
    rc, out, err = run(command)
    if rc != 0 and not wanted:
        return ""
    if rc != 0:
        module.fail_json(msg=f"`{' '.join(command)}` exited with status {rc}: {err.strip()}. Install iproute2 on this node.")
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
    # Same names as setup. Ansible strips the prefix in ansible_facts, and creates variables only for names that have it.
    module.exit_json(changed=False, ansible_facts={f"ansible_{name}": value for name, value in facts.items()})


if __name__ == "__main__":
    main()
