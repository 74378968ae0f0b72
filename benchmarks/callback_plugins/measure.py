# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a run of Ansible cost: calls of modules, and when each task began and ended on each host."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: measure
type: aggregate
short_description: Counts calls of modules by host
description:
  - Writes JSON to the file that the environment variable MIKUMO_MEASURE names.
"""

# What happens on the controlling machine alone, without a process.
NAMES = (
    *("add_host", "assert", "debug", "fail", "group_by", "import_role", "import_tasks", "include_role", "include_tasks"),
    *("include_vars", "meta", "set_fact", "validate_argument_spec"),
)
LOCAL = frozenset(f"ansible.builtin.{name}" for name in NAMES)


def phase(task: Any) -> str:
    """The role that the playbook names, however deep in other roles the task is; of a task without one the task's name."""
    name, part = task.get_name(), task
    while part is not None:
        role = getattr(part, "_role", None)
        if role is not None:
            name = role.get_name().rpartition(".")[2]
        part = getattr(part, "_parent", None)
    return str(name)


class CallbackModule(CallbackBase):
    """Every result that came from a module counts; of a loop, every item does."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "measure"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._begin = time.monotonic()
        self._started: dict[tuple[str, str], float] = {}
        self._tasks: list[dict[str, Any]] = []

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._started[host.get_name(), task._uuid] = time.monotonic()

    def _count(self, result: Any) -> None:
        task, data = result._task, result._result
        host = result._host.get_name()
        action = task.resolved_action or task.action
        begin = self._started.get((host, task._uuid), self._begin)
        entry = {
            "host": host,
            "phase": phase(task),
            "task": task.get_name(),
            "begin": round(begin - self._begin, 2),
            "seconds": round(time.monotonic() - begin, 2),
            "calls": 0,
        }
        self._tasks.append(entry)
        if action in LOCAL or data.get("skipped"):
            return
        # A delegated call runs somewhere else.
        where = (data.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host") or task.delegate_to or host
        entry["calls"] = sum(not item.get("skipped") for item in data["results"]) if isinstance(data.get("results"), list) else 1
        entry["host"] = where

    def v2_runner_on_ok(self, result: Any) -> None:
        self._count(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002
        self._count(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        target = os.environ.get("MIKUMO_MEASURE")
        if not target:
            return
        calls: dict[str, int] = {}
        for entry in self._tasks:
            calls[entry["host"]] = calls.get(entry["host"], 0) + entry["calls"]
        changed = {host: stats.summarize(host)["changed"] for host in stats.processed}
        content = {
            "seconds": round(time.monotonic() - self._begin, 1),
            "changed": changed,
            "calls": {host: number for host, number in calls.items() if number},
            "tasks": self._tasks,
        }
        Path(target).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
