# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: missing_secrets
version_added: 0.1.0
short_description: Names of secrets that have no value yet
description:
  - Returns those of the required names that are missing or empty, never a value.
positional: _input, required
options:
  _input:
    description: The secrets by name. May be empty or null.
    type: dict
    required: true
  required:
    description: Names that must have a value.
    type: list
    elements: str
    required: true
author:
  - The Mikumo authors
"""

EXAMPLES = r"""
- name: All secrets are there
  ansible.builtin.assert:
    that: cloud_secrets | mikumo.openstack.missing_secrets(['glance_database', 'glance_keystone']) | length == 0
"""

RETURN = r"""
_value:
  description: Names, in the order required.
  type: list
  elements: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._secrets import SecretsError
from ansible_collections.mikumo.openstack.plugins.plugin_utils._secrets import missing_secrets as missing


def missing_secrets(given: t.Any, required: t.Any) -> list[str]:
    try:
        return missing(given, required)
    except SecretsError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"missing_secrets": missing_secrets}
