#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: keystone_keys
short_description: Write Keystone's key repositories without a moment at which a token is refused
version_added: 0.1.0
description:
  - Writes the keys of the site's secrets into Keystone's key repositories. Keystone reads them for each request, and needs no
    restart.
  - M(mikumo.openstack.service) cannot do this while Keystone runs. The order matters, because the staged key changes its place
    when it becomes the primary one. Also, Keystone opens every file of a repository, including temporary ones.
  - Secondary keys are written first, then the primary key, then the staged one. A killed run therefore leaves a repository that
    can read everything.
  - Never replaces a key that has another number than 0, and refuses a repository with a newer key than the secrets. Other keys
    stay unless O(prune) is set.
  - Where the user O(owner) does not exist yet, the module does nothing. There is no Keystone then.
author: The Mikumo authors (@mikumo)
options:
  repositories:
    description: Key repositories.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path of the directory. It gets the mode 0700.
        type: path
        required: true
      keys:
        description: >-
          One line for each key: its number, a colon, a space and the key. 0 is the staged key, and the highest number is the
          primary one.
        type: str
        required: true
  owner:
    description: User that Keystone runs as.
    type: str
    default: keystone
  group:
    description: Group that Keystone runs as.
    type: str
    default: keystone
  prune:
    description:
      - Whether to remove all other keys. What they encrypted can then no longer be read. Credentials must have been encrypted
        with the primary key before, with C(keystone-manage credential_migrate).
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode.
    support: full
  diff_mode:
    description: Shows the numbers of the keys, never keys.
    support: full
  idempotent:
    description: Changes nothing if the repositories have the keys.
    support: full
"""

EXAMPLES = r"""
- name: Write the keys for Fernet tokens
  mikumo.openstack.keystone_keys:
    repositories:
      - path: /etc/keystone/fernet-keys
        keys: "{{ cloud_secrets.keystone_fernet_keys }}"
"""

RETURN = r"""
repositories:
  description: >-
    What each repository needed. C(written) and C(removed) have numbers of keys. C(primary_age) is the number of seconds for which
    the file of the primary key has existed; without it, there is no such file.
  type: list
  elements: dict
  returned: success
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._keystone_keys import (
    KeysError,
    apply,
    found_keys,
    loose_paths,
    owner_ids,
    parsed_keys,
    primary_age,
    steps,
)

# A number of a key with its colon is shorter, and any key is longer.
SHORT = 8


def _numbers(keys: t.Iterable[int]) -> str:
    return "".join(f"{number}\n" for number in sorted(keys))


class Module(AnsibleModule):  # type: ignore[misc]
    """Masks each key. Ansible masks the text of several lines only, which the journal gets in another form."""

    def _log_invocation(self) -> None:
        # Ansible writes the arguments to the journal here, before any other output.
        texts = [str(entry.get("keys") or "") for entry in self.params["repositories"]]
        self.no_log_values.update(word for text in texts for word in text.split() if len(word) > SHORT)
        super()._log_invocation()


def main() -> None:
    module = Module(
        argument_spec={
            "repositories": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "keys": {"type": "str", "required": True, "no_log": True},
                },
            },
            "owner": {"type": "str", "default": "keystone"},
            "group": {"type": "str", "default": "keystone"},
            "prune": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    p = module.params
    owner = owner_ids(p["owner"], p["group"])
    if owner is None:
        module.exit_json(changed=False, repositories=[])
    plans = []
    try:
        # All of them are examined before the first one changes.
        for entry in p["repositories"]:
            path = Path(entry["path"])
            try:
                wanted = parsed_keys(entry["keys"])
            except KeysError as error:
                raise KeysError(f"the text of the keys for {path} {error}") from None
            found = found_keys(path)
            todo = steps(path, found, wanted, prune=p["prune"])
            plans.append((path, wanted, found, todo, loose_paths(path, wanted, owner)))
    except KeysError as error:
        module.fail_json(msg=f"No key was changed: {error}.")
    results, diff = [], []
    for path, wanted, found, todo, loose in plans:
        written = [step.number for step in todo if step.key]
        removed = [step.number for step in todo if not step.key]
        results.append({"path": str(path), "written": written, "removed": removed, "primary_age": primary_age(path, max(wanted))})
        if todo or loose:
            after = "".join(
                f"{number}{' (another key)' * (number in written and number in found)}\n"
                for number in sorted({*found, *written} - {*removed})
            )
            diff.append({"before_header": str(path), "after_header": str(path), "before": _numbers(found), "after": after})
        if (todo or loose) and not module.check_mode:
            try:
                apply(path, todo, wanted, owner)
            except KeysError as error:
                module.fail_json(msg=f"{error}.")
    module.exit_json(changed=bool(diff), repositories=results, diff=diff)


if __name__ == "__main__":
    main()
