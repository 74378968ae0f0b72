# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: service_state
version_added: 0.1.0
short_description: Complete the description of a service
description:
  - Returns the description of a service with its defaults, and with all files and units that follow from it. These are
    uWSGI's files, drop-ins, and the launcher for privileged helpers.
  - The options of a description are those of O(mikumo.openstack.service#role:main:service_description) in the role
    P(mikumo.openstack.service#role).
positional: _input, parts
options:
  _input:
    description: The description.
    type: dict
    required: true
  parts:
    description: Texts of the drop-ins, and files and units of the launcher for privileged helpers, as the role has them.
    type: dict
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show the files of Placement
  ansible.builtin.debug:
    msg: "{{ (placement_description | mikumo.openstack.service_state(__service_parts)).files | map(attribute='path') }}"
"""

RETURN = r"""
_value:
  description: The description with C(files), C(schemas) and C(units) for the module M(mikumo.openstack.service).
  type: dict
"""

import typing as t
from collections.abc import Callable

from ansible_collections.mikumo.openstack.plugins.plugin_utils._service_state import service_state


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"service_state": service_state}
