# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.waiting import wait_for

from ansible_collections.mikumo.openstack.plugins.plugin_utils._progress import (
    Watch,
    build_command,
    build_text,
    packages_command,
    packages_text,
    parsed,
)

ROOT = Path(__file__).resolve().parents[2]
HISTORY = """
Start-Date: 2026-11-27  23:46:48
Commandline: apt-get install a
Install: older:amd64 (1.0, automatic)
End-Date: 2026-11-27  23:47:42

Start-Date: 2026-11-27  23:48:10
Commandline: apt-get --yes install mariadb-server (a name with brackets)
Install: libb:amd64 (7.6.q-36, automatic), mariadb-server:amd64 (1:11.8), libc:amd64 (3+deb13u1, automatic)
Upgrade: base-files:amd64 (13, 13.1)
"""
DPKG = """2026-11-27 23:46:50 install older:amd64 <none> 1.0
2026-11-27 23:46:51 status installed older:amd64 1.0
2026-11-27 23:48:11 startup archives unpack
2026-11-27 23:48:12 install libb:amd64 <none> 7.6
2026-11-27 23:48:12 status half-installed libb:amd64 7.6
2026-11-27 23:48:13 status unpacked libb:amd64 7.6
2026-11-27 23:48:13 upgrade base-files:amd64 13 13.1
2026-11-27 23:48:14 install libc:amd64 <none> 3
2026-11-27 23:48:15 status installed libb:amd64 7.6
2026-11-27 23:48:15 status installed man-db:amd64 1
2026-11-27 23:48:16 status installed libb:amd64 7.6
"""


def looked(command: str) -> dict[str, str]:
    return parsed(subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False).stdout)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    entry = tmp_path / "a build's"
    place = Path(f"{entry}.tmp/work/root")
    for directory in ("var/log/apt", "var/lib/dpkg", "var/cache/apt/archives/partial"):
        (place / directory).mkdir(parents=True)
    return place


def test_packages_are_counted(root: Path) -> None:
    # Nothing is there yet.
    assert packages_text(looked(packages_command(str(root), 60))) == ""
    for name in ("a.deb", "b.deb"):
        (root / "var/cache/apt/archives" / name).write_bytes(b"x" * 1500000)
    assert packages_text(looked(packages_command(str(root), 60))) == "2 packages fetched (3 MB)"
    (root / "var/log/apt/history.log").write_text(HISTORY)
    (root / "var/log/dpkg.log").write_text(DPKG)
    found = looked(packages_command(str(root), 60))
    assert packages_text(found) == "3 of 4 packages unpacked, 1 configured (50 %)"
    # The transaction is over, and the next one has not begun.
    (root / "var/log/apt/history.log").write_text(f"{HISTORY}End-Date: 2026-11-27  23:49:00\n")
    assert packages_text(looked(packages_command(str(root), 60))) == "2 packages fetched (3 MB)"


def test_what_was_installed_before_the_work_began_does_not_count() -> None:
    found = looked(packages_command("/", -5))
    assert (found["fetched"], found["total"]) == ("0", "")


def test_steps_and_files_of_a_build_are_counted(root: Path) -> None:
    work = root.parent
    entry = str(work.parent).removesuffix(".tmp")
    Path(f"{entry}.log").write_text("23:17:04 fetching\nReading 1 of 2\n23:17:38 compiling with 2 jobs\n  warning: 12:00\n")
    for name in ("a.o", "kernel/b.o", "arch/um/c.o", "arch/x86/d.o", "arch/arm/no.o", "tools/no.o", "a.c"):
        path = work / "linux" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    image = looked(build_command(entry, 8, 60))
    assert build_text(image, 0) == "compiling with 2 jobs"
    for directory in ("var/lib/dpkg", "var/lib"):
        (root / directory).rmdir()
    assert build_text(looked(build_command(entry, 8, 60)), 8) == "compiling with 2 jobs: 4 of about 8 files (50 %)"
    assert build_text(looked(build_command(entry, 2, 60)), 2) == "compiling with 2 jobs: 4 of about 4 files (99 %)"
    assert build_text(looked(build_command("/nowhere/entry", 8, 60)), 8) == ""


