# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that need the running lab are marked, so that the others run anywhere: pytest -m 'not lab' tests/integration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lab: needs the nodes of the running lab, and leaves nothing behind there")
    config.addinivalue_line("markers", "full: takes long, and is a part of `make test-full` only")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where Python finds the collection of this checkout by its name."""
    base = tmp_path_factory.mktemp("collections")
    (base / "ansible_collections/mikumo").mkdir(parents=True)
    (base / "ansible_collections/mikumo/openstack").symlink_to(ROOT)
    return str(base)


@pytest.fixture
def module(path: str) -> Callable[..., dict[str, Any]]:
    """Runs a module of ours as Ansible does on a node, on the machine of the tests."""

    def call(name: str, /, *, check: bool = False, **options: Any) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, str(ROOT / f"plugins/modules/{name}.py")],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "_ansible_check_mode": check, "_ansible_diff": True}}),
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": path},
            timeout=120,
            check=False,
        )
        assert done.stdout, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    return call
