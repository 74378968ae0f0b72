# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared code of the modules service and service_info. plugins/modules/service.py documents the options."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import MASK
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_arguments import ARGUMENTS as SCHEMA
from ansible_collections.mikumo.openstack.plugins.module_utils._schema_arguments import EXCLUSIVE

STATE: dict[str, t.Any] = {
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
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
    "schemas": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": SCHEMA,
        "mutually_exclusive": EXCLUSIVE,
        "required_one_of": EXCLUSIVE,
    },
    "units": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "enabled": {"type": "bool"},
            "files": {"type": "list", "elements": "str", "default": []},
            "action": {"type": "str", "choices": ["restart", "reload"], "default": "restart"},
            "url": {"type": "str"},
        },
    },
}
ARGUMENTS: dict[str, t.Any] = {
    **STATE,
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0640"},
    "timeout": {"type": "int", "default": 300},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


def _shown(entry: t.Any) -> t.Any:
    if not isinstance(entry, dict) or entry.get("content") is None:
        return entry
    return {**entry, "content": f"({len(str(entry['content']))} characters)"}


def _each(entries: t.Any, show: Callable[[t.Any], t.Any]) -> t.Any:
    return [show(entry) for entry in entries] if isinstance(entries, list) else MASK


def shown(params: t.Any) -> t.Any:
    """Return the arguments as Ansible shows them with -vvv, without the content of files. The arguments may be invalid."""
    if not isinstance(params, dict):
        return params
    hide: dict[str, Callable[[t.Any], t.Any]] = {"files": _shown, "services": shown}
    return {name: _each(value, hide[name]) if name in hide else value for name, value in params.items()}


class ServiceModule(AnsibleModule):  # type: ignore[misc]
    """A module with arguments that must not be shown as they are."""

    def _log_invocation(self) -> None:
        # The default writes all arguments to the journal, including the content of files.
        counts = (f"{len(value)} {name}" for name, value in self.params.items() if isinstance(value, list) and name != "secrets")
        self.log(f"{self._name}: {', '.join(counts)}")

    def _invocation(self) -> dict[str, t.Any]:
        return {"module_args": shown(self.params)}

    def exit_json(self, **result: t.Any) -> None:
        super().exit_json(**{"invocation": self._invocation(), **result})

    def fail_json(self, msg: str, **result: t.Any) -> None:
        # Ansible also calls this when it rejects the arguments.
        super().fail_json(msg, **{"invocation": self._invocation(), **result})


def contents_of(files: Sequence[Mapping[str, t.Any]]) -> dict[str, str]:
    """Return the wanted content of files by path."""
    return {entry["path"]: entry["content"] or "" for entry in files if entry["state"] == "present"}


class ServiceSchemaError(Exception):
    """A schema that cannot be checked."""


def schemas_behind(schemas: Sequence[Mapping[str, t.Any]], *, check_mode: bool, unwritten: Mapping[str, str]) -> list[str]:
    """Return the names of schemas that are not at their newest revision. Changes none.

    unwritten: content that check mode would have written, by path.
    """
    if not schemas:
        return []
    # Most services have no schema, and loading this takes a fifth of a second on a slow core.
    from ansible_collections.mikumo.openstack.plugins.module_utils._database import START  # noqa: PLC0415
    from ansible_collections.mikumo.openstack.plugins.module_utils._schema import SchemaError  # noqa: PLC0415
    from ansible_collections.mikumo.openstack.plugins.module_utils._schema_module import bring_to_head  # noqa: PLC0415

    wait = 0 if check_mode else START
    try:
        looks = [(one["name"], bring_to_head(one, check_mode=True, wait=wait, unwritten=unwritten)) for one in schemas]
    except SchemaError as error:
        raise ServiceSchemaError(str(error)) from error
    return [name for name, look in looks if look.changed]
