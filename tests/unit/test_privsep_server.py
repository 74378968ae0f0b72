# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What mikumo-privsep.service grants, and to whom. That its helpers work is seen on the nodes."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import pwd
import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "--config-file": "/etc/nova/nova-compute.conf",
    "--privsep_context": "nova.privsep.sys_admin_pctxt",
    "--privsep_sock_path": "/tmp/tmp_x1/privsep.sock",
}


def words(**changes: str) -> list[str]:
    options = {**GOOD, **{f"--{name.replace('config_file', 'config-file')}": value for name, value in changes.items()}}
    return [word for pair in options.items() for word in pair]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("privsep_server", str(ROOT / "roles/service/files/privsep-server"))
    spec = importlib.util.spec_from_loader("privsep_server", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    monkeypatch.setattr(module, "SERVICES", tmp_path)
    return module


def describe(directory: Path, user: str, **changes: list[str]) -> None:
    service = {
        "user": user,
        "contexts": [GOOD["--privsep_context"]],
        "config_files": [GOOD["--config-file"]],
        "modules": [],
        **changes,
    }
    (directory / f"{user}.json").write_text(json.dumps(service), encoding="utf-8")


@pytest.fixture
def user(tmp_path: Path) -> str:
    name = pwd.getpwuid(os.getuid()).pw_name
    describe(tmp_path, name)
    return name


def test_service_gets_its_helper(server: ModuleType, user: str) -> None:
    assert server.permitted(server.services(), os.getuid(), words())


@pytest.mark.parametrize(
    "arguments",
    [
        words(privsep_context="os.system"),
        words(privsep_context="nova.privsep.sys_admin_pctxt.more"),
        words(config_file="/tmp/nova.conf"),
        words(config_file="/etc/nova/../../tmp/nova.conf"),
        words(privsep_sock_path="/run/privsep.sock"),
        words(privsep_sock_path="/tmp/../run/privsep.sock"),
        [*words(), "--log-file", "/etc/passwd"],
        [*words(), "--config-file"],
        [*words()[:-1], 1],
        {"--privsep_context": "nova.privsep.sys_admin_pctxt"},
        None,
    ],
)
def test_nothing_else(server: ModuleType, user: str, arguments: object) -> None:
    assert not server.permitted(server.services(), os.getuid(), arguments)


def test_not_for_another_user(server: ModuleType, tmp_path: Path) -> None:
    other = next(entry.pw_name for entry in pwd.getpwall() if entry.pw_uid != os.getuid())
    describe(tmp_path, other)
    assert not server.permitted(server.services(), os.getuid(), words())


def test_not_with_the_rights_of_another_service(server: ModuleType, tmp_path: Path, user: str) -> None:
    other = next(entry.pw_name for entry in pwd.getpwall() if entry.pw_uid != os.getuid())
    describe(tmp_path, other, contexts=["neutron.privileged.default"])
    assert not server.permitted(server.services(), os.getuid(), words(privsep_context="neutron.privileged.default"))


def test_module_with_all_that_is_in_it_is_loaded_once(
    server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "a_service"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "helpers.py").write_text("print('loaded')")
    monkeypatch.syspath_prepend(str(tmp_path))
    # monkeypatch: nothing of this stays in the process of the tests.
    monkeypatch.setattr(server.gc, "freeze", lambda: None)
    describe(tmp_path, "nova", modules=["a_service", "no_such_module"])
    server.load_missing(server.services())
    server.load_missing(server.services())
    assert capsys.readouterr().out == "loaded\n"
    for name in ("a_service", "a_service.helpers"):
        monkeypatch.delitem(sys.modules, name)


def answer(server: ModuleType, sent: bytes) -> bytes:
    """What a service with this test's user gets for it. The connection stays open."""
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(5)
        ours.sendall(sent)
        server.serve(theirs, None)
        return ours.recv(100)


def test_a_user_without_helpers_is_refused_before_anything_is_read(server: ModuleType) -> None:
    # It would wait for a line otherwise.
    server.PATIENCE = 60
    assert answer(server, b"") == b"refused\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"\n",
        b"{}\n",
        b"not json\n",
        b"\xff\xfe\n",
        b"[" * 60000 + b"\n",
        b"x" * 70000,
        json.dumps(words(privsep_context="os.system")).encode() + b"\n",
    ],
)
@pytest.mark.usefixtures("user")
def test_requests_without_a_meaning_are_refused(server: ModuleType, sent: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    assert answer(server, sent) == b"refused\n"
    assert "may not ask for this helper" in capfd.readouterr().err


@pytest.mark.usefixtures("user")
def test_who_gets_a_helper_is_in_the_journal(
    server: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "helper", lambda _arguments: 0)
    ours, theirs = socket.socketpair()
    with ours, socket.socket() as listening:
        ours.sendall(json.dumps(words()).encode() + b"\n")
        server.serve(theirs, listening)
        assert ours.recv(100) == b"0\n"
    assert f"helper for user {pwd.getpwuid(os.getuid()).pw_name}: --config-file" in capfd.readouterr().err


def test_code_that_was_replaced_is_noticed(server: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some_code.py"
    path.write_text("")
    module = ModuleType("some_code")
    module.__file__ = str(path)
    monkeypatch.setattr(server.sys, "modules", {"some_code": module})
    start = path.stat().st_ctime
    assert not server.changed_since(start)
    # As dpkg does it: another file with an old time.
    (tmp_path / "new").write_text("changed = True")
    os.utime(tmp_path / "new", (1, 1))
    (tmp_path / "new").rename(path)
    assert server.changed_since(start)
    path.unlink()
    assert server.changed_since(start)
