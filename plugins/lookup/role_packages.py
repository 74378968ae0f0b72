# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: role_packages
short_description: All Debian packages that the roles of this collection install
version_added: 0.1.0
description:
  - Returns the sorted union of all lists named C(*_packages) in C(defaults/main.yml) of the collection's roles,
    to put them into a node image or a package mirror at once.
  - The role C(lab) is left out, since it works on the machine that runs the nodes and not on a node, and C(tempest), which is
    installed when its tests are asked for. Their lists can be had by name.
  - Only literal lists count. A template cannot be resolved without its role, so it is an error.
options:
  _terms:
    description: Names of the roles to look at. All roles if none is given.
    type: list
    elements: str
    required: false
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show what the node image should contain
  ansible.builtin.debug:
    msg: "{{ query('mikumo.openstack.role_packages') }}"
"""

RETURN = r"""
_raw:
  description: Package names, sorted, each once.
  type: list
  elements: str
"""

import typing as t
from collections.abc import Sequence
from pathlib import Path

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.mikumo.openstack.plugins.plugin_utils._role_packages import PackagesError, packages

ROLES = Path(__file__).resolve().parents[2] / "roles"


class LookupModule(LookupBase):
    def run(self, terms: Sequence[str], variables: t.Any = None, **kwargs: t.Any) -> list[str]:
        try:
            return packages(ROLES, list(terms))
        except PackagesError as error:
            raise AnsibleLookupError(str(error)) from error
