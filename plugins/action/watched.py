# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a slow module and shows its progress. Documented with the module of the same name."""

from __future__ import annotations

import copy
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.mikumo.openstack.plugins.plugin_utils._progress import (
    Watch,
    build_command,
    build_text,
    packages_command,
    packages_text,
    parsed,
)

ARGUMENTS: dict[str, Any] = {
    "module": {"type": "str", "required": True},
    "arguments": {"type": "dict", "default": {}},
    "packages_in": {"type": "path"},
    "build": {"type": "path"},
    "objects": {"type": "int", "default": 0},
    "every": {"type": "int", "default": 12},
}
# Seconds that a poll may take on a busy node.
PATIENCE = 20


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _given, options = self.validate_argument_spec(
            ARGUMENTS, required_one_of=[["packages_in", "build"]], mutually_exclusive=[["packages_in", "build"]]
        )
        call = {"module_name": options["module"], "module_args": options["arguments"], "task_vars": task_vars}
        try:
            if self._task.check_mode:
                result.update(self._execute_module(**call))
            else:
                with Watch(
                    self._looking(options), self._saying((task_vars or {}).get("inventory_hostname", "")), options["every"]
                ):
                    result.update(self._execute_module(**call))
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _looking(self, options: dict[str, Any]) -> Any:
        # The module uses the connection at the same time. No become: the polled files are world-readable.
        connection = copy.copy(self._connection)
        connection.become = None

        def look(elapsed: float) -> str:
            build = options["build"]
            command = (
                build_command(build, options["objects"], elapsed) if build else packages_command(options["packages_in"], elapsed)
            )
            quoted = connection._shell.quote(command)
            _code, output, _errors = connection.exec_command(f"timeout {PATIENCE} nice /bin/sh -c {quoted}", sudoable=False)
            found = parsed(output.decode(errors="replace"))
            return build_text(found, options["objects"]) if build else packages_text(found)

        return look

    def _saying(self, host: str) -> Any:
        # Some callbacks write a document to standard output. Progress lines would corrupt it.
        document = "json" in str(constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK"))
        name = self._task.get_name().rpartition(" : ")[2]

        def say(text: str) -> None:
            Display().display(f"[{host}] {name}: {text}", stderr=document)

        return say
