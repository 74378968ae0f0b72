# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes sure that units run with the files on disk."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import os
import time
import typing as t
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.mikumo.openstack.plugins.module_utils._answers import wait_for_answer
from ansible_collections.mikumo.openstack.plugins.module_utils._systemctl import (
    ADMINISTRATOR,
    RUNNING,
    NoSystemdError,
    Status,
    Systemctl,
    UnitsError,
)

__all__ = ["Converger", "Outcome", "Unit", "parse", "reasons"]

SUFFIXES = (".service", ".socket", ".target", ".timer", ".path", ".mount", ".automount", ".swap", ".slice")
# Units that are 'static', 'indirect' and the like cannot be enabled, and other units start them: nothing to do.
NOT_ENABLED = frozenset({"disabled", "enabled-runtime", "linked", "linked-runtime", "masked", "masked-runtime", "bad"})
NO_RELOAD = "--no-reload"


# --- desired state ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    name: str
    state: str = "started"
    enabled: bool = True
    files: tuple[str, ...] = ()
    action: str = "restart"
    url: str = ""


def parse(units: Sequence[Mapping[str, t.Any]]) -> list[Unit]:
    parsed: list[Unit] = []
    for entry in units:
        name = str(entry["name"])
        if not name.endswith(SUFFIXES):
            name += ".service"
        if name in (unit.name for unit in parsed):
            raise UnitsError(f"{name}: listed twice in one call; remove one of the entries")
        state = entry.get("state") or "started"
        enabled = entry.get("enabled")
        url = entry.get("url") or ""
        if url and (state != "started" or not url.startswith(("http://", "https://"))):
            raise UnitsError(f"{name}: {url!r} in 'url' must begin with http:// or https://, and its unit must be started")
        files = tuple(entry.get("files") or ())
        for path in files:
            if not path.startswith("/"):
                raise UnitsError(f"{name}: {path!r} in 'files' is not an absolute path")
        parsed.append(
            Unit(
                name=name,
                state=state,
                enabled=state == "started" if enabled is None else bool(enabled),
                files=files,
                action=entry.get("action") or "restart",
                url=url,
            )
        )
    return parsed


# --- necessary changes -----------------------------------------------------------------------------------------------


def _paths(pattern: str) -> Iterable[str]:
    paths = glob.glob(pattern, recursive=True) if glob.has_magic(pattern) else [pattern]
    for path in paths:
        yield path
        # A directory's modification time also reflects removed files.
        if Path(path).is_dir():
            for directory, names, files in os.walk(path):
                yield from (str(Path(directory, name)) for name in (*names, *files))


def newest(patterns: Iterable[str]) -> tuple[int, str]:
    """Return modification time in microseconds and path of the file that changed last. (0, "") if there is none."""
    latest = (0, "")
    for pattern in patterns:
        for path in _paths(pattern):
            # a masked unit is a link to /dev/null
            if path.startswith("/dev/"):
                continue
            # check both the link and its target: either may have been replaced
            for follow in (False, True):
                with contextlib.suppress(OSError):
                    time_us = Path(path).stat(follow_symlinks=follow).st_mtime_ns // 1000
                    latest = max(latest, (time_us, path))
    return latest


def unwritten(patterns: Iterable[str], paths: Collection[str]) -> str:
    """Return the first file that matches a pattern and that check mode did not write. Empty if there is none."""
    for pattern in patterns:
        for path in paths:
            if fnmatch.fnmatchcase(path, pattern) or path.startswith(pattern.rstrip("/") + "/"):
                return path
    return ""


@dataclass
class Plan:
    """The changes to one unit. `verb` is start, restart, reload, stop or empty."""

    unit: Unit
    verb: str = ""
    reason: str = ""
    enable: bool = False
    disable: bool = False
    unmask: bool = False
    reset: bool = False
    reload_manager: bool = False

    @property
    def changes(self) -> bool:
        return bool(self.verb or self.enable or self.disable or self.unmask or self.reload_manager)