def test_lines_are_shown_when_something_moves() -> None:
    answers, shown = iter(["", "1 of 3", "1 of 3", "2 of 3"]), []

    def ask(_elapsed: float) -> str:
        text = next(answers, None)
        if text is None:
            raise OSError("the connection is gone")
        return text

    with Watch(ask, shown.append, 0.01):
        time.sleep(0.3)
    assert shown == ["1 of 3", "2 of 3"]


def test_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "REPEAT", 0.05)
    shown: list[str] = []
    with Watch(lambda _elapsed: "unpacking", shown.append, 0.01):
        time.sleep(0.3)
    assert shown[0] == "unpacking"
    assert 2 <= len(shown) <= 7
    assert all(re.fullmatch(r"unpacking, for \d+ s", line) for line in shown[1:])


def test_end_of_the_work_does_not_wait_for_the_next_look() -> None:
    start = time.monotonic()
    with Watch(lambda _elapsed: "x", lambda _text: None, 60):
        pass
    assert time.monotonic() - start < 1


# With Ansible


def play(tmp_path: Path, script: str, **more: Any) -> list[str]:
    """The command that runs a build as the lab does, below tmp_path."""
    entry = tmp_path / "entry"
    build = tmp_path / "build.sh"
    build.write_text(f"#!/bin/sh\nentry={entry}\n{script}")
    build.chmod(0o755)
    task = {
        "name": "Build",
        "mikumo.openstack.watched": {
            "module": "ansible.builtin.command",
            "arguments": {"argv": [str(build)], "creates": f"{entry}/done"},
            "build": str(entry),
            "every": 1,
        },
    }
    tasks = [task | more]
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    program = str(Path(sys.executable).parent / "ansible-playbook")
    variables = f"ansible_python_interpreter={sys.executable}"
    return [program, "-i", "localhost,", "-c", "local", "-e", variables, str(tmp_path / "play.yml")]


def run(command: list[str], tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    # Without the repository's ansible.cfg, as when the collection comes from Galaxy.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    clean |= {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections"), **environment}
    return subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)


BUILD = """
mkdir "$entry.tmp"
for step in first second; do
    printf '%s %s step\\n' "$(date +%H:%M:%S)" $step >>"$entry.log"
    sleep 2.5
done
mv "$entry.tmp" "$entry" && touch "$entry/done"
"""


def test_progress_of_a_run(tmp_path: Path) -> None:
    command = play(tmp_path, BUILD)
    predicted = run([*command, "--check"], tmp_path)
    assert "step" not in predicted.stdout
    first = run(command, tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    lines = [line for line in first.stdout.splitlines() if line.startswith("[localhost]")]
    assert lines == ["[localhost] Build: first step", "[localhost] Build: second step"]
    assert "changed=1" in first.stdout
    again = run(command, tmp_path)
    assert "changed=0" in again.stdout
    assert "[localhost] Build" not in again.stdout


def test_document_on_the_standard_output_stays_one(tmp_path: Path) -> None:
    result = run(play(tmp_path, BUILD), tmp_path, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json")
    assert "[localhost] Build" not in result.stdout
    assert "[localhost] Build: first step" in result.stderr


def test_failure_is_that_of_the_module(tmp_path: Path) -> None:
    result = run(play(tmp_path, "echo the end of the log >&2; exit 3"), tmp_path)
    assert result.returncode == 2
    assert "the end of the log" in result.stdout
    assert "failed=1" in result.stdout


def test_interruption_ends_what_was_started(tmp_path: Path) -> None:
    # What a shell starts in the background ignores Ctrl-C, and so does everything below it: the tests may run there.
    command = ["env", "--default-signal=INT", *play(tmp_path, 'echo $$ >"$entry.pid"; exec sleep 300')]
    clean = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections")}
    pid_file = tmp_path / "entry.pid"
    with subprocess.Popen(
        command, cwd=tmp_path, env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            wait_for("the build begins", lambda: pid_file.exists() and pid_file.read_text().strip(), seconds=60)
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)
        finally:
            process.kill()
    pid = int(pid_file.read_text())
    try:
        wait_for("the build ends", lambda: Path(f"/proc/{pid}").exists(), lambda there: not there, seconds=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
