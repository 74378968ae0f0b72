# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: service_looks
version_added: 0.1.0
short_description: List the files, schemas and units to examine on a node, by role
description:
  - Returns the option O(mikumo.openstack.service_info#module:services) of M(mikumo.openstack.service_info).
  - Returns an empty list if a package is not installed. Its installation may change any other service of the node.
positional: _input, descriptions, parts, installed
options:
  _input:
    description: Names of the roles.
    type: list
    elements: str
    required: true
  descriptions:
    description: Descriptions of their services, in the same order, as for P(mikumo.openstack.service_state#filter).
    type: list
    elements: dict
    required: true
  parts:
    description: See P(mikumo.openstack.service_state#filter).
    type: dict
    required: true
  installed:
    description: Names of the packages that are installed on the node.
    type: list
    elements: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Find out what differs
  mikumo.openstack.service_info:
    services: "{{ ['nova'] | mikumo.openstack.service_looks([nova_description], __service_parts, packages_installed) }}"
"""

RETURN = r"""
_value:
  description: For each role its C(name) and C(files), C(schemas) and C(units) for the module.
  type: list
  elements: dict
"""

import typing as t
from collections.abc import Callable

from ansible_collections.mikumo.openstack.plugins.plugin_utils._service_state import service_looks


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"service_looks": service_looks}
