# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import os
import time
from pathlib import Path

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _systemctl as systemctl
from ansible_collections.mikumo.openstack.plugins.module_utils import _units as units

START = 1_795_000_000_000_000


def stamp(micro):
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=micro)
    return moment.strftime("%a %Y-%m-%d %H:%M:%S.%f UTC")


def touch(path, micro):
    path.touch()
    os.utime(path, ns=(micro * 1000, micro * 1000))
    return str(path)


class Systemd:
    """A systemd of dictionaries, in which a job needs one look until it is done."""

    def __init__(self, **loaded):
        self.units = {f"{name}.service": self.unit(**values) for name, values in loaded.items()}
        self.calls = []
        self.on_start = {}
        self.time = 0.0

    @staticmethod
    def unit(**values):
        unit = {
            "LoadState": "loaded",
            "ActiveState": "active",
            "SubState": "running",
            "UnitFileState": "enabled",
            "NeedDaemonReload": "no",
            "Type": "notify",
            "Result": "success",
            "CanReload": "no",
            "Job": "0",
        }
        unit.update(values)
        if unit["ActiveState"] == "active":
            unit.setdefault("ExecMainStartTimestamp", stamp(START))
        return unit

    def run(self, command, _timeout):
        program, verb, *rest = command
        if program == "journalctl":
            return systemctl.Run(0, f"last words of {rest[-1]}\n", "")
        names = rest[rest.index("--") + 1 :] if "--" in rest else []
        flags = [flag for flag in rest if flag == "--no-block"]
        self.calls.append(" ".join([verb, *flags, *names]))
        if verb == "show":
            return systemctl.Run(0, "\n\n".join(self.show(name) for name in names) + "\n", "")
        for name in names:
            getattr(self, verb.replace("-", "_"))(self.units[name])
        if verb == "daemon-reload":
            for unit in self.units.values():
                unit["NeedDaemonReload"] = "no"
        return systemctl.Run(0, "", "")

    def show(self, name):
        unit = self.units.get(name)
        if unit is None:
            return f"Id={name}\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState="
        text = "\n".join(f"{key}={value}" for key, value in {"Id": name, **unit}.items() if key != "next")
        for change in unit.get("next", [])[:1]:
            unit.update(change)
            unit["next"] = unit["next"][1:]
        return text

    def start(self, unit):
        steps = unit.pop("then", None) or [{"ActiveState": "active", "SubState": "running", "Job": "0"}]
        unit.update(Job="7", next=steps, ExecMainStartTimestamp=stamp(START + 10_000_000))

    restart = start

    def reload(self, unit):
        unit.update(
            ActiveState="reloading",
            ActiveEnterTimestamp=stamp(START),
            StateChangeTimestamp=stamp(START + 10_000_000),
            ReloadResult="success",
            next=[{"ActiveState": "active"}],
        )

    def stop(self, unit):
        unit.update(ActiveState="inactive", SubState="dead")

    def enable(self, unit):
        unit["UnitFileState"] = "enabled"

    def disable(self, unit):
        unit["UnitFileState"] = "disabled"

    def unmask(self, unit):
        unit.update(LoadState="loaded", UnitFileState="disabled")

    def reset_failed(self, unit):
        unit.update(ActiveState="inactive", SubState="dead", Result="success")

    def sleep(self, seconds):
        self.time += seconds

    def converge(self, *entries, check_mode=False, timeout=60, unwritten=(), answer=""):
        self.calls = []
        return units.Converger(
            systemctl.Systemctl(self.run),
            timeout=timeout,
            check_mode=check_mode,
            sleep=self.sleep,
            clock=lambda: self.time,
            answer=lambda _url, _seconds: answer,
        ).converge(units.parse(entries), unwritten)


def test_all_good_costs_one_call(tmp_path):
    systemd = Systemd(a={}, b={})
    old = touch(tmp_path / "a.conf", START - 1)
    outcome = systemd.converge({"name": "a", "files": [old]}, {"name": "b.service"})
    assert not outcome.changed
    assert outcome.before == outcome.after == []
    assert systemd.calls == ["show a.service b.service"]


@pytest.mark.parametrize(("micro", "restarted"), [(-1, False), (0, False), (1, True)])
def test_restart_to_the_microsecond(tmp_path, micro, restarted):
    systemd = Systemd(a={})
    path = touch(tmp_path / "a.conf", START + micro)
    outcome = systemd.converge({"name": "a", "files": [path]})
    assert (outcome.restarted == ["a.service"]) is restarted
    assert not systemd.converge({"name": "a", "files": [path]}).changed


