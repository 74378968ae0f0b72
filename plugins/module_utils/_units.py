# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import contextlib
import datetime
import glob
import os
import subprocess
import time
import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.mikumo.openstack.plugins.module_utils._answers import wait_for_answer
from ansible_collections.mikumo.openstack.plugins.module_utils._commands import started

__all__ = ["Converger", "Outcome", "Run", "Systemctl", "Unit", "UnitsError", "parse"]

SUFFIXES = (".service", ".socket", ".target", ".timer", ".path", ".mount", ".automount", ".swap", ".slice")
PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "NeedDaemonReload",
    "FragmentPath",
    "SourcePath",
    "DropInPaths",
    "Type",
    "RemainAfterExit",
    "Result",
    "ReloadResult",
    "CanReload",
    "Job",
    "ConditionResult",
    "ExecMainStatus",
    "ExecMainStartTimestamp",
    "ExecMainStartTimestampMonotonic",
    "InactiveExitTimestamp",
    "InactiveExitTimestampMonotonic",
    "ActiveEnterTimestamp",
    "ActiveEnterTimestampMonotonic",
    "StateChangeTimestamp",
    "StateChangeTimestampMonotonic",
)
# What systemd writes itself at every daemon-reload or applies at once says nothing about a change by an administrator.
GENERATED = ("/run/systemd/", "/etc/systemd/system.control/")
# Where an administrator's unit files are.
ADMINISTRATOR = "/etc/systemd/system/"
# 'static', 'indirect' and the like cannot be enabled and are started by others: nothing to do.
NOT_ENABLED = frozenset({"disabled", "enabled-runtime", "linked", "linked-runtime", "masked", "masked-runtime", "bad"})
ENABLED = frozenset({"enabled", "enabled-runtime"})
RUNNING = frozenset({"active", "reloading", "refreshing"})
# Less than this between the two clocks is not a step.
CLOCK_STEP = 2_000_000
JOURNAL_LINES = 40
NO_RELOAD = "--no-reload"


class UnitsError(Exception):
    """Units that are not in the wanted state, or cannot be asked for it."""


class NoSystemdError(UnitsError):
    """The machine was not booted with systemd, or has no systemctl."""


# --- what is wanted --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    name: str
    state: str = "started"
    enabled: bool = True
    masked: bool = False
    files: tuple[str, ...] = ()
    action: str = "restart"
    wave: int = 0
    url: str = ""


def parse(units: Sequence[Mapping[str, t.Any]], common_files: Sequence[str] = ()) -> list[Unit]:
    parsed: list[Unit] = []
    for entry in units:
        name = str(entry["name"])
        if not name.endswith(SUFFIXES):
            name += ".service"
        if name in (unit.name for unit in parsed):
            raise UnitsError(f"{name}: given twice in one call; leave one of them out")
        masked = bool(entry.get("masked"))
        state = entry.get("state") or ("stopped" if masked else "started")
        enabled = entry.get("enabled")
        if masked and (state == "started" or enabled):
            raise UnitsError(f"{name}: a masked unit can be neither started nor enabled; give state: stopped")
        url = entry.get("url") or ""
        if url and (state != "started" or not url.startswith(("http://", "https://"))):
            raise UnitsError(f"{name}: {url!r} in 'url' has to begin with http:// or https://, and its unit to be started")
        files = (*(entry.get("files") or ()), *common_files)
        for path in files:
            if not path.startswith("/"):
                raise UnitsError(f"{name}: {path!r} in 'files' is not an absolute path")
        parsed.append(
            Unit(
                name=name,
                state=state,
                enabled=state == "started" if enabled is None else bool(enabled),
                masked=masked,
                files=files,
                action=entry.get("action") or "restart",
                wave=int(entry.get("wave") or 0),
                url=url,
            )
        )
    return parsed


# --- what systemd says -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


Runner = Callable[[Sequence[str], float], Run]


