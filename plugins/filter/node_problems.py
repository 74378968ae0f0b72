# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: node_problems
version_added: 0.1.0
short_description: What a node lacks for its part of a site
description:
  - Looks at the facts of a node, gathered with the subsets C(hardware) and C(network), and returns a message for everything in
    which the node does not fit. A message says what was found, what is wanted and where to change it.
positional: _input
options:
  _input:
    description: Facts of the node.
    type: dict
    required: true
  groups:
    description: Names of the groups that the node is in.
    type: list
    elements: str
    required: true
  releases:
    description: Releases of Debian that the node may run.
    type: list
    elements: str
    required: true
  memory_mb:
    description: MiB of memory that a node needs, by group.
    type: dict
    default: {}
  free_gb:
    description: GiB that have to be free on the file system of O(volume_file).
    type: float
    default: 0
  volume_gb:
    description: GiB of volumes that are wanted of the node. 0 for none.
    type: float
    default: 0
  volume_device:
    description: Disk that carries the volumes. Empty for a file.
    type: str
    default: ""
  volume_file:
    description: The file that takes the place of a disk.
    type: path
    default: /var/lib
  volume_group:
    description: The volume group that is made there. Where it is already, nothing else on the disk matters.
    type: str
    default: cinder-volumes
  volume_wipe_device:
    description: Consent to lose what is on O(volume_device).
    type: bool
    default: false
  bridges:
    description:
      - Bridges of Open vSwitch that the node gets, each with C(name), C(interface) and C(physical_network). An interface that
        carries the SSH connection of this run, a default route or an address is a problem, also through a VLAN, bond or bridge
        on top of it.
      - Needs the C(links) of M(mikumo.openstack.node_facts). Other facts tell nothing about it.
    type: list
    elements: dict
    default: []
  interface_may_lose_addresses:
    description: Consent to lose the addresses of those interfaces.
    type: bool
    default: false
  services:
    description: Services of the cloud. Together with O(groups) they tell which TCP ports have to be free on the node, or ours.
    type: list
    elements: str
    default: []
  variables:
    description: Variables of the node in the inventory. A role's port may be another one there, such as C(glance_port).
    type: dict
    default: {}
  clock_seconds:
    description: Seconds by which the node's clock may differ from the one of the machine that runs Ansible. 0 for any number.
    type: float
    default: 0
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: The node has what is needed
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('; ') }}"
  vars:
    problems: "{{ ansible_facts | mikumo.openstack.node_problems(groups=group_names, releases=['13'], free_gb=1) }}"
"""

RETURN = r"""
_value:
  description: Messages. None if all is well.
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
        raise AnsibleFilterError(f"node_problems wants the facts of a node, got {type(facts).__name__}")
    for name in ("free_gb", "volume_gb", "clock_seconds"):
        if name in wanted:
            wanted[name] = float(wanted[name])
    # On the command line, -e name=false is text.
    for name in ("volume_wipe_device", "interface_may_lose_addresses"):
        if name in wanted:
            wanted[name] = boolean(wanted[name])
    wanted["releases"] = [str(release) for release in wanted["releases"]]
    return _node_problems(facts, Wanted(**wanted))


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, t.Any]:
        return {"node_problems": node_problems}
