# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/rungs: the table of what the tests proved."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "scripts/rungs"
RESULTS = """<testsuites><testsuite>
<testcase name="a" time="60"/>
<testcase name="b" time="30"><failure message="the API says 500&#10;and more">trace</failure></testcase>
<testcase name="c" time="0"><skipped message="Skipped: no second node"/></testcase>
</testsuite></testsuites>"""


def rungs(directory: Path, *names: str) -> subprocess.CompletedProcess[str]:
    program = directory / "scripts/rungs"
    program.parent.mkdir(exist_ok=True)
    program.write_text(PROGRAM.read_text())
    return subprocess.run([sys.executable, program, *names], capture_output=True, text=True, check=False)


def test_failures_and_skips_are_counted_with_their_reasons(tmp_path: Path) -> None:
    (tmp_path / ".cache/results").mkdir(parents=True)
    (tmp_path / ".cache/results/lab.xml").write_text(RESULTS)
    done = rungs(tmp_path)
    assert done.stdout.splitlines()[1].split() == ["lab", "1", "1", "1", "1.5"]
    assert "failed: lab: b: the API says 500\n" in done.stdout
    assert "skipped: lab: c: no second node\n" in done.stdout
    assert done.returncode == 1


def test_a_rung_that_did_not_run_is_no_success(tmp_path: Path) -> None:
    done = rungs(tmp_path, "behaviour")
    assert done.stdout.splitlines()[1].split() == ["behaviour", "did", "not", "run"]
    assert done.returncode == 1


def test_tempest_keeps_its_results_elsewhere(tmp_path: Path) -> None:
    (tmp_path / ".cache/tempest").mkdir(parents=True)
    (tmp_path / ".cache/tempest/results.xml").write_text('<testsuite><testcase name="a" time="6"/></testsuite>')
    done = rungs(tmp_path)
    assert done.stdout.splitlines()[1].split() == ["tempest", "1", "0", "0", "0.1"]
    assert done.returncode == 0
