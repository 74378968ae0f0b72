# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a service are written, its schemas looked at with them, and its units left alone while a schema is behind."""

from __future__ import annotations

import getpass
import grp
import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.mikumo.openstack.plugins.modules import service

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Calls the module for a service with two files, and two schemas of one name."""
    scripts = tmp_path / "migrations"
    scripts.mkdir()
    (scripts / "first.py").write_text("revision = 'first'\ndown_revision = None\n", encoding="utf-8")
    config = tmp_path / "glance.conf"
    schema = {
        "name": "glance",
        "config_file": str(config),
        "migrations": [str(scripts)],
        "command": ["false"],
        "secrets": ["not-to-be-seen"],
    }

    def call(
        database: str = "glance.sqlite",
        check: bool = False,
        state: str = "present",
        also: str = "glance.sqlite",
        units: Sequence[dict[str, Any]] = (),
        **changes: Any,
    ) -> dict[str, Any]:
        content = f"[database]\nconnection = sqlite:///{tmp_path}/{database}\n"
        other = schema | {"connection": f"sqlite:///{tmp_path}/{also}", "config_file": None}
        arguments = {
            "owner": getpass.getuser(),
            "group": grp.getgrgid(os.getgid()).gr_name,
            "files": [
                {"path": str(config), "content": content, "state": state},
                {"path": str(tmp_path / "key"), "content": "hidden-content", "hidden": True},
            ],
            # The second one looks at a database of its own.
            "schemas": [{k: v for k, v in one.items() if v is not None} for one in (schema | changes, other)],
            "units": list(units),
            "_ansible_check_mode": check,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            service.main()
        printed = capsys.readouterr().out
        assert "not-to-be-seen" not in printed
        assert "hidden-content" not in printed
        result: dict[str, Any] = json.loads(printed)
        return result

    return call


def has_revision(path: Path, revision: str) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES (?)", (revision,))


def test_schemas_of_a_new_service_are_behind(run: Run, tmp_path: Path) -> None:
    first = run()
    assert (first["changed_files"], first["schemas_behind"]) == (
        [str(tmp_path / "glance.conf"), str(tmp_path / "key")],
        ["glance", "glance"],
    )
    second = run()
    assert (second["changed"], second["schemas_behind"]) == (False, ["glance", "glance"])


def test_one_of_two_schemas_is_behind(run: Run, tmp_path: Path) -> None:
    has_revision(tmp_path / "glance.sqlite", "first")
    assert run(also="other.sqlite")["schemas_behind"] == ["glance"]


def test_schema_is_looked_at_with_the_files_just_written(run: Run, tmp_path: Path) -> None:
    has_revision(tmp_path / "glance.sqlite", "first")
    assert run()["schemas_behind"] == []
    assert run("other.sqlite")["schemas_behind"] == ["glance"]
    # a prediction writes nothing, and looks with what it would have written
    predicted = run(check=True)
    assert (predicted["changed"], predicted["schemas_behind"]) == (True, [])
    assert run("third.sqlite", check=True)["schemas_behind"] == ["glance"]
    moved = run()
    assert (moved["changed"], moved["schemas_behind"]) == (True, [])


def test_units_are_left_alone_while_a_schema_is_behind(run: Run, tmp_path: Path) -> None:
    units = [{"name": "mikumo-no-such-unit"}]
    behind = run(units=units)
    assert (behind["schemas_behind"], behind["started"]) == (["glance", "glance"], [])
    has_revision(tmp_path / "glance.sqlite", "first")
    predicted = run(units=units, check=True)
    assert (predicted["schemas_behind"], predicted["started"]) == ([], ["mikumo-no-such-unit.service"])
    # Now it would be started, which the unit that is not there cannot be.
    assert run(units=units)["failed"]


@pytest.mark.parametrize(
    "unit", [{"name": "a", "state": "running"}, {"name": "a", "files": ["etc/a"]}, {"name": "a", "url": "a:80"}]
)
def test_bad_unit_is_refused_before_a_file_is_touched(run: Run, tmp_path: Path, unit: dict[str, Any]) -> None:
    assert run(units=[unit])["failed"]
    assert not (tmp_path / "glance.conf").exists()


def test_empty_node_is_predicted(run: Run, tmp_path: Path) -> None:
    result = run(check=True)
    assert (result["changed"], result["schemas_behind"]) == (True, ["glance", "glance"])
    assert not (tmp_path / "glance.conf").exists()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"configfile": "/etc/glance/glance-api.conf"}, "configfile"),
        ({"connection": "sqlite:////x"}, "mutually exclusive"),
        ({"config_file": None}, "one of the following is required"),
        ({"state": "presnet"}, "presnet"),
    ],
)
def test_bad_input_is_refused_before_a_file_is_touched(run: Run, tmp_path: Path, changes: dict[str, Any], word: str) -> None:
    result = run(**changes)
    assert result["failed"]
    assert word in result["msg"]
    assert not (tmp_path / "glance.conf").exists()


def test_schema_of_a_newer_release_is_an_error(run: Run, tmp_path: Path) -> None:
    has_revision(tmp_path / "glance.sqlite", "second")
    result = run()
    assert result["failed"]
    assert "revision second" in result["msg"]
    assert result["changed"], "the files that were written before are told"
