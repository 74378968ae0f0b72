# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules do not depend on the locale and the umask of the session that Ansible opened."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _config_files as config_files
from ansible_collections.mikumo.openstack.plugins.module_utils._commands import ENGLISH, NOT_FOUND, UMASK, run
from ansible_collections.mikumo.openstack.plugins.module_utils._systemctl import run_command

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "plugins/modules").glob("[a-z]*.py"))
Runner = Callable[[Sequence[str]], tuple[int, str, str]]
LOCALES = ["ja_JP.UTF-8", "de_DE.UTF-8", "ja_JP.eucJP", "xx_XX.UTF-8", "C", "POSIX", ""]


@pytest.fixture
def narrow() -> Iterator[None]:
    """The umask that hardening guides want."""
    before = os.umask(0o077)
    yield
    os.umask(before)


RUNNERS = [run, lambda command: astuple(run_command(command, 10))]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_modules_with_commands_are_independent_of_the_session(module: Path) -> None:
    # That of AnsibleModule takes locale and umask over, and loses output on a slow node.
    assert ".run_command(" not in module.read_text()


def test_a_program_that_is_missing_has_the_shells_status() -> None:
    assert run(["no-such-program", "x"]) == (NOT_FOUND, "", "no-such-program: No such file or directory")


def test_variables_of_a_command() -> None:
    assert run(["sh", "-c", "echo $A; echo b >&2; exit 3"], {"A": "a"}) == (3, "a\n", "b\n")


def test_roots_programs_are_found_without_roots_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert run(["sh", "-c", "command -v losetup"])[0] == 0


@pytest.mark.usefixtures("narrow")
def test_files_and_directories_have_the_modes_that_were_asked_for(tmp_path: Path) -> None:
    user = {"owner": str(os.getuid()), "group": str(os.getgid())}
    wanted = config_files.parse(
        [
            {"path": str(tmp_path / "etc/a/deep/file"), "content": "x", "mode": "0644", **user},
            {"path": str(tmp_path / "lib"), "state": "directory", "mode": "0755", **user},
            {"path": str(tmp_path / "lib/program"), "content": "x", "mode": "0755", **user},
        ]
    )
    config_files.sync(wanted)
    modes = {str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    directories = {"etc", "etc/a", "etc/a/deep", "lib", "lib/program"}
    assert modes == dict.fromkeys(directories, 0o755) | {"etc/a/deep/file": 0o644}


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("runner", RUNNERS)
def test_what_commands_make_can_be_read_by_others(runner: Runner) -> None:
    assert int(runner(["sh", "-c", "umask"])[1], 8) == UMASK


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("locale", LOCALES)
def test_output_is_english_in_any_locale(locale: str, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.setenv(name, locale)
    assert "No such file or directory" in runner(["ls", "/no/such/file"])[2]


@pytest.mark.parametrize("runner", RUNNERS)
def test_output_that_is_no_utf_8(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    assert runner(["printf", r"a\351b"])[1] == "a\ufffdb"


@pytest.mark.parametrize("locale", LOCALES)
def test_a_module_under_a_foreign_locale(locale: str, tmp_path: Path) -> None:
    """The module itself, as Ansible starts it on a node."""
    program = (
        "import sys, json; sys.path[:0] = " + repr(sys.path) + "\n"
        "from ansible.module_utils import basic\n"
        "from ansible.module_utils.testing import patch_module_args\n"
        "from ansible_collections.mikumo.openstack.plugins.modules import connections_info\n"
        "with patch_module_args({'targets': [{'host': '127.0.0.1', 'port': 1}]}): connections_info.main()\n"
    )
    environment = os.environ | {"LANG": locale, "LC_ALL": locale, "LANGUAGE": "ja:de"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["connections"] == [{"host": "127.0.0.1", "port": 1, "outcome": "refused"}]


def test_the_locale_is_one_that_every_debian_has() -> None:
    assert ENGLISH["LC_ALL"] == "C.UTF-8"