def test_files_may_be_patterns_directories_and_missing(tmp_path):
    directory = tmp_path / "d"
    directory.mkdir()
    deep = directory / "deep"
    deep.mkdir()
    touch(deep / "x", START + 5)
    for path in (deep, directory, tmp_path):
        os.utime(path, ns=(0, 0))
    assert Systemd(a={}).converge({"name": "a", "files": [str(tmp_path / "no")]}).changed is False
    assert Systemd(a={}).converge({"name": "a", "files": [str(tmp_path / "*" / "*.conf")]}).changed is False
    for pattern in ("d", "*/deep", "**/x"):
        assert Systemd(a={}).converge({"name": "a", "files": [str(tmp_path / pattern)]}).restarted == ["a.service"]
    # what was removed shows in the directory only
    (deep / "x").unlink()
    os.utime(deep, ns=((START + 5) * 1000,) * 2)
    assert Systemd(a={}).converge({"name": "a", "files": [str(directory)]}).changed


def test_start_enables_resets_and_waits():
    failed = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "UnitFileState": "disabled"}
    systemd = Systemd(
        a={"ActiveState": "inactive", "SubState": "dead", "UnitFileState": "disabled"},
        b={
            **failed,
            # systemd tries again by itself, through states that are no end
            "then": [
                {"ActiveState": "failed", "SubState": "failed-before-auto-restart", "Job": "0"},
                {"ActiveState": "activating", "SubState": "auto-restart"},
                {"ActiveState": "activating", "SubState": "start"},
                {"ActiveState": "active", "SubState": "running"},
            ],
        },
    )
    outcome = systemd.converge({"name": "a"}, {"name": "b"})
    assert outcome.started == outcome.enabled == ["a.service", "b.service"]
    assert systemd.calls[:6] == [
        "show a.service b.service",
        "enable a.service b.service",
        # once for all of them
        "daemon-reload",
        "show a.service b.service",
        "reset-failed b.service",
        "start --no-block a.service b.service",
    ]
    assert not systemd.converge({"name": "a"}, {"name": "b"}).changed


def test_waits_for_what_is_starting_already():
    systemd = Systemd(a={"ActiveState": "activating", "SubState": "start", "next": [{"ActiveState": "active"}]})
    assert not systemd.converge({"name": "a"}).changed
    assert systemd.units["a.service"]["ActiveState"] == "active"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            {"ActiveState": "failed", "SubState": "failed", "Result": "start-limit-hit", "Job": "0"},
            r"a\.service is failed \(failed\) instead of active \(result start-limit-hit\)",
        ),
        (
            {"ActiveState": "inactive", "SubState": "dead", "ConditionResult": "no", "Job": "0"},
            r"a\.service is inactive \(dead\) instead of active \(a condition in the unit is not met\)",
        ),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "1", "Job": "0"},
            r"a\.service after 20 s is still activating \(auto-restart\) instead of active \(exit status 1\)",
        ),
    ],
)
def test_failure_shows_the_journal(step, message):
    systemd = Systemd(a={"ActiveState": "inactive", "SubState": "dead", "then": [step]})
    with pytest.raises(systemctl.UnitsError, match=rf"{message}.*\nlast words of a\.service"):
        systemd.converge({"name": "a"}, timeout=20)


def test_missing_unit():
    systemd = Systemd(a={})
    outcome = systemd.converge({"name": "a"}, {"name": "no"}, check_mode=True)
    assert (outcome.started, outcome.enabled) == (["no.service"], ["no.service"])
    assert systemd.calls == ["show a.service no.service"]
    with pytest.raises(systemctl.UnitsError, match=r"systemd cannot find the unit no\.service; install the package"):
        systemd.converge({"name": "a"}, {"name": "no"})
    # systemd may just not have noticed the new package
    assert "daemon-reload" in systemd.calls
    assert not systemd.converge({"name": "no", "state": "stopped"}).changed


def test_no_systemd():
    def run(_command, _timeout):
        return systemctl.Run(1, "", "System has not been booted with systemd as init system (PID 1). Can't operate.")

    unit = units.parse([{"name": "a"}])
    assert units.Converger(systemctl.Systemctl(run), check_mode=True).converge(unit).started == ["a.service"]
    with pytest.raises(systemctl.UnitsError, match="systemd does not answer"):
        units.Converger(systemctl.Systemctl(run)).converge(unit)


