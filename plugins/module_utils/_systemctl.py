# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of units in systemd, and the few systemctl calls, each for many units at once."""

from __future__ import annotations

import datetime
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import started

__all__ = ["ADMINISTRATOR", "RUNNING", "NoSystemdError", "Run", "Status", "Systemctl", "UnitsError", "run_command"]

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
# Files that systemd itself writes at every daemon-reload, or applies immediately. They do not indicate an administrator's change.
GENERATED = ("/run/systemd/", "/etc/systemd/system.control/")
# Directory of an administrator's unit files.
ADMINISTRATOR = "/etc/systemd/system/"
ENABLED = frozenset({"enabled", "enabled-runtime"})
RUNNING = frozenset({"active", "reloading", "refreshing"})
# Smaller differences between the two clocks do not count as a step.
CLOCK_STEP = 2_000_000
JOURNAL_LINES = 40


class UnitsError(Exception):
    """Units that are not in the desired state, or whose state cannot be read."""


class NoSystemdError(UnitsError):
    """The machine was not booted with systemd, or has no systemctl."""


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


Runner = Callable[[Sequence[str], float], Run]


def run_command(command: Sequence[str], timeout: float) -> Run:
    # An init script next to a unit has no effect, and keeping it in sync costs a systemd reload for each unit.
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
    """The properties of a unit, including the timestamps that decide about a restart."""

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
    def settled(self) -> bool:
        """Return whether the unit is active and about to stay so."""
        return not self.busy and self["ActiveState"] == "active"

    @property
    def forgetful(self) -> bool:
        """systemd unloads such a oneshot unit when it is done, and forgets that it ran."""
        return self["Type"] == "oneshot" and self["RemainAfterExit"] == "no"

    @property
    def failed(self) -> bool:
        # 'failed-before-auto-restart' is a transition to the next attempt.
        return self["ActiveState"] == "failed" and self["SubState"] == "failed" and not self.busy

    @property
    def enabled(self) -> bool:
        return self["UnitFileState"] in ENABLED

    @property
    def overridden(self) -> bool:
        """Whether an administrator's unit file overrides the one that systemd has loaded. systemd does not notice this itself."""
        if not self["FragmentPath"] or self["FragmentPath"].startswith(ADMINISTRATOR):
            return False
        path = Path(ADMINISTRATOR, Path(self["FragmentPath"]).name)
        return path.is_file() and not path.is_symlink()

    @property
    def unit_files(self) -> list[str]:
        paths = [self["FragmentPath"], self["SourcePath"], *self["DropInPaths"].split()]
        return [path for path in paths if path and not path.startswith(GENERATED)]

    def _time(self, name: str) -> int | None:
        """Return microseconds since 1970, as today's clock would have shown them."""
        text = self[f"{name}Timestamp"]
        if not text or text == "n/a":
            return None
        stamp = parse_timestamp(text)
        monotonic = self[f"{name}TimestampMonotonic"]
        if monotonic.isdigit() and int(monotonic):
            # If NTP set the clock back after a unit started, the unit would look newer than every file.
            actual = (time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) // 1000 + int(monotonic)
            if actual < stamp - CLOCK_STEP:
                return actual
        return stamp

    @property
    def started(self) -> int | None:
        # The main process reads its files after it starts, not after it becomes ready.
        return self._time("ExecMainStart") or self._time("InactiveExit")

    @property
    def reloaded(self) -> int | None:
        """Return the time of the last reload: the last state change of an active unit is the end of a reload."""
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
    """Convert 'Sat 2026-11-21 01:13:43.123456 UTC' to microseconds since 1970."""
    # Do not parse the day's name with %a: it is not needed. %f matches the format us+utc exactly.
    try:
        _day, date, clock, zone = text.split()
        moment = datetime.datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise UnitsError(f"systemctl reports the timestamp {text!r}, which cannot be parsed") from error
    if zone != "UTC":
        raise UnitsError(f"systemctl reports the timestamp {text!r}, which is not in UTC")
    # Float seconds would lose microseconds.
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
        """Run a verb for all these units. Does nothing without units."""
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
