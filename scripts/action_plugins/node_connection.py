# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Ansible reaches a node: the command that its own connection plugin would run, with every option as Ansible found it.

Writes DEST/NODE.json: {"command": [words of ssh, to the host's name], "local": bool, "values": what was given, rendered}.
Nothing is sent to the node.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        plugin = self._connection
        name = plugin.transport
        found: dict[str, Any] = {"command": [], "local": name == "local", "values": self._task.args.get("values", {})}
        if name == "ssh":
            # ssh asks for a password itself; Ansible would pass it through a descriptor that only this process has.
            plugin.set_option("password", None)
            command = plugin._build_command(plugin.get_option("ssh_executable"), "ssh", plugin.get_option("host") or plugin.host)
            found["command"] = [word.decode() for word in command]
        elif name != "local":
            return {"failed": True, "msg": f"is reached by the connection plugin {name}, and only ssh and local give a shell"}
        path = Path(self._task.args["dest"], f"{task_vars['inventory_hostname'] if task_vars else ''}.json")
        path.write_text(json.dumps(found), encoding="utf-8")
        return {"changed": False}