def test_check_mode_changes_nothing(tmp_path):
    new = touch(tmp_path / "a.conf", START + 1)
    systemd = Systemd(a={}, b={}, c={"ActiveState": "inactive", "UnitFileState": "disabled"})
    entries = [{"name": "a", "files": [new]}, {"name": "b", "state": "stopped", "files": [new]}, {"name": "c"}]
    outcome = systemd.converge(*entries, check_mode=True)
    assert (outcome.restarted, outcome.stopped, outcome.started) == (["a.service"], ["b.service"], ["c.service"])
    assert (outcome.disabled, outcome.enabled) == (["b.service"], ["c.service"])
    assert len(systemd.calls) == 1
    assert outcome.after[0] == f"a.service: active, restart: {new} changed after it was started\n"


def test_daemon_reload_restarts_once():
    systemd = Systemd(a={"NeedDaemonReload": "yes"}, b={})
    outcome = systemd.converge({"name": "a"}, {"name": "b"})
    assert outcome.restarted == ["a.service"]
    assert systemd.calls[:4] == [
        "show a.service b.service",
        "daemon-reload",
        "show a.service b.service",
        "restart --no-block a.service",
    ]
    assert not systemd.converge({"name": "a"}, {"name": "b"}).changed


def test_drop_in_changed_but_reloaded_by_someone_else(tmp_path):
    drop_in = touch(tmp_path / "x.conf", START + 1)
    unit = {"DropInPaths": drop_in, "FragmentPath": "/dev/null"}
    assert Systemd(a=unit).converge({"name": "a"}).restarted == ["a.service"]
    generated = {"FragmentPath": "/run/systemd/generator/a.service"}
    assert systemctl.Status(generated).unit_files == []


def test_reload(tmp_path):
    new = touch(tmp_path / "a.conf", START + 1)
    entries = [{"name": name, "action": "reload", "files": [new]} for name in ("a", "b")]
    systemd = Systemd(a={"CanReload": "yes"}, b={})
    outcome = systemd.converge(*entries)
    assert (outcome.reloaded, outcome.restarted) == (["a.service"], ["b.service"])
    assert not systemd.converge(*entries).changed


@pytest.mark.parametrize(
    ("path", "restarted"),
    [
        ("/etc/a/a.conf", True),
        ("/etc/a/parts/x/y", True),
        ("/etc/a/sites/b.conf", True),
        ("/etc/systemd/system/a.service", True),
        ("/etc/systemd/system/a.service.d/mikumo.conf", True),
        ("/etc/a/a.conf.old", False),
        ("/etc/a/sites/b.txt", False),
        ("/etc/systemd/system/ba.service", False),
    ],
)
def test_check_mode_knows_what_it_would_have_written(path, restarted):
    entry = {"name": "a", "files": ["/etc/a/a.conf", "/etc/a/parts", "/etc/a/sites/*.conf"]}
    outcome = Systemd(a={}).converge(entry, check_mode=True, unwritten=[path])
    assert outcome.restarted == (["a.service"] if restarted else [])
    assert outcome.after == ([f"a.service: active, restart: {path} changes\n"] if restarted else [])


def test_check_mode_knows_that_a_unit_would_be_reloaded():
    entry = {"name": "a", "action": "reload", "files": ["/etc/a.conf"]}
    assert Systemd(a={"CanReload": "yes"}).converge(entry, check_mode=True, unwritten=["/etc/a.conf"]).reloaded == ["a.service"]


def test_unmask():
    systemd = Systemd(a={"LoadState": "masked", "UnitFileState": "masked", "ActiveState": "inactive"})
    assert not systemd.converge({"name": "a", "state": "stopped"}).changed
    outcome = systemd.converge({"name": "a"})
    assert (outcome.enabled, outcome.started) == (["a.service"], ["a.service"])


def test_enabled_alone():
    systemd = Systemd(a={}, b={"UnitFileState": "static"})
    assert systemd.converge({"name": "a", "enabled": False}, {"name": "b"}).disabled == ["a.service"]
    assert systemd.units["a.service"]["ActiveState"] == "active"


def test_forgetful_oneshot():
    systemd = Systemd(a={"Type": "oneshot", "RemainAfterExit": "no", "ActiveState": "inactive"})
    with pytest.raises(systemctl.UnitsError, match="RemainAfterExit=yes"):
        systemd.converge({"name": "a"})


