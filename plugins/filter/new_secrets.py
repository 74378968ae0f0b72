# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: new_secrets
version_added: 0.1.0
short_description: Generate secrets
description:
  - Returns a random value for each name. Every evaluation returns different values. Save the result with
    M(ansible.builtin.set_fact) before you use it.
  - A value has 32 letters and digits, or is a UUID if the name ends in V(_uuid). V(tls_ca) is the private key and the
    certificate of a new certificate authority, as PEM. V(keystone_fernet_keys) and V(keystone_credential_keys) are sets of
    Fernet keys.
positional: _input
options:
  _input:
    description: Names of the secrets.
    type: list
    elements: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Generate the missing secrets
  ansible.builtin.set_fact:
    site_secrets: "{{ ['glance_database', 'libvirt_uuid'] | mikumo.openstack.new_secrets }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: Values by name.
  type: dict
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._lazy import lazily

_secrets = lazily("_secrets")


def new_secrets(required: t.Any) -> dict[str, str]:
    try:
        return _secrets.new_secrets(required)
    except _secrets.SecretsError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"new_secrets": new_secrets}
