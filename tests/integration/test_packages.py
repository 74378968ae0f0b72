# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role packages with failing package sources, against the real apt and a dpkg with a root directory of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
NAME = "mikumo-test-package"
DOWN = "deb [trusted=yes] http://127.0.0.1:9/vendor stable main\n"
GONE = "deb [trusted=yes] file:/nonexistent/vendor ./\n"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="the module apt needs root"),
    pytest.mark.skipif(
        subprocess.run([PYTHON, "-c", "import apt"], capture_output=True, check=False).returncode != 0, reason="needs python3-apt"
    ),
]


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    """A directory that apt takes for the system, with a repository that has one package."""
    for name in ("root/var/lib/dpkg/info", "root/var/lib/dpkg/updates", "state/lists/partial", "cache/archives/partial", "parts"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "root/var/lib/dpkg/status").touch()
    (tmp_path / "root/var/lib/dpkg/available").touch()

    control = tmp_path / "package/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text(
        f"Package: {NAME}\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: Empty\n"
    )
    repository = tmp_path / "repository"
    repository.mkdir()
    subprocess.run(["dpkg-deb", "--build", tmp_path / "package", repository / "p.deb"], check=True, capture_output=True)
    size = (repository / "p.deb").stat().st_size
    digest = subprocess.run(["sha256sum", repository / "p.deb"], check=True, capture_output=True, text=True).stdout.split()[0]
    (repository / "Packages").write_text(f"{control.read_text()}Filename: ./p.deb\nSize: {size}\nSHA256: {digest}\n")

    dpkg = tmp_path / "dpkg"
    dpkg.write_text(f'#!/bin/sh\nexec /usr/bin/dpkg --root={tmp_path}/root "$@"\n')
    dpkg.chmod(0o755)
    (tmp_path / "apt.conf").write_text(
        f'Dir::State "{tmp_path}/state";\nDir::State::status "{tmp_path}/root/var/lib/dpkg/status";\n'
        f'Dir::Cache "{tmp_path}/cache";\nDir::Bin::dpkg "{dpkg}";\nDir::Etc::sourcelist "{tmp_path}/sources.list";\n'
        f'Dir::Etc::sourceparts "{tmp_path}/parts";\nDir::Etc::preferencesparts "{tmp_path}/parts";\n'
        'Acquire::Retries "0";\nAcquire::http::Proxy "DIRECT";\nAPT::Sandbox::User "root";\nDPkg::Post-Invoke "";\n'
        # otherwise the hooks of this machine go with it
        "#clear DPkg::Post-Invoke;\n#clear DPkg::Pre-Install-Pkgs;\n#clear APT::Update::Post-Invoke;\n"
        "#clear APT::Update::Post-Invoke-Success;\n"
    )
    return tmp_path


def play(apt: Path, sources: str, name: str = NAME) -> tuple[int, str]:
    (apt / "sources.list").write_text(sources)
    playbook = apt / "play.yml"
    playbook.write_text(
        "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n"
        "    - ansible.builtin.import_role: {name: mikumo.openstack.packages}\n"
        f"      vars: {{packages_names: [{name}], packages_installed: [], packages_cache_valid_time: 0}}\n"
    )
    result = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "-e", f"ansible_python_interpreter={PYTHON}", str(playbook)],
        cwd=ROOT,
        env=os.environ
        | {
            "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
            "APT_CONFIG": str(apt / "apt.conf"),
            "ANSIBLE_NOCOLOR": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return result.returncode, re.sub(r"\s+", " ", result.stdout + result.stderr)


def installed(apt: Path) -> bool:
    return f"Package: {NAME}\nStatus: install ok installed" in (apt / "root/var/lib/dpkg/status").read_text()


def good(apt: Path) -> str:
    return f"deb [trusted=yes] file:{apt}/repository ./\n"


def test_sources_that_work(apt: Path) -> None:
    status, output = play(apt, good(apt))
    assert status == 0, output[-3000:]
    assert installed(apt)
    assert "again |" not in output


@pytest.mark.parametrize("broken", [DOWN, GONE], ids=["down", "gone"])
def test_a_source_that_fails_does_not_stop_the_others(apt: Path, broken: str) -> None:
    status, output = play(apt, broken + good(apt))
    assert status == 0, output[-3000:]
    assert installed(apt)


@pytest.mark.parametrize("broken", [DOWN, GONE], ids=["down", "gone"])
def test_sources_without_the_package_are_named(apt: Path, broken: str) -> None:
    status, output = play(apt, broken)
    assert status != 0
    words = [NAME, "These package sources fail", "vendor", "/etc/apt/sources.list.d", "Acquire::http::Proxy"]
    assert [word for word in words if word not in output] == [], output[-3000:]


def test_a_list_of_sources_that_cannot_be_read(apt: Path) -> None:
    status, output = play(apt, f"dbe http://vendor.example.org\n{good(apt)}")
    assert status != 0
    assert "Type 'dbe' is not known on line 1 in source list" in output, output[-3000:]


def test_a_name_that_no_source_has(apt: Path) -> None:
    status, output = play(apt, good(apt), "mikumo-no-such-package")
    assert status != 0
    assert "mikumo-no-such-package" in output
    assert "package sources fail" not in output