def decide(unit: Unit, status: Status, pending: Collection[str] = ()) -> Plan:
    """Compare the state of systemd and files with the desired state. pending: files that check mode would have written."""
    plan = Plan(unit)
    plan.reload_manager = status["NeedDaemonReload"] == "yes" or status.overridden
    plan.unmask = status.masked and unit.state == "started"
    if unit.enabled:
        plan.enable = status["UnitFileState"] in NOT_ENABLED or not status.exists
    else:
        plan.disable = status.enabled
    if unit.state == "stopped":
        # A unit between two attempts to start is not running, but will be.
        if status["ActiveState"] not in ("inactive", "failed", "", "maintenance"):
            plan.verb, plan.reason = "stop", f"it is {status['ActiveState']}"
        return plan
    _decide_started(plan, status, pending)
    return plan


def _decide_started(plan: Plan, status: Status, pending: Collection[str]) -> None:
    unit = plan.unit
    if status["ActiveState"] not in (*RUNNING, "activating"):
        plan.verb = "start"
        plan.reset = status["ActiveState"] == "failed"
        plan.reason = "it has failed" if plan.reset else "it is not running"
        return
    if plan.reload_manager:
        # This also detects a removed drop-in, which has no modification time any more.
        plan.verb, plan.reason = "restart", "its unit file changed"
        return
    start = status.started
    if start is None:
        return
    own = [*status.unit_files, f"{ADMINISTRATOR}{unit.name}.d"]
    changed, path = newest(own)
    if changed > start:
        plan.verb, plan.reason = "restart", f"{path} changed after it was started"
        return
    if path := unwritten([*own, f"{ADMINISTRATOR}{unit.name}"], pending):
        plan.verb, plan.reason = "restart", f"{path} changes"
        return
    reloads = unit.action == "reload" and status["CanReload"] == "yes" and status.running
    known = status.reloaded if reloads else start
    changed, path = newest(unit.files)
    if known is not None and changed > known:
        plan.verb = "reload" if reloads else "restart"
        plan.reason = f"{path} changed after it was {'last reloaded' if reloads else 'started'}"
    elif path := unwritten(unit.files, pending):
        plan.verb, plan.reason = "reload" if reloads else "restart", f"{path} changes"


def reasons(systemctl: Systemctl, units: Sequence[Unit], pending: Collection[str] = ()) -> dict[Unit, str]:
    """Return why units differ from their desired state. Changes nothing, and starts one process."""
    if not units:
        return {}
    status = statuses(systemctl, sorted({unit.name for unit in units}))
    found = {unit: _reason(unit, status[unit.name], pending) for unit in units}
    return {unit: reason for unit, reason in found.items() if reason}


def _reason(unit: Unit, status: Status, pending: Collection[str]) -> str:
    plan = decide(unit, status, pending)
    if plan.verb:
        return f"would {plan.verb}: {plan.reason}"
    if plan.changes:
        return "needs to be enabled, disabled, unmasked or reloaded from disk"
    if unit.state == "started" and not status.settled:
        return f"is {status['ActiveState'] or 'not known to systemd'}"
    return ""


def statuses(systemctl: Systemctl, names: Sequence[str]) -> dict[str, Status]:
    try:
        found: dict[str, Status] = systemctl.show(names)
    except NoSystemdError:
        # An empty machine or a chroot: nothing has been done yet.
        return {name: Status({}) for name in names}
    return found


# --- applying the changes --------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    started: list[str] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    reloaded: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    enabled: list[str] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    changed: bool = False
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, plan: Plan, status: Status) -> None:
        if not plan.changes:
            return
        unit = plan.unit
        self.changed = True
        verbs = {"start": self.started, "restart": self.restarted, "reload": self.reloaded, "stop": self.stopped}
        if plan.verb:
            verbs[plan.verb].append(unit.name)
        if plan.enable:
            self.enabled.append(unit.name)
        if plan.disable:
            self.disabled.append(unit.name)
        words = ["active" if unit.state == "started" else "inactive"]
        words += ["enabled"] if plan.enable else ["disabled"] if plan.disable else []
        if plan.verb:
            words.append(f"{plan.verb}: {plan.reason}")
        elif plan.reload_manager:
            words.append("daemon-reload")
        self.before.append(f"{unit.name}: {status.describe()}\n")
        self.after.append(f"{unit.name}: {', '.join(words)}\n")

    @property
    def units(self) -> dict[str, list[str]]:
        """Return the names of the changed units, by kind of change."""
        return {
            "started": self.started,
            "restarted": self.restarted,
            "reloaded": self.reloaded,
            "stopped": self.stopped,
            "enabled": self.enabled,
            "disabled": self.disabled,
        }

    @property
    def diff(self) -> dict[str, str]:
        return {"before": "".join(self.before), "after": "".join(self.after)}


