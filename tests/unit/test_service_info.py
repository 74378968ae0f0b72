# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services of a node are as described, with real files and schemas."""

from __future__ import annotations

import getpass
import grp
import http.server
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.mikumo.openstack.plugins.module_utils._systemctl import Status
from ansible_collections.mikumo.openstack.plugins.modules import service_info

RUNNING = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "Job": "0",
    # After all files.
    "ExecMainStartTimestamp": "Fri 2100-01-01 00:00:00.000000 UTC",
}


class Systemd:
    """Has one unit, which runs."""

    def show(self, names: list[str]) -> dict[str, Status]:
        return {name: Status(RUNNING if name == "shop.service" else {}) for name in names}


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    monkeypatch.setattr(service_info, "Systemctl", Systemd)

    def call(*services: dict[str, Any]) -> dict[str, Any]:
        with patch_module_args({"services": list(services)}), pytest.raises(SystemExit):
            service_info.main()
        printed = capsys.readouterr().out
        assert "not-to-be-seen" not in printed
        result: dict[str, Any] = json.loads(printed)
        return result

    return call


@pytest.fixture
def service(tmp_path: Path) -> dict[str, Any]:
    """A service that is as described."""
    scripts = tmp_path / "migrations"
    scripts.mkdir()
    (scripts / "first.py").write_text("revision = 'first'\ndown_revision = None\n", encoding="utf-8")
    with sqlite3.connect(tmp_path / "shop.sqlite") as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('first')")
    config = tmp_path / "shop.conf"
    text = f"[database]\nconnection = sqlite:///{tmp_path}/shop.sqlite\npassword = not-to-be-seen\n"
    config.write_text(text, encoding="utf-8")
    config.chmod(0o640)
    owner = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}
    return {
        "name": "shop",
        "files": [{"path": str(config), "content": text, **owner}],
        "schemas": [{"name": "goods", "config_file": str(config), "migrations": [str(scripts)], "command": ["false"]}],
        "units": [{"name": "shop", "files": [str(config)]}],
    }


def test_what_is_as_described_is_confirmed(look: Callable[..., dict[str, Any]], service: dict[str, Any]) -> None:
    found = look(service, {"name": "nothing"})
    assert (found["changed"], found["confirmed"], found["differences"]) == (False, ["shop", "nothing"], {})


def change_content(service: dict[str, Any]) -> None:
    service["files"][0]["content"] += "# more\n"


def change_mode(service: dict[str, Any]) -> None:
    service["files"][0]["mode"] = "0600"


def add_file(service: dict[str, Any]) -> None:
    service["files"].append({"path": f"{service['files'][0]['path']}.new", "content": ""})


def add_revision(service: dict[str, Any]) -> None:
    Path(service["schemas"][0]["migrations"][0], "second.py").write_text("revision = 'second'\ndown_revision = 'first'\n")


def lose_database(service: dict[str, Any]) -> None:
    Path(service["files"][0]["path"]).with_name("shop.sqlite").unlink()


def stop_unit(service: dict[str, Any]) -> None:
    service["units"].append({"name": "till"})


def need_an_answer(service: dict[str, Any]) -> None:
    service["units"][0]["url"] = "http://127.0.0.1:9/"


@pytest.mark.parametrize(
    ("alter", "differences"),
    [
        # The unit runs with the old file.
        (change_content, ["shop.conf differs", "shop.service would restart"]),
        (change_mode, ["shop.conf differs"]),
        (add_file, ["shop.conf.new differs"]),
        (add_revision, ["the schema goods is not at its newest revision"]),
        (lose_database, ["the schema goods"]),
        (stop_unit, ["till.service would start: it is not running"]),
        (need_an_answer, ["shop.service does not answer at http://127.0.0.1:9/: the last attempt failed: "]),
    ],
)
def test_what_differs_is_named(
    look: Callable[..., dict[str, Any]],
    service: dict[str, Any],
    alter: Callable[[dict[str, Any]], None],
    differences: list[str],
) -> None:
    before = Path(service["files"][0]["path"]).read_text()
    alter(service)
    found = look(service, {"name": "nothing"})
    assert found["confirmed"] == ["nothing"]
    named = found["differences"]["shop"]
    assert len(named) >= len(differences)
    assert [words for words in differences if not any(words in one for one in named)] == [], named
    assert Path(service["files"][0]["path"]).read_text() == before
    assert not Path(f"{service['files'][0]['path']}.new").exists()


@pytest.fixture
def api() -> Iterator[str]:
    class Versions(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(300)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Versions) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_an_api_that_answers(look: Callable[..., dict[str, Any]], service: dict[str, Any], api: str) -> None:
    service["units"][0]["url"] = api
    assert look(service)["confirmed"] == ["shop"]


def test_services_may_share_a_unit_and_a_file(look: Callable[..., dict[str, Any]], service: dict[str, Any]) -> None:
    assert look(service, service | {"name": "till"})["confirmed"] == ["shop", "till"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"units": [{"nmae": "shop"}]}, "nmae"),
        ({"files": [{"path": "/f", "state": "gone"}]}, "value of state must be one of: present, absent, directory, got: gone"),
        ({"files": [{"path": "relative", "content": ""}]}, "relative: the path must be absolute"),
    ],
)
def test_what_is_described_wrongly_is_refused(
    look: Callable[..., dict[str, Any]], service: dict[str, Any], wrong: dict[str, Any], words: str
) -> None:
    found = look(service | wrong)
    assert found["failed"]
    assert words in found["msg"]
