# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: node_address
version_added: 0.1.0
short_description: Find the address of a node in a network
description:
  - Returns the IPv4 address of a node in a network.
  - Ignores secondary addresses and virtual ones (C(/32)) if the node has another address in the network.
  - Fails if there is no address, or more than one.
positional: _input, network
options:
  _input:
    description:
      - Facts of the node, C(ansible_facts). The facts of M(ansible.builtin.setup) are sufficient, but only those of
        M(mikumo.openstack.node_facts) identify secondary addresses.
    type: dict
    required: true
  network:
    description: Network in CIDR notation.
    type: str
    required: true
  setting:
    description: Name of the variable that chooses among several addresses, for the error message.
    type: str
    default: the role's address
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show the node's address in the tunnel network
  ansible.builtin.debug:
    msg: "{{ ansible_facts | mikumo.openstack.node_address('10.0.1.0/24') }}"
"""

RETURN = r"""
_value:
  description: The address.
  type: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._addresses import AddressError
from ansible_collections.mikumo.openstack.plugins.plugin_utils._addresses import node_address as find


def node_address(facts: t.Any, network: t.Any, setting: str = "the role's address") -> str:
    try:
        return find(facts, network, setting)
    except AddressError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"node_address": node_address}
