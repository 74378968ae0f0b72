# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: node_plan
version_added: 0.1.0
short_description: Derive a node's roles, agents and bridges from its groups
description:
  - Returns the union of the requirements of all groups that a node is in. No two tasks therefore describe the same file or
    bridge, whatever the combination of groups.
positional: _input
options:
  _input:
    description: Names of the node's groups, C(group_names).
    type: list
    elements: str
    required: true
  tenant_network_type:
    description: Network type that separates tenant networks on the wire.
    type: str
    choices: [vxlan, gre, vlan]
    required: true
  services:
    description: Services of the cloud, C(cloud_services).
    type: list
    elements: str
    required: true
  external_interface:
    description: Interface of a network node to the external network.
    type: str
    default: ""
  vlan_interface:
    description: Interface that carries tenant networks of type V(vlan).
    type: str
    default: ""
  firewall:
    description: Whether the node gets a firewall, C(cloud_firewall).
    type: bool
    default: false
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show the bridges of this node
  ansible.builtin.debug:
    msg: "{{ (group_names | mikumo.openstack.node_plan(tenant_network_type='vxlan', services=cloud_services)).bridges }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    roles:
      description: Roles of this collection that describe what they set up on the node, without those that run everywhere.
      type: list
      elements: str
    agents:
      description: Neutron's agents. Empty on a node that is neither a network nor a compute node.
      type: list
      elements: str
    bridges:
      description: Open vSwitch bridges, each with its C(name), C(interface) and C(physical_network).
      type: list
      elements: dict
    bridge_mappings:
      description: Bridges by physical network.
      type: dict
"""

import typing as t
from collections.abc import Callable

from ansible_collections.mikumo.openstack.plugins.plugin_utils._site import node_plan


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"node_plan": node_plan}
