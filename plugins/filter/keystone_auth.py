# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a service logs in to Keystone, as a section of oslo.config."""

from __future__ import annotations

from typing import Any

from ansible_collections.mikumo.openstack.plugins.plugin_utils._keystone_auth import keystone_auth

DOCUMENTATION = r"""
name: keystone_auth
short_description: Section of oslo.config with which a service asks Keystone for a token
version_added: 0.1.0
author: The Mikumo authors (@mikumo)
description:
  - Gives the options of keystoneauth's plugin C(password) for an account in the project C(service).
  - What every service has alike is made by P(mikumo.openstack.service_sections#filter). This is for sections in which a service
    talks to another one, such as C([placement]) in nova.conf.
positional: _input, username
options:
  _input:
    description: Surroundings of the service, of which C(keystone_url), C(region), C(username) and C(password) are read.
    type: dict
    required: true
  username:
    description: Another account than that of the surroundings.
    type: str
"""

EXAMPLES = r"""
- name: How Nova talks to Placement
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
