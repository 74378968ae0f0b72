# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's figures are the last results of the benchmark."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_figures_are_the_measured_ones() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    results = json.loads((ROOT / "benchmarks/results/results.json").read_text(encoding="utf-8"))
    seconds = {name: f"{run['seconds']:.0f} s" for name, run in results["runs"].items()}
    lines = [
        f"| {seconds['first run']}; plain shell scripts with the same steps take {seconds['bare shell scripts']} |",
        f"| {seconds['second run']}, {results['runs']['second run']['calls']['controller']} module calls on the controller |",
        f"| {seconds['one changed setting']}, and one unit is restarted |",
        f"| {seconds['restart until the instance answers']} |",
        f"| {sum(node['used'] for node in results['memory'].values())} MiB |",
    ]
    assert [line for line in lines if line not in readme] == []
    assert len(results["runs"]["one changed setting"]["restarted"]) == 1
