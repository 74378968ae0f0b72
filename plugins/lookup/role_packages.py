# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: role_packages
short_description: List the Debian packages that the roles of this collection install
version_added: 0.1.0
description:
  - Returns the sorted union of all lists named C(*_packages) in C(defaults/main.yml) of the collection's roles. Use it to
    build a node image or a package mirror.
  - Omits the roles C(lab), which runs on the machine that hosts the nodes, and C(tempest), whose packages are only installed
    on request. List them explicitly to get their packages.
  - Accepts only literal lists. Fails on a template, because a template cannot be resolved without its role.
options:
  _terms:
    description: Names of the roles to read. Defaults to all roles except C(lab) and C(tempest).
    type: list
    elements: str
    required: false
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show the packages for the node image
  ansible.builtin.debug:
    msg: "{{ query('mikumo.openstack.role_packages') }}"
"""

RETURN = r"""
_raw:
  description: Package names, sorted and without duplicates.
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
