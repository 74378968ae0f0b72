# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: privsep_sections
version_added: 0.1.0
short_description: Build configuration sections for oslo.privsep helpers
description:
  - Sets C(helper_command) in each section. If helpers are shared, the service requests them with it from
    C(mikumo-privsep.service) instead of starting them.
positional: _input, command
options:
  _input:
    description: Names of the sections, one for each privsep context of the service.
    type: list
    elements: str
    required: true
  command:
    description: Command that starts a helper.
    type: str
    required: true
  shared:
    description: Whether helpers are forks of C(mikumo-privsep.service). If this unit does not answer, O(command) starts them.
    type: bool
    default: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show the section of Nova's own context
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

# Installed by the role service.
HELPER = "/usr/local/lib/mikumo/privsep-helper"


def privsep_sections(sections: Iterable[str], command: str, *, shared: bool = True) -> dict[str, dict[str, str]]:
    return {section: {"helper_command": f"{HELPER} {command}" if shared else command} for section in sections}


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"privsep_sections": privsep_sections}
