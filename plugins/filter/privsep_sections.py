# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: privsep_sections
version_added: 0.1.0
short_description: Sections of a configuration for the helpers of oslo.privsep
description:
  - Gives each section the C(helper_command) with which the service asks C(mikumo-privsep.service) for its privileged helper,
    instead of starting one.
positional: _input, command
options:
  _input:
    description: Names of the sections, one for each of the service's contexts of privileges.
    type: list
    elements: str
    required: true
  command:
    description: What would start a helper otherwise.
    type: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Nova's own context
  ansible.builtin.debug:
    msg: "{{ ['nova_sys_admin'] | mikumo.openstack.privsep_sections('sudo privsep-helper --config-file /etc/nova/nova.conf') }}"
"""

RETURN = r"""
_value:
  description: Options by section, for the filter P(mikumo.openstack.oslo_config#filter).
  type: dict
"""

import typing as t
from collections.abc import Callable, Iterable

# The role service puts it there.
HELPER = "/usr/local/lib/mikumo/privsep-helper"


def privsep_sections(sections: Iterable[str], command: str) -> dict[str, dict[str, str]]:
    return {section: {"helper_command": f"{HELPER} {command}"} for section in sections}


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"privsep_sections": privsep_sections}
