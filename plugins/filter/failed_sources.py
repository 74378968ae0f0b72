# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: failed_sources
version_added: 0.1.0
short_description: List the package sources that fail
description:
  - Returns the package sources that C(apt-get update) could not read, each with the reason.
positional: _input
options:
  _input:
    description: Standard error of C(apt-get update), in English.
    type: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show the failing sources
  ansible.builtin.debug:
    msg: "{{ update.stderr | mikumo.openstack.failed_sources }}"
"""

RETURN = r"""
_value:
  description: One line for each source.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.mikumo.openstack.plugins.plugin_utils._apt import failed_sources


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, t.Any]:
        return {"failed_sources": failed_sources}