def test_file_from_the_future(tmp_path):
    path = touch(tmp_path / "a.conf", time.time_ns() // 1000 + 3_600_000_000)
    systemd = Systemd(a={})
    outcome = systemd.converge({"name": "a", "files": [path]})
    assert outcome.restarted == ["a.service"]
    assert "modification time in the future" in outcome.warnings[0]
    assert Path(path).stat().st_mtime <= time.time()


def test_unit_started_before_the_clock_was_set_back():
    now = time.time_ns() // 1000
    monotonic = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    values = {
        # by the wrong clock started in an hour, in truth a second ago
        "ExecMainStartTimestamp": stamp(now + 3_600_000_000),
        "ExecMainStartTimestampMonotonic": str(monotonic - 1_000_000),
    }
    assert systemctl.Status(values).started == pytest.approx(now - 1_000_000, abs=500_000)
    # no step: what systemd says counts, to the microsecond
    values["ExecMainStartTimestamp"] = stamp(now - 1_000_000)
    assert systemctl.Status(values).started == now - 1_000_000


def test_timestamp():
    assert systemctl.parse_timestamp("Thu 1970-01-01 00:00:01.000002 UTC") == 1_000_002
    for text in ("Thu 1970-01-01 00:00:01 CET", "yesterday"):
        with pytest.raises(systemctl.UnitsError, match="timestamp"):
            systemctl.parse_timestamp(text)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"name": "a"}, {"name": "a.service"}], "listed twice"),
        ([{"name": "a", "files": ["etc/a"]}], "not an absolute path"),
    ],
)
def test_parse_errors(entries, message):
    with pytest.raises(systemctl.UnitsError, match=message):
        units.parse(entries)


def test_parse_defaults():
    assert units.parse([{"name": "a.timer", "state": "stopped"}]) == [units.Unit("a.timer", state="stopped", enabled=False)]
    assert units.parse([{"name": "a", "files": ["/b"]}])[0].files == ("/b",)


def test_a_unit_that_runs_and_does_not_answer_is_an_error_with_its_journal():
    systemd = Systemd(a={})
    entry = {"name": "a", "url": "http://a/"}
    assert systemd.converge(entry).changed is False
    with pytest.raises(systemctl.UnitsError, match=r"(?s)a\.service is running, but http://a/ .* status 500.*journal"):
        systemd.converge(entry, answer="the last answer had status 500")
    assert systemd.converge(entry, answer="not looked at", check_mode=True).changed is False


@pytest.mark.parametrize("entry", [{"name": "a", "url": "a:80"}, {"name": "a", "url": "http://a", "state": "stopped"}])
def test_url_without_sense(entry):
    with pytest.raises(systemctl.UnitsError, match="'url'"):
        units.parse([entry])


def test_an_administrators_unit_file_that_systemd_has_not_read_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(systemctl, "ADMINISTRATOR", f"{tmp_path}/")
    systemd = Systemd(a={"FragmentPath": "/run/systemd/generator.late/a.service"})
    assert systemd.converge({"name": "a"}).changed is False
    (tmp_path / "a.service").write_text("[Service]\n")
    outcome = systemd.converge({"name": "a"}, check_mode=True)
    assert outcome.changed is True
    (tmp_path / "a.service").unlink()
    (tmp_path / "a.service").symlink_to("/usr/lib/systemd/system/b.service")
    assert systemd.converge({"name": "a"}).changed is False


@pytest.mark.parametrize(
    ("loaded", "wanted", "reason"),
    [
        ({}, {}, ""),
        ({"ActiveState": "inactive"}, {}, "would start: it is not running"),
        ({"ActiveState": "failed"}, {}, "would start: it has failed"),
        ({"NeedDaemonReload": "yes"}, {}, "would restart: its unit file changed"),
        ({"UnitFileState": "disabled"}, {}, "needs to be enabled"),
        ({}, {"state": "stopped"}, "would stop: it is active"),
        ({"ActiveState": "inactive", "UnitFileState": "disabled"}, {"state": "stopped"}, ""),
        # It may yet fail.
        ({"ActiveState": "activating"}, {}, "is activating"),
        ({"Job": "9"}, {}, "is active"),
        ({}, {"files": ["/unwritten"]}, "would restart: /unwritten changes"),
    ],
)
def test_why_a_unit_is_not_as_it_should_be(loaded, wanted, reason):
    systemd = Systemd(a=loaded)
    (unit,) = units.parse([{"name": "a", **wanted}])
    found = units.reasons(systemctl.Systemctl(systemd.run), [unit], {"/unwritten"})
    assert found.get(unit, "").startswith(reason)
    assert bool(found) == bool(reason)
    assert systemd.calls == ["show a.service"]


def test_no_process_is_started_for_no_unit():
    systemd = Systemd()
    assert units.reasons(systemctl.Systemctl(systemd.run), []) == {}
    assert systemd.calls == []
