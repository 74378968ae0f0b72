#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: keystone_keys_info
short_description: Read the keys in Keystone's key repositories
version_added: 0.1.0
description:
  - Returns keys that C(keystone-manage) made on a controller, for the site's secrets. Use it with C(no_log).
  - The module does not fail, because C(no_log) would hide why. Check the returned RV(problem).
author: The Mikumo authors (@mikumo)
options:
  repositories:
    description: Absolute path of each repository, by the name of the secret.
    type: dict
    required: true
attributes:
  check_mode:
    description: Can run in check mode.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Read the keys for Fernet tokens
  mikumo.openstack.keystone_keys_info:
    repositories: {keystone_fernet_keys: /etc/keystone/fernet-keys}
  register: found
  no_log: true
"""

RETURN = r"""
found:
  description: >-
    The keys of each repository that has some, as M(mikumo.openstack.keystone_keys) takes them. They are secret.
  type: dict
  returned: always
problem:
  description: Why the keys cannot be used, or an empty string.
  type: str
  returned: always
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._keystone_keys import KeysError, checked_keys


def main() -> None:
    module = AnsibleModule(
        # These are paths, and Ansible warns of a name that looks like a secret.
        argument_spec={"repositories": {"type": "dict", "required": True, "no_log": False}},
        supports_check_mode=True,
    )
    keys = {}
    try:
        for name, path in module.params["repositories"].items():
            text = checked_keys(Path(path))
            if text:
                keys[name] = text
    except KeysError as error:
        module.exit_json(changed=False, found={}, problem=str(error))
    module.exit_json(changed=False, found=keys, problem="")


if __name__ == "__main__":
    main()
