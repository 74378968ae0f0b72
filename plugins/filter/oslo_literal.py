# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: oslo_literal
version_added: 0.1.0
short_description: Escape a password as the value of an oslo.config option
description:
  - Escapes a password so that C(oslo.config) reads it unchanged. Otherwise C(oslo.config) replaces V($name) with the value of
    that option, and strips quotes and whitespace around a value.
  - Do not use it for configuration that a user writes. There V($name) must stay a reference.
  - Refuses a backslash directly before a dollar sign, because C(oslo.config) has no syntax for this combination.
  - Error messages never show the password.
options:
  _input:
    description: The password.
    type: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Set the secret that Nova shares with the metadata agent
  ansible.builtin.set_fact:
    nova_special:
      neutron: {metadata_proxy_shared_secret: "{{ nova_metadata_secret | mikumo.openstack.oslo_literal }}"}
  no_log: true
"""

RETURN = r"""
_value:
  description: The value of the option.
  type: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._credentials import CredentialsError, literal


def oslo_literal(password: t.Any) -> str:
    try:
        return literal(password)
    except CredentialsError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"oslo_literal": oslo_literal}
