# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: network_overlaps
version_added: 0.1.0
short_description: What is wrong with the networks of a site
description:
  - Returns a message for each network that is invalid or has bits of a host set, and for each two that overlap.
positional: _input
options:
  _input:
    description: Networks in CIDR notation by the names that messages call them.
    type: dict
    required: true
  may_equal:
    description: Pairs of names whose networks may be the same.
    type: list
    elements: list
    default: []
author:
  - The Mikumo authors
"""

EXAMPLES = r"""
- name: The networks are apart
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: >-
      {{ {'cloud_management_network': cloud_management_network, 'cloud_tunnel_network': cloud_tunnel_network}
         | mikumo.openstack.network_overlaps(may_equal=[['cloud_management_network', 'cloud_tunnel_network']]) }}
"""

RETURN = r"""
_value:
  description: Messages. None if all is well.
  type: list
  elements: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._addresses import AddressError
from ansible_collections.mikumo.openstack.plugins.plugin_utils._addresses import network_overlaps as find


def network_overlaps(networks: t.Any, may_equal: t.Any = ()) -> list[str]:
    try:
        return find(networks, may_equal)
    except AddressError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"network_overlaps": network_overlaps}
