#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secrets_file
short_description: Generate the secrets of a site into a variables file
version_added: 0.1.0
description:
  - Generates the secrets that the inventory lacks, and writes them to a variables file under the key C(cloud_secrets). A value
    has 32 letters and digits, or is a UUID if the name ends in V(_uuid). V(tls_ca) is the private key and the certificate of a
    new certificate authority, as PEM. V(keystone_fernet_keys) and V(keystone_credential_keys) are sets of Fernet keys. The file
    gets the mode 0600.
  - Run it on the control node. Two simultaneous runs generate only one set of secrets, and never leave a partial file.
  - Never changes existing secrets. Comments and other variables in the file stay.
  - The module returns only names, never values.
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
  missing:
    description: Names of the secrets that the inventory lacks.
    type: list
    elements: str
    required: true
  given:
    description: Names of the secrets that the inventory has.
    type: list
    elements: str
    default: []
  add_missing:
    description:
      - Consent to add names to a file that already has others. A running cloud uses the existing secrets.
      - V(tls_ca) needs no consent, because nothing depends on an old one.
      - Keystone's keys need no consent, because O(controller_keys) has those that are in use.
    type: bool
    default: false
  controller_keys:
    description:
      - Keys that Keystone already uses, by the name of the secret. The module writes them in place of new ones.
      - If not given, nobody has asked the controller. The module then adds no keys of Keystone to a file with other secrets.
    type: dict
requirements:
  - ruamel.yaml, to add to an existing file
  - cryptography, to generate V(tls_ca)
attributes:
  check_mode:
    description: Can run in check mode.
    support: full
  diff_mode:
    description: Shows the names of the generated secrets.
    support: full
  idempotent:
    description: Changes nothing if the file has every name.
    support: full
"""

EXAMPLES = r"""
- name: Generate the site's secrets
  mikumo.openstack.secrets_file:
    path: /home/me/mycloud/group_vars/all/secrets.yml
    missing: [glance_database, glance_keystone]
"""

RETURN = r"""
path:
  description: Path of the file.
  type: str
  returned: success
generated:
  description: Names of the secrets that the module added, or in check mode would add.
  type: list
  elements: str
  returned: success
read:
  description: >-
    Whether the file has secrets that the inventory did not have when Ansible started. If so, read the file with
    M(ansible.builtin.include_vars).
  type: bool
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._secrets_file import SecretsFileError, bring, place


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "str", "default": ""},
            "sources": {"type": "list", "elements": "str", "default": []},
            "missing": {"type": "list", "elements": "str", "required": True},
            "given": {"type": "list", "elements": "str", "default": []},
            "add_missing": {"type": "bool", "default": False},
            "controller_keys": {"type": "dict", "no_log": True},
        },
        supports_check_mode=True,
    )
    p = module.params
    try:
        path = place(p["path"], p["sources"])
        outcome = bring(
            path,
            p["missing"],
            p["given"],
            add=p["add_missing"],
            check_mode=module.check_mode,
            adopted=p["controller_keys"],
        )
    except SecretsFileError as error:
        module.fail_json(msg=f"Nothing was changed: {error}.")
    taken = p["controller_keys"] or {}
    after = "".join(f"{name}: ({'from the controller' if name in taken else 'generated'})\n" for name in outcome.generated)
    module.exit_json(
        changed=outcome.changed,
        path=str(path),
        generated=outcome.generated,
        read=outcome.read,
        diff={"before_header": str(path), "after_header": str(path), "before": "", "after": after},
    )


if __name__ == "__main__":
    main()
