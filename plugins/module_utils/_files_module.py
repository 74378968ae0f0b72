# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules that write files have in common: their options, and what they show of them.

The options are described in plugins/doc_fragments/files.py.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import MASK, FilesError, mask, parse, sync

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
        self.log(f"{self._name}: {len(self.params['files'])} files")

    def exit_json(self, **result: t.Any) -> None:
        super().exit_json(**{"invocation": invocation(self.params), **result})

    def fail_json(self, msg: str, **result: t.Any) -> None:
        # Also for what Ansible finds wrong with the arguments.
        super().fail_json(msg, **{"invocation": invocation(self.params), **result})

    def write(self) -> dict[str, t.Any]:
        """Brings the files into the wanted state. Returns the result, or ends with the message of what is wrong."""
        params = self.params
        try:
            wanted = parse(params["files"], owner=params["owner"], group=params["group"], mode=params["mode"])
            outcome = sync(wanted, secrets=params["secrets"], check_mode=self.check_mode)
        except FilesError as error:
            self.fail_json(msg=str(error))
        return {"changed": outcome.changed, "changed_files": outcome.changed_files, "diff": outcome.diff}


def invocation(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """The arguments as Ansible returns them for -vvv, without what is secret in the files. They may be the wrong ones."""
    files = params.get("files")
    return {"module_args": {**params, "files": [_shown(entry) for entry in files] if isinstance(files, list) else MASK}}


def _shown(entry: t.Any) -> t.Any:
    if not isinstance(entry, dict):
        return MASK
    content = entry.get("content")
    if content is None:
        return entry
    hidden = entry.get("hidden") or not isinstance(content, str)
    return {**entry, "content": f"({len(str(content))} characters)" if hidden else mask(content)}
