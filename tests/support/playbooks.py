# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a playbook of this checkout, or one that a test has written."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_playbook(inventories: Iterable[str | Path], playbook: str | Path, *arguments: str, seconds: int = 120) -> tuple[int, str]:
    """Exit status and output. Several lines of a message become one."""
    sources = [word for inventory in inventories for word in ("-i", str(inventory))]
    result = subprocess.run(
        ["ansible-playbook", *sources, str(playbook), *arguments],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return result.returncode, re.sub(r"\s+", " ", result.stdout + result.stderr)
