# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: keystone_key_files
version_added: 0.1.0
short_description: Describe the files of a key repository for the role service
description:
  - Converts a set of Fernet keys to items of C(files) in the option C(service_description) of the role
    P(mikumo.openstack.service#role). Only Keystone can read them.
positional: _input, path
options:
  _input:
    description: "One line for each key: its number, a colon, a space and the key."
    type: str
    required: true
  path:
    description: Absolute path of the directory.
    type: path
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Set the description of a service
  ansible.builtin.set_fact:
    service_description:
      name: keystone
      packages: [keystone]
      files: "{{ cloud_secrets.keystone_fernet_keys | mikumo.openstack.keystone_key_files('/etc/keystone/fernet-keys') }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: The directory and its files.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.module_utils._keystone_keys import KeysError, parsed_keys


def keystone_key_files(keys: t.Any, path: str) -> list[dict[str, str]]:
    try:
        parsed = parsed_keys(keys)
    except KeysError as error:
        raise AnsibleFilterError(f"the text of the keys for {path} {error}") from None
    owner = {"owner": "keystone", "group": "keystone"}
    files = [{"path": f"{path}/{number}", "content": str(key), "mode": "0600", **owner} for number, key in parsed.items()]
    return [{"path": path, "state": "directory", "mode": "0700", **owner}, *files]


class FilterModule:
    def filters(self) -> dict[str, t.Any]:
        return {"keystone_key_files": keystone_key_files}
