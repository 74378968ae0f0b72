# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the module node_facts that runs on the control node: it compares the two clocks."""

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.mikumo.openstack.plugins.plugin_utils._clock import clock_offset

MODULE = "mikumo.openstack.node_facts"


class ActionModule(ActionBase):
    _requires_connection = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        # The node reads its clock at some point between these two moments.
        sent = time.time()
        result.update(self._execute_module(module_name=MODULE, task_vars=task_vars))
        received = time.time()
        facts = result.get("ansible_facts") or {}
        if "ansible_epoch" in facts:
            facts["ansible_clock_offset"] = clock_offset(sent, float(facts.pop("ansible_epoch")), received)
        return result
