# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: silence_problem
version_added: 0.1.0
short_description: Explain in one message why services are not alive
description:
  - Combines the error message of M(mikumo.openstack.services_alive) with the results of M(mikumo.openstack.connections_info).
positional: _input
options:
  _input:
    description: Error message of M(mikumo.openstack.services_alive).
    type: str
    required: true
  results:
    description: Results of M(mikumo.openstack.connections_info) by node. The filter ignores skipped ones.
    type: dict
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Explain the failure
  ansible.builtin.fail:
    msg: "{{ ansible_failed_result.msg | mikumo.openstack.silence_problem({inventory_hostname: found}) }}"
"""

RETURN = r"""
_value:
  description: The message.
  type: str
"""

import typing as t

from ansible_collections.mikumo.openstack.plugins.plugin_utils._silent import silence_problem


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, t.Any]:
        return {"silence_problem": silence_problem}
