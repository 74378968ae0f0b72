# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: oslo_literal
version_added: 0.1.0
short_description: Password as an option of oslo.config
description:
  - Writes a password so that C(oslo.config) reads the very same one. It would replace V($name) by the option
    of that name, and take
    away quotes and blanks around a value.
  - A configuration that a user writes needs no such thing; there V($name) stays a reference.
  - A backslash directly before a dollar sign is refused, since C(oslo.config) has no way to write both.
  - An error never shows the password.
options:
  _input:
    description: The password.
    type: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Secret that Nova and the metadata agent share
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
