# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: site_problems
version_added: 0.1.0
short_description: Check the names and addresses of nodes
description:
  - Compares the facts of all nodes. Returns messages for nodes without exactly one usable address in a network, for nodes that
    share an address, and for nodes that share a host name.
positional: _input
options:
  _input:
    description: Names of inventory hosts with facts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Variables of all hosts, C(hostvars).
    type: dict
    required: true
  networks:
    description:
      - Networks to check, by the common prefix of their settings, such as C(cloud_management). Each value is a list of two
        elements. The first is the network in CIDR notation, from C(cloud_management_network). The second is the list of the
        hosts that need an address in this network. C(cloud_management_address) may choose the address of a host.
    type: dict
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show conflicting names and addresses
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts | mikumo.openstack.site_problems(hostvars,
      {'cloud_management': [cloud_management_network, groups['all']]}) }}"
"""

RETURN = r"""
_value:
  description: Messages by host. A host without problems has an empty list.
  type: dict
"""

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.mikumo.openstack.plugins.plugin_utils._site import site_problems as find


def site_problems(hosts: Sequence[str], hostvars: Mapping[str, t.Any], networks: Mapping[str, t.Any]) -> dict[str, list[str]]:
    return find(hostvars, list(hosts), networks={prefix: (cidr, members) for prefix, (cidr, members) in networks.items()})


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"site_problems": site_problems}
