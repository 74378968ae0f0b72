#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secrets_rotation
short_description: Rotate Keystone's keys in the file of a site's secrets
version_added: 0.1.0
description:
  - Rotates sets of Fernet keys in the variables file with the site's secrets. The staged key becomes the primary one, a new key
    is staged, and the oldest keys leave the set. All sets change at once, or none.
  - Run it on the control node, when every controller has the staged key.
  - Changes nothing if another run was faster, and the file has the rotated sets. Fails if the file has any other sets.
  - Comments and everything else in the file stay. The module returns only numbers of keys, never keys.
author: The Mikumo authors (@mikumo)
options:
  path:
    description: Path of the file. If empty, the module uses C(group_vars/all/secrets.yml) next to the inventory.
    type: str
    default: ""
  sources:
    description: Inventory sources, C(ansible_inventory_sources). The module looks for the file next to them.
    type: list
    elements: str
    default: []
  current:
    description: The sets of keys that the site has now, by the name of the secret.
    type: dict
    required: true
  most:
    description: Number of keys that each set has at most, by the name of the secret. Three or more.
    type: dict
    required: true
requirements:
  - ruamel.yaml
attributes:
  check_mode:
    description: Can run in check mode.
    support: full
  diff_mode:
    description: Shows the numbers of the keys, never keys.
    support: full
  idempotent:
    description: Changes nothing if O(current) has been rotated.
    support: full
"""

EXAMPLES = r"""
- name: Rotate the keys for Fernet tokens
  mikumo.openstack.secrets_rotation:
    path: /home/me/mycloud/group_vars/all/secrets.yml
    current: {keystone_fernet_keys: "{{ cloud_secrets.keystone_fernet_keys }}"}
    most: {keystone_fernet_keys: 3}
"""

RETURN = r"""
path:
  description: Path of the file.
  type: str
  returned: success
dropped:
  description: Numbers of the keys that have left each set, by the name of the secret.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._secrets_file import SecretsFileError, place, rotate


def _told(numbers: dict[str, list[int]]) -> str:
    return "".join(f"{name}: {', '.join(str(number) for number in found)}\n" for name, found in numbers.items())


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "str", "default": ""},
            "sources": {"type": "list", "elements": "str", "default": []},
            "current": {"type": "dict", "required": True, "no_log": True},
            "most": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    p = module.params
    try:
        most = {name: int(p["most"][name]) for name in p["current"]}
    except (KeyError, ValueError, TypeError):
        module.fail_json(msg="most must have a number for each set of keys in current.")
    try:
        path = place(p["path"], p["sources"])
        outcome = rotate(path, p["current"], most, check_mode=module.check_mode)
    except SecretsFileError as error:
        module.fail_json(msg=f"Nothing was changed: {error}.")
    diff = {"before_header": str(path), "after_header": str(path), "before": _told(outcome.before), "after": _told(outcome.after)}
    module.exit_json(changed=outcome.changed, path=str(path), dropped=outcome.dropped, diff=diff)


if __name__ == "__main__":
    main()
