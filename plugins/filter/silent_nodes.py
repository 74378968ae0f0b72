# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: silent_nodes
version_added: 0.1.0
short_description: Select the nodes to examine when services are not alive
description:
  - Selects up to five nodes, always including the first controller. Returns for each node the controller ports that it needs
    and its silent units, as arguments of M(mikumo.openstack.connections_info).
positional: _input
options:
  _input:
    description: Silent services and agents, each as C(binary on host). RV(mikumo.openstack.services_alive#module:silent).
    type: list
    elements: str
    required: true
  hostvars:
    description: Variables of all hosts, with their facts.
    type: dict
    required: true
  groups:
    description: Groups of the inventory.
    type: dict
    required: true
  services:
    description: Services of the cloud.
    type: list
    elements: str
    required: true
  address:
    description: Address of the controller.
    type: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Find out why services are silent
  mikumo.openstack.connections_info:
    targets: "{{ nodes[inventory_hostname].targets }}"
    units: "{{ nodes[inventory_hostname].units }}"
  when: inventory_hostname in nodes
  vars:
    nodes: "{{ ['nova-compute on compute'] | mikumo.openstack.silent_nodes(hostvars=hostvars, groups=groups, services=['nova'],
      address='192.0.2.11') }}"
"""

RETURN = r"""
_value:
  description: A dictionary with C(targets) and C(units) for each node, by inventory name.
  type: dict
"""

import typing as t

from ansible_collections.mikumo.openstack.plugins.plugin_utils._silent import silent_nodes


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, t.Any]:
        return {"silent_nodes": silent_nodes}
