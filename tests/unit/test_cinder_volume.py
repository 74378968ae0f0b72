# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that starts cinder-volume, with a main() of the test's own. That Cinder works with it is seen on the nodes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "roles/cinder_volume/files/cinder-volume"
# Threading, when it tidies up after a fork, forgets the threads that the child has not got.
MAIN = """
import os, threading

def main():
    os.register_at_fork(after_in_child=lambda: print("other hook", flush=True))
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    if os.fork() == 0:
        print(f"{len(threading._active)} threads", flush=True)
        os._exit(0)
    os.wait()
    gate.set()
    return 7
"""


def forked(tmp_path: Path, program: list[str]) -> tuple[int, list[str]]:
    package = tmp_path / "cinder/cmd"
    package.mkdir(parents=True)
    (package / "volume.py").write_text(MAIN)
    ended = subprocess.run(
        [sys.executable, *program], env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, sorted(ended.stdout.splitlines())


def test_only_the_hook_of_threading_is_left_out(tmp_path: Path) -> None:
    assert forked(tmp_path, [str(PROGRAM)]) == (7, ["2 threads", "other hook"])


def test_without_the_program_it_would_run(tmp_path: Path) -> None:
    started = "import sys; from cinder.cmd.volume import main; sys.exit(main())"
    assert forked(tmp_path, ["-c", started]) == (7, ["1 threads", "other hook"])
