# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both programs of this directory need to run Ansible measured, and to write down what came out."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS = HERE / "results"


def environment(measured: Path | None = None) -> dict[str, str]:
    """For the programs of the virtual environment. Each run of Ansible writes its calls and tasks to `measured`."""
    wanted = {
        "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
        "OS_CLIENT_CONFIG_FILE": f"{ROOT}/clouds.yaml",
        "PWD": str(ROOT),
    }
    if measured:
        wanted |= {
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "measure",
            "MIKUMO_MEASURE": str(measured),
        }
    return os.environ | wanted


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """In Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def load(name: str) -> Any:
    """What was measured before; None if nothing was."""
    path = RESULTS / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def save(name: str, content: Any) -> None:
    (RESULTS / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
