# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: address_in
version_added: 0.1.0
short_description: The one address of a node that is in a network
description:
  - Returns the address in a list that lies in a network. It is an error if there is none or more than one.
positional: _input, network
options:
  _input:
    description: Addresses of the node.
    type: list
    elements: str
    required: true
  network:
    description: Network in CIDR notation.
    type: str
    required: true
author:
  - The Mikumo authors
"""

EXAMPLES = r"""
- name: Show the address for tunnels
  ansible.builtin.debug:
    msg: "{{ ansible_facts['all_ipv4_addresses'] | mikumo.openstack.address_in('10.0.1.0/24') }}"
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
from ansible_collections.mikumo.openstack.plugins.plugin_utils._addresses import address_in as find


def address_in(addresses: t.Any, network: t.Any) -> str:
    try:
        return find(addresses, network)
    except AddressError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"address_in": address_in}
