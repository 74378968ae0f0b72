# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the oslo.config section with which a service logs in to Keystone."""

from __future__ import annotations

from typing import Any

from ansible_collections.mikumo.openstack.plugins.plugin_utils._keystone_auth import keystone_auth

DOCUMENTATION = r"""
name: keystone_auth
short_description: Build the oslo.config section with which a service logs in to Keystone
version_added: 0.1.0
author: The Mikumo authors (@mikumo)
description:
  - Returns the options of keystoneauth's plugin C(password) for an account in the project C(service).
  - Use it for sections in which one service accesses another, such as C([placement]) in nova.conf.
    P(mikumo.openstack.service_sections#filter) builds the sections that all services share.
positional: _input, username
options:
  _input:
    description: Environment of the service. The filter uses C(keystone_url), C(region), C(username) and C(password).
    type: dict
    required: true
  username:
    description: Name of the account. Defaults to C(username) in O(_input).
    type: str
"""

EXAMPLES = r"""
- name: Show the section with which Nova accesses Placement
  ansible.builtin.debug:
    msg: "{{ surroundings | mikumo.openstack.keystone_auth('placement') }}"
  vars:
    surroundings:
      keystone_url: http://10.0.0.11:5000/v3
      region: RegionOne
      username: nova
      password: "{{ placement_keystone_password }}"
"""

RETURN = r"""
_value:
  description: Options of the section.
  type: dict
"""


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"keystone_auth": keystone_auth}
