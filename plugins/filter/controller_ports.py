# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: controller_ports
version_added: 0.1.0
short_description: List the ports of a controller's services
description:
  - Returns the numbers of the TCP ports that a site may set, by the name of the setting. A setting that is missing from the
    variables has the default of its role.
positional: _input
options:
  _input:
    description: Variables of the controller, C(hostvars[cloud_controller]).
    type: dict
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show where Keystone listens
  ansible.builtin.debug:
    msg: "{{ (hostvars[cloud_controller] | mikumo.openstack.controller_ports).keystone_port }}"
"""

RETURN = r"""
_value:
  description: Numbers by setting.
  type: dict
  sample: {keystone_port: 5000, glance_port: 9292}
"""

import typing as t
from collections.abc import Callable

from ansible_collections.mikumo.openstack.plugins.plugin_utils._ports import controller_ports


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"controller_ports": controller_ports}
