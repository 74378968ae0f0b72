# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: node_problems
version_added: 0.1.0
short_description: Check whether a node meets the requirements of its groups
description:
  - Checks the facts of a node, gathered with the subsets C(hardware) and C(network). Returns a message for each requirement
    that the node does not meet. A message says what was found, what is required and where to change it.
positional: _input
options:
  _input:
    description: Facts of the node.
    type: dict
    required: true
  groups:
    description: Names of the node's groups.
    type: list
    elements: str
    required: true
  releases:
    description: Supported Debian releases.
    type: list
    elements: str
    required: true
  memory_mb:
    description: Memory that a node needs in MiB, by group.
    type: dict
    default: {}
  free_gb:
    description: Required free space in GiB on the file system of O(volume_file).
    type: float
    default: 0
  volume_gb:
    description: Space in GiB that the node must provide for volumes. 0 for none.
    type: float
    default: 0
  volume_device:
    description: Disk for the volumes. Empty for a file.
    type: str
    default: ""
  volume_file:
    description: File to use instead of a disk.
    type: path
    default: /var/lib
  volume_group:
    description: Volume group to create there. If it already exists, other data on the disk does not matter.
    type: str
    default: cinder-volumes
  volume_wipe_device:
    description: Consent to destroy the data on O(volume_device).
    type: bool
    default: false
  bridges:
    description:
      - Planned Open vSwitch bridges of the node, each with C(name), C(interface) and C(physical_network). The filter reports an
        interface that carries the SSH connection of this run, a default route or an address, directly or through a VLAN, bond
        or bridge on top of it.
      - This check needs the fact C(links) of M(mikumo.openstack.node_facts).
    type: list
    elements: dict
    default: []
  interface_may_lose_addresses:
    description: Consent to lose the addresses of those interfaces.
    type: bool
    default: false
  services:
    description:
      - Services of the cloud.
      - Together with O(groups), they determine the TCP ports that must be free on the node or in use by this collection.
    type: list
    elements: str
    default: []
  variables:
    description: Inventory variables of the node. They may change a role's port, for example with C(glance_port).
    type: dict
    default: {}
  clock_seconds:
    description: Maximum difference in seconds between the clocks of the node and the control node. 0 disables the check.
    type: float
    default: 0
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Check that the node meets the requirements
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('; ') }}"
  vars:
    problems: "{{ ansible_facts | mikumo.openstack.node_problems(groups=group_names, releases=['13'], free_gb=1) }}"
"""

RETURN = r"""
_value:
  description: Messages. Empty if there are no problems.
  type: list
  elements: str
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.mikumo.openstack.plugins.plugin_utils._nodes import Wanted
from ansible_collections.mikumo.openstack.plugins.plugin_utils._nodes import node_problems as _node_problems


def node_problems(facts: t.Any, **wanted: t.Any) -> list[str]:
    if not isinstance(facts, Mapping):
        raise AnsibleFilterError(f"node_problems expects the facts of a node, got {type(facts).__name__}")
    for name in ("free_gb", "volume_gb", "clock_seconds"):
        if name in wanted:
            wanted[name] = float(wanted[name])
    # With -e name=false on the command line, the value is a string.
    for name in ("volume_wipe_device", "interface_may_lose_addresses"):
        if name in wanted:
            wanted[name] = boolean(wanted[name])
    wanted["releases"] = [str(release) for release in wanted["releases"]]
    return _node_problems(facts, Wanted(**wanted))


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, t.Any]:
        return {"node_problems": node_problems}
