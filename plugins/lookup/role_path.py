# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: role_path
short_description: Find the directory of a role of this collection
version_added: 0.1.0
description:
  - Returns the directory of a role, wherever the collection is installed.
  - Ansible searches the files and templates of a role only while the role runs. Variables that a play reads earlier
    need the absolute path.
options:
  _terms:
    description: Names of the roles, without the name of the collection.
    type: list
    elements: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show a role's file
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', lookup('mikumo.openstack.role_path', 'service') ~ '/files/privsep-helper') }}"
"""

RETURN = r"""
_raw:
  description: Absolute paths.
  type: list
  elements: path
"""

import typing as t
from collections.abc import Sequence
from pathlib import Path

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

ROLES = Path(__file__).resolve().parents[2] / "roles"


class LookupModule(LookupBase):
    def run(self, terms: Sequence[str], variables: t.Any = None, **kwargs: t.Any) -> list[str]:
        for name in terms:
            if not (ROLES / name).is_dir():
                raise AnsibleLookupError(f"role_path: this collection has no role {name!r}")
        return [str(ROLES / name) for name in terms]