def run_command(command: Sequence[str], timeout: float) -> Run:
    # A start script beside a unit is of no use, and keeping it in step costs a reload of systemd for each.
    environment = {"SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "", "SYSTEMCTL_SKIP_SYSV": "1"}
    try:
        done = started(command, environment, timeout)
    except FileNotFoundError as error:
        raise NoSystemdError(f"{command[0]} was not found; this module needs a machine that runs systemd") from error
    except subprocess.TimeoutExpired as error:
        raise UnitsError(f"'{' '.join(command)}' did not return within {timeout:.0f} s") from error
    return Run(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Status:
    """The properties of a unit, with the time stamps that decide about a restart."""

    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def exists(self) -> bool:
        return self["LoadState"] not in ("not-found", "")

    @property
    def masked(self) -> bool:
        return self["LoadState"] == "masked"

    @property
    def running(self) -> bool:
        return self["ActiveState"] in RUNNING

    @property
    def busy(self) -> bool:
        return self["Job"] not in ("", "0")

    @property
    def forgetful(self) -> bool:
        """systemd unloads a oneshot unit when it is done, and with it the knowledge that it ran."""
        return self["Type"] == "oneshot" and self["RemainAfterExit"] == "no"

    @property
    def failed(self) -> bool:
        # 'failed-before-auto-restart' is a step on the way to the next attempt.
        return self["ActiveState"] == "failed" and self["SubState"] == "failed" and not self.busy

    @property
    def enabled(self) -> bool:
        return self["UnitFileState"] in ENABLED

    @property
    def overridden(self) -> bool:
        """An administrator's unit file goes before the one that systemd has read, which it does not notice by itself."""
        if not self["FragmentPath"] or self["FragmentPath"].startswith(ADMINISTRATOR):
            return False
        path = Path(ADMINISTRATOR, Path(self["FragmentPath"]).name)
        return path.is_file() and not path.is_symlink()

    @property
    def unit_files(self) -> list[str]:
        paths = [self["FragmentPath"], self["SourcePath"], *self["DropInPaths"].split()]
        return [path for path in paths if path and not path.startswith(GENERATED)]

    def _time(self, name: str) -> int | None:
        """Microseconds since 1970, as the clock of today would have shown them."""
        text = self[f"{name}Timestamp"]
        if not text or text == "n/a":
            return None
        stamp = parse_timestamp(text)
        monotonic = self[f"{name}TimestampMonotonic"]
        if monotonic.isdigit() and int(monotonic):
            # A unit started while the clock was wrong, before NTP set it back, would look newer than every file.
            actual = (time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) // 1000 + int(monotonic)
            if actual < stamp - CLOCK_STEP:
                return actual
        return stamp

    @property
    def started(self) -> int | None:
        # The main process reads its files after it was started, not after it became ready.
        return self._time("ExecMainStart") or self._time("InactiveExit")

    @property
    def reloaded(self) -> int | None:
        """The last change of state while active is the end of a reload."""
        change, enter = self._time("StateChange"), self._time("ActiveEnter")
        if change is not None and enter is not None and change > enter and self["ReloadResult"] in ("success", ""):
            return change
        return self.started

    def describe(self) -> str:
        if not self.exists:
            return "not installed"
        active = self["ActiveState"]
        if self["SubState"] not in (active, ""):
            active += f" ({self['SubState']})"
        return ", ".join(word for word in (active, self["UnitFileState"]) if word)


def parse_timestamp(text: str) -> int:
    """'Sat 2026-11-21 01:13:43.123456 UTC' in microseconds since 1970."""
    # Not strptime with %a: the name of the day is of no use, and %f wants exactly what us+utc gives.
    try:
        _day, date, clock, zone = text.split()
        moment = datetime.datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise UnitsError(f"the time stamp {text!r} of systemctl is not understood") from error
    if zone != "UTC":
        raise UnitsError(f"the time stamp {text!r} of systemctl is not in UTC")
    # Not float seconds: they have no room for all microseconds.
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (moment - epoch) // datetime.timedelta(microseconds=1)


class Systemctl:
    """The few calls of systemctl, each for many units at once."""

    def __init__(self, run: Runner = run_command, timeout: float = 300) -> None:
        self._run = run
        self._timeout = timeout

    def show(self, names: Sequence[str]) -> dict[str, Status]:
        done = self._run(
            ["systemctl", "show", "--timestamp=us+utc", f"--property={','.join(PROPERTIES)}", "--", *names],
            self._timeout,
        )
        if done.code or "not been booted with systemd" in done.err:
            if "booted with systemd" in done.err or "connect to" in done.err.lower() or "chroot" in done.err:
                raise NoSystemdError(f"systemd does not answer: {done.err.strip()}")
            raise UnitsError(f"systemctl show failed: {done.err.strip()}")
        blocks = [
            dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in done.out.strip("\n").split("\n\n")
        ]
        if len(blocks) != len(names):
            raise UnitsError(f"systemctl show described {len(blocks)} units instead of {len(names)}: {' '.join(names)}")
        return {name: Status(block) for name, block in zip(names, blocks, strict=True)}

    def call(self, verb: str, names: Sequence[str] = (), *flags: str) -> None:
        """Run a verb for all these units; no units, no call."""
        if not names and verb != "daemon-reload":
            return
        done = self._run(["systemctl", verb, *flags, *(["--", *names] if names else [])], self._timeout)
        if done.code:
            raise UnitsError(f"systemctl {verb} {' '.join(names)} failed: {done.err.strip() or done.out.strip()}")

    def journal(self, name: str) -> str:
        try:
            done = self._run(
                ["journalctl", "--no-pager", "--quiet", "--no-hostname", f"--lines={JOURNAL_LINES}", "--unit", name], 60
            )
        except UnitsError as error:
            return f"(the journal cannot be read: {error})"
        return done.out.strip() or done.err.strip() or "(nothing)"


# --- what has to be done ---------------------------------------------------------------------------------------------


def _paths(pattern: str) -> Iterable[str]:
    paths = glob.glob(pattern, recursive=True) if glob.has_magic(pattern) else [pattern]
    for path in paths:
        yield path
        # The time of a directory tells of removed files too.
        if Path(path).is_dir():
            for directory, names, files in os.walk(path):
                yield from (str(Path(directory, name)) for name in (*names, *files))


def newest(patterns: Iterable[str]) -> tuple[int, str]:
    """Modification time in microseconds and path of the file that changed last; (0, "") if there is none."""
    latest = (0, "")
    for pattern in patterns:
        for path in _paths(pattern):
            # /dev/null is where the link of a masked unit points to
            if path.startswith("/dev/"):
                continue
            # both the link and what it points to: either may have been exchanged
            for follow in (False, True):
                with contextlib.suppress(OSError):
                    time_us = Path(path).stat(follow_symlinks=follow).st_mtime_ns // 1000
                    latest = max(latest, (time_us, path))
    return latest


@dataclass
class Plan:
    """What one unit needs. `verb` is start, restart, reload, stop or nothing."""

    unit: Unit
    verb: str = ""
    reason: str = ""
    enable: bool = False
    disable: bool = False
    mask: bool = False
    unmask: bool = False
    reset: bool = False
    reload_manager: bool = False

    @property
    def changes(self) -> bool:
        return bool(self.verb or self.enable or self.disable or self.mask or self.unmask or self.reload_manager)


def decide(unit: Unit, status: Status) -> Plan:
    """Compare what systemd and the files say with what is wanted."""
    plan = Plan(unit)
    plan.reload_manager = status["NeedDaemonReload"] == "yes" or status.overridden
    plan.mask = unit.masked and not status.masked
    plan.unmask = status.masked and not unit.masked
    if unit.enabled:
        plan.enable = status["UnitFileState"] in NOT_ENABLED or not status.exists
    else:
        plan.disable = status.enabled and not plan.mask
    if unit.state == "stopped":
        # A unit between two attempts to start is not running, but will be.
        if status["ActiveState"] not in ("inactive", "failed", "", "maintenance"):
            plan.verb, plan.reason = "stop", f"it is {status['ActiveState']}"
        return plan
    _decide_started(plan, status)
    return plan


def _decide_started(plan: Plan, status: Status) -> None:
    unit = plan.unit
    if status["ActiveState"] not in (*RUNNING, "activating"):
        plan.verb = "start"
        plan.reset = status["ActiveState"] == "failed"
        plan.reason = "it has failed" if plan.reset else "it is not running"
        return
    if plan.reload_manager:
        # This also sees a drop-in that was removed, which has no time any more.
        plan.verb, plan.reason = "restart", "its unit file changed"
        return
    start = status.started
    if start is None:
        return
    changed, path = newest([*status.unit_files, f"/etc/systemd/system/{unit.name}.d"])
    if changed > start:
        plan.verb, plan.reason = "restart", f"{path} changed after it was started"
        return
    reloads = unit.action == "reload" and status["CanReload"] == "yes" and status.running
    known = status.reloaded if reloads else start
    changed, path = newest(unit.files)
    if known is not None and changed > known:
        plan.verb = "reload" if reloads else "restart"
        plan.reason = f"{path} changed after it was {'last reloaded' if reloads else 'started'}"


# --- doing it --------------------------------------------------------------------------------------------------------


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
        words += ["masked"] if unit.masked else ["enabled"] if plan.enable else ["disabled"] if plan.disable else []
        if plan.verb:
            words.append(f"{plan.verb}: {plan.reason}")
        elif plan.reload_manager:
            words.append("daemon-reload")
        self.before.append(f"{unit.name}: {status.describe()}\n")
        self.after.append(f"{unit.name}: {', '.join(words)}\n")


class Converger:
    def __init__(
        self,
        systemctl: Systemctl,
        *,
        timeout: float = 300,
        daemon_reload: str = "auto",
        check_mode: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        answer: Callable[[str, float], str] = wait_for_answer,
    ) -> None:
        self.systemctl = systemctl
        self.timeout = timeout
        self.daemon_reload = daemon_reload
        self.check_mode = check_mode
        self.sleep = sleep
        self.clock = clock
        self.answer = answer

    def converge(self, units: Sequence[Unit]) -> Outcome:
        outcome = Outcome()
        if not units:
            return outcome
        names = [unit.name for unit in units]
        status = self._look(names)
        if not self.check_mode:
            self._heal_clock(units, outcome)
        before = status
        plans = {unit.name: decide(unit, status[unit.name]) for unit in units}
        if not self.check_mode:
            if self._prepare(units, plans, status):
                status = self.systemctl.show(names)
                plans = {unit.name: self._renewed(plans[unit.name], status[unit.name]) for unit in units}
            self._require(units, status)
            if self._enable(units, status) and self.daemon_reload != "never":
                self.systemctl.call("daemon-reload")
        acted = False
        for wave in sorted({unit.wave for unit in units}):
            members = [unit for unit in units if unit.wave == wave]
            if acted and not self.check_mode:
                status = self._decide_again(members, plans)
            wave_plans = [plans[unit.name] for unit in members]
            for plan in wave_plans:
                outcome.note(plan, before[plan.unit.name])
            if not self.check_mode:
                self._act(wave_plans)
                self._wait(members, wave_plans, status)
            acted = acted or any(plan.verb for plan in wave_plans)
        if not self.check_mode:
            self._wait_for_answers(units)
        return outcome

    def _look(self, names: Sequence[str]) -> dict[str, Status]:
        try:
            return self.systemctl.show(names)
        except NoSystemdError:
            if not self.check_mode:
                raise
            # An empty machine, or a chroot: everything is still to be done.
            return {name: Status({}) for name in names}

    def _wait_for_answers(self, units: Sequence[Unit]) -> None:
        for unit in units:
            trouble = self.answer(unit.url, self.timeout) if unit.url else ""
            if trouble:
                raise UnitsError(
                    f"{unit.name} runs, but {unit.url} has not answered as it should in {self.timeout:.0f} s: {trouble}. "
                    f"The end of its journal:\n{self.systemctl.journal(unit.name)}"
                )

    def _decide_again(self, members: Sequence[Unit], plans: Mapping[str, Plan]) -> dict[str, Status]:
        """An earlier wave may have taken units along, for instance by PartOf=."""
        status = self.systemctl.show([unit.name for unit in members])
        for unit in members:
            plan = plans[unit.name]
            fresh = decide(unit, status[unit.name])
            if not (plan.reload_manager and plan.verb == "restart"):
                plan.verb, plan.reason, plan.reset = fresh.verb, fresh.reason, fresh.reset
        return status

    @staticmethod
    def _renewed(old: Plan, status: Status) -> Plan:
        """The plan after the preparations, which still tells of them."""
        plan = decide(old.unit, status)
        plan.mask, plan.unmask = old.mask, old.unmask
        plan.enable, plan.disable = plan.enable or old.enable, plan.disable or old.disable
        plan.reload_manager = old.reload_manager
        if old.reload_manager and old.verb == "restart" and not plan.verb:
            plan.verb, plan.reason = old.verb, old.reason
        return plan

    def _prepare(self, units: Sequence[Unit], plans: Mapping[str, Plan], status: Mapping[str, Status]) -> bool:
        """Mask, unmask and reload; true if systemd has to be asked again."""
        mask = [name for name, plan in plans.items() if plan.mask]
        unmask = [name for name, plan in plans.items() if plan.unmask]
        self.systemctl.call("mask", mask, NO_RELOAD)
        self.systemctl.call("unmask", unmask, NO_RELOAD)
        # A unit that was just installed is only known after the reload.
        known = [unit for unit in units if status[unit.name].exists]
        enabled = self._enable(known, status)
        unknown = any(not status[unit.name].exists and unit.state == "started" for unit in units)
        outdated = unknown or any(plan.reload_manager for plan in plans.values())
        if self.daemon_reload == "always" or (self.daemon_reload == "auto" and (outdated or enabled or mask or unmask)):
            self.systemctl.call("daemon-reload")
            return True
        return bool(mask or unmask or enabled)

    def _enable(self, units: Sequence[Unit], status: Mapping[str, Status]) -> bool:
        """Enable and disable on disk. systemd would read all its units again for each of them, which takes seconds."""
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
                f"systemd knows no unit {', '.join(missing)}; "
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
        """A file from the future would have its units restarted by every run until then."""
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
                    f"{path} had a modification time in the future, which is now the present; was the clock set back?"
                )

    def _act(self, plans: Sequence[Plan]) -> None:
        def of(verb: str) -> list[str]:
            return [plan.unit.name for plan in plans if plan.verb == verb]

        # Stopping waits: what is started next may need the port.
        self.systemctl.call("stop", of("stop"))
        self.systemctl.call("reset-failed", [plan.unit.name for plan in plans if plan.reset])
        self.systemctl.call("reload", of("reload"), "--no-block")
        # Not waiting here: on a slow processor the units together need longer than systemctl waits for one.
        self.systemctl.call("restart", of("restart"), "--no-block")
        self.systemctl.call("start", of("start"), "--no-block")

    def _wait(self, units: Sequence[Unit], plans: Sequence[Plan], status: Mapping[str, Status]) -> None:
        acted = {plan.unit.name for plan in plans if plan.verb in ("start", "restart", "reload")}
        waiting = [
            unit.name
            for unit in units
            if unit.state == "started" and (unit.name in acted or not self._settled(status[unit.name]))
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
            waiting = [name for name in waiting if not self._settled(status[name])]
            if not waiting:
                return
            if self.clock() >= deadline:
                raise UnitsError(self._failure(waiting, status, f"after {self.timeout:.0f} s is still"))
            self.sleep(pause)
            # asking costs a process each time, which the starting services would rather have
            pause = min(pause * 1.5, 2.0)

    @staticmethod
    def _settled(status: Status) -> bool:
        return not status.busy and status["ActiveState"] == "active"

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
