#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Write all configuration files of a service at once
version_added: 0.1.0
description:
  - Brings any number of files and directories into the wanted state in one call.
  - A file is replaced in one step, is never readable for more users than in the end, and is only touched if it
    differs. Its modification time so tells when its content changed, which M(mikumo.openstack.systemd_units) relies on.
    A new owner or mode leaves the modification time alone.
  - Missing parent directories are created as V(root), mode V(0755).
  - Everything is examined before the first file is touched, so that a mistake in the call changes nothing.
  - Differences never show values of options with a secret-looking name, passwords in URLs or private keys, neither
    the new nor the replaced ones. Only that such a value is another one can be seen.
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path. A symbolic link is refused, not followed.
        type: path
        required: true
      content:
        description: The whole content. Required if O(files[].state=present).
        type: str
      owner:
        description: Name or number of the user. O(owner) if not given.
        type: str
      group:
        description: Name or number of the group. O(group) if not given.
        type: str
      mode:
        description: Four octal digits in quotes. O(mode) if not given.
        type: str
      state:
        description:
          - V(present) is a file with O(files[].content), V(directory) a directory.
          - V(absent) removes a file, a symbolic link or an empty directory.
        type: str
        choices: [present, absent, directory]
        default: present
      hidden:
        description:
          - The whole content is a secret, so that differences show nothing of it.
          - Files named C(*.key) or C(*cookie) and Keystone's key repositories are always hidden.
        type: bool
        default: false
  owner:
    description: Owner of files that name none.
    type: str
    default: root
  group:
    description: Group of files that name none.
    type: str
    default: root
  mode:
    description: Mode of files that name none. A directory that names none may also be searched by who may read it.
    type: str
    default: "0640"
  secrets:
    description:
      - Values that must not be seen anywhere. Ansible removes them from its output and from the node's journal.
      - The content of files is left out there in any case.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Predicts changes. A user or group that does not exist yet is no error then.
  diff_mode:
    support: full
    description: Shows what differs, without secrets.
  idempotent:
    support: full
    description: A second call changes nothing.
  platform:
    support: full
    platforms: posix
    description: Debian.
author:
  - The Mikumo authors
"""

EXAMPLES = r"""
- name: Write the configuration of Glance
  mikumo.openstack.config_files:
    group: glance
    secrets: ["{{ glance_password }}", "{{ glance_database_password }}"]
    files:
      - path: /etc/glance
        state: directory
        mode: "0755"
      - path: /etc/glance/glance-api.conf
        content: "{{ __glance_config | mikumo.openstack.oslo_config }}"
      - path: /etc/glance/glance-cache.conf
        state: absent
"""

RETURN = r"""
changed_files:
  description: Paths of the files that were changed, created or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/glance/glance-api.conf]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import FilesError, mask, parse, sync

ARGUMENTS: dict[str, t.Any] = {
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent", "directory"], "default": "present"},
            "hidden": {"type": "bool", "default": False},
        },
    },
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0640"},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


class Module(AnsibleModule):  # type: ignore[misc]
    def _log_invocation(self) -> None:
        # The default writes all arguments to the journal, where the files' content does not belong.
        self.log(f"config_files: {len(self.params['files'])} files")


def invocation(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """The arguments as Ansible returns them for -vvv, without what is secret in the files."""
    files = []
    for entry in params["files"]:
        shown = dict(entry)
        if entry["content"] is not None:
            shown["content"] = f"({len(entry['content'])} characters)" if entry["hidden"] else mask(entry["content"])
        files.append(shown)
    return {"module_args": {**params, "files": files}}


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    shown = invocation(params)
    try:
        wanted = parse(params["files"], owner=params["owner"], group=params["group"], mode=params["mode"])
        outcome = sync(wanted, secrets=params["secrets"], check_mode=module.check_mode)
    except FilesError as error:
        module.fail_json(msg=str(error), invocation=shown)
    module.exit_json(changed=outcome.changed, changed_files=outcome.changed_files, diff=outcome.diff, invocation=shown)


if __name__ == "__main__":
    main()