class Converger:
    def __init__(
        self,
        systemctl: Systemctl,
        *,
        timeout: float = 300,
        check_mode: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        answer: Callable[[str, float], str] = wait_for_answer,
    ) -> None:
        self.systemctl = systemctl
        self.timeout = timeout
        self.check_mode = check_mode
        self.sleep = sleep
        self.clock = clock
        self.answer = answer

    def converge(self, units: Sequence[Unit], pending: Collection[str] = ()) -> Outcome:
        outcome = Outcome()
        if not units:
            return outcome
        names = [unit.name for unit in units]
        status = before = self._look(names)
        if not self.check_mode:
            self._heal_clock(units, outcome)
        plans = {unit.name: decide(unit, status[unit.name], pending) for unit in units}
        if not self.check_mode:
            if self._prepare(units, plans, status):
                status = self.systemctl.show(names)
                plans = {unit.name: self._renewed(plans[unit.name], status[unit.name]) for unit in units}
            self._require(units, status)
            if self._enable(units, status):
                self.systemctl.call("daemon-reload")
        for name, plan in plans.items():
            outcome.note(plan, before[name])
        if not self.check_mode:
            self._act(list(plans.values()))
            self._wait(units, list(plans.values()), status)
            self._wait_for_answers(units)
        return outcome

    def _look(self, names: Sequence[str]) -> dict[str, Status]:
        return statuses(self.systemctl, names) if self.check_mode else self.systemctl.show(names)

    def _wait_for_answers(self, units: Sequence[Unit]) -> None:
        for unit in units:
            trouble = self.answer(unit.url, self.timeout) if unit.url else ""
            if trouble:
                raise UnitsError(
                    f"{unit.name} is running, but {unit.url} did not answer correctly within {self.timeout:.0f} s: {trouble}. "
                    f"The end of its journal:\n{self.systemctl.journal(unit.name)}"
                )

    @staticmethod
    def _renewed(old: Plan, status: Status) -> Plan:
        """Return the new plan after the preparations. It still reports them."""
        plan = decide(old.unit, status)
        plan.unmask = old.unmask
        plan.enable, plan.disable = plan.enable or old.enable, plan.disable or old.disable
        plan.reload_manager = old.reload_manager
        if old.reload_manager and old.verb == "restart" and not plan.verb:
            plan.verb, plan.reason = old.verb, old.reason
        return plan

    def _prepare(self, units: Sequence[Unit], plans: Mapping[str, Plan], status: Mapping[str, Status]) -> bool:
        """Unmask, enable and reload. Return whether the state of the units must be read again."""
        unmask = [name for name, plan in plans.items() if plan.unmask]
        self.systemctl.call("unmask", unmask, NO_RELOAD)
        # systemd knows a newly installed unit only after the reload.
        known = [unit for unit in units if status[unit.name].exists]
        enabled = self._enable(known, status)
        unknown = any(not status[unit.name].exists and unit.state == "started" for unit in units)
        outdated = unknown or any(plan.reload_manager for plan in plans.values())
        if outdated or enabled or unmask:
            self.systemctl.call("daemon-reload")
            return True
        return False

    def _enable(self, units: Sequence[Unit], status: Mapping[str, Status]) -> bool:
        """Enable and disable on disk. Otherwise systemd would reload all its units for each of them, which takes seconds."""
        plans = [decide(unit, status[unit.name]) for unit in units]
        enable = [plan.unit.name for plan in plans if plan.enable]
        disable = [plan.unit.name for plan in plans if plan.disable]
        self.systemctl.call("enable", enable, NO_RELOAD)
        self.systemctl.call("disable", disable, NO_RELOAD)
        return bool(enable or disable)

    @staticmethod
    def _require(units: Sequence[Unit], status: Mapping[str, Status]) -> None:
        missing = [unit.name for unit in units if not status[unit.name].exists and (unit.state == "started" or unit.enabled)]
        if missing:
            raise UnitsError(
                f"systemd cannot find the unit {', '.join(missing)}; "
                "install the package that contains it, or correct the name in 'units'"
            )
        for unit in units:
            state = status[unit.name]["LoadState"]
            if unit.state == "started" and state in ("bad-setting", "error"):
                raise UnitsError(f"{unit.name}: systemd cannot load this unit ({state}); see 'systemctl status'")
            if unit.state == "started" and status[unit.name].forgetful:
                raise UnitsError(
                    f"{unit.name}: a oneshot unit without RemainAfterExit=yes does not stay started; "
                    "set that in a drop-in, or let a timer start it"
                )

    @staticmethod
    def _heal_clock(units: Sequence[Unit], outcome: Outcome) -> None:
        """Reset modification times in the future: every run until then would restart the units of such a file."""
        healed: set[str] = set()
        for pattern in sorted({pattern for unit in units for pattern in unit.files}):
            while True:
                changed, path = newest([pattern])
                now = time.time_ns()
                if changed <= now // 1000 or path in healed:
                    break
                healed.add(path)
                for follow in (False, True):
                    with contextlib.suppress(OSError):
                        os.utime(path, ns=(now, now), follow_symlinks=follow)
                outcome.warnings.append(
                    f"{path} had a modification time in the future. It is now set to the present. Was the clock set back?"
                )

    def _act(self, plans: Sequence[Plan]) -> None:
        def of(verb: str) -> list[str]:
            return [plan.unit.name for plan in plans if plan.verb == verb]

        # Wait for the stop: the next unit may need the port.
        self.systemctl.call("stop", of("stop"))
        self.systemctl.call("reset-failed", [plan.unit.name for plan in plans if plan.reset])
        self.systemctl.call("reload", of("reload"), "--no-block")
        # Do not wait here: on a slow CPU, all units together need longer than systemctl waits for one.
        self.systemctl.call("restart", of("restart"), "--no-block")
        self.systemctl.call("start", of("start"), "--no-block")

    def _wait(self, units: Sequence[Unit], plans: Sequence[Plan], status: Mapping[str, Status]) -> None:
        acted = {plan.unit.name for plan in plans if plan.verb in ("start", "restart", "reload")}
        waiting = [
            unit.name for unit in units if unit.state == "started" and (unit.name in acted or not status[unit.name].settled)
        ]
        deadline = self.clock() + self.timeout
        pause = 0.3
        idle: set[str] = set()
        while waiting:
            status = self.systemctl.show(waiting)
            failed = [name for name in waiting if status[name].failed]
            stopped = {name for name in waiting if self._given_up(status[name])}
            # seen twice: between two attempts to start, a unit is inactive for a moment
            failed += sorted(stopped & idle)
            idle = stopped
            if failed:
                raise UnitsError(self._failure(failed, status, "is"))
            waiting = [name for name in waiting if not status[name].settled]
            if not waiting:
                return
            if self.clock() >= deadline:
                raise UnitsError(self._failure(waiting, status, f"after {self.timeout:.0f} s is still"))
            self.sleep(pause)
            # each poll costs a process, and the starting services need the CPU time
            pause = min(pause * 1.5, 2.0)

    @staticmethod
    def _given_up(status: Status) -> bool:
        return not status.busy and status["ActiveState"] == "inactive"

    def _failure(self, names: Sequence[str], status: Mapping[str, Status], verb: str) -> str:
        parts = []
        for name in names:
            state = status[name]
            details = [f"result {state['Result']}"] if state["Result"] not in ("success", "") else []
            if state["ExecMainStatus"] not in ("0", ""):
                details.append(f"exit status {state['ExecMainStatus']}")
            if state["ConditionResult"] == "no" and state["ActiveState"] == "inactive":
                details.append("a condition in the unit is not met")
            shown = f" ({', '.join(details)})" if details else ""
            parts.append(
                f"{name} {verb} {state['ActiveState']} ({state['SubState']}) instead of active{shown}. "
                f"The end of its journal:\n{self.systemctl.journal(name)}"
            )
        return "\n\n".join(parts)
