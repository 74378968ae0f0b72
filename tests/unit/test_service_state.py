# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the description of a service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.mikumo.openstack.plugins.filter.service_looks import service_looks
from ansible_collections.mikumo.openstack.plugins.filter.service_state import service_state
from ansible_collections.mikumo.openstack.plugins.plugin_utils._uwsgi_apis import uwsgi_apis

PARTS: dict[str, Any] = {
    "drop_ins": {"daemons": "[Service]\nRestart=always\n", "later_units": "[Service]\nStartupCPUWeight=5\n"},
    "privileged": {"files": [{"path": "/launcher", "content": ""}], "units": [{"name": "launcher.service"}]},
}
SHOP: dict[str, Any] = {"name": "shop", "packages": ["shop-api"]}
APIS = [
    {
        "unit": "nova-api",
        "address": "127.0.0.1",
        "port": 8774,
        "application": "/usr/bin/nova-api-wsgi",
        "processes": 2,
        "threads": 1,
        "files": ["/n.conf"],
        "url": "http://n/",
    },
    {
        "unit": "nova-api-metadata",
        "address": "::1",
        "port": "8775",
        "defaults": "nova-metadata",
        "application": "/m",
        "processes": 1,
        "threads": 4,
        "options": {"enable-threads": "false", "start-time": "%t"},
    },
]


def test_each_api_gets_its_file_and_its_unit() -> None:
    described = uwsgi_apis(APIS, "nova")
    assert [file["path"] for file in described["files"]] == [
        "/etc/nova/nova-api-uwsgi.ini",
        "/etc/default/nova-api",
        "/etc/nova/nova-api-metadata-uwsgi.ini",
        "/etc/default/nova-metadata",
    ]
    assert described["units"] == [
        {
            "name": "nova-api.service",
            "files": ["/n.conf", "/etc/nova/nova-api-uwsgi.ini", "/etc/default/nova-api"],
            "url": "http://n/",
        },
        {
            "name": "nova-api-metadata.service",
            "files": ["/etc/nova/nova-api-metadata-uwsgi.ini", "/etc/default/nova-metadata"],
        },
    ]
    assert uwsgi_apis([], "nova") == {"files": [], "units": []}


@pytest.mark.parametrize(
    ("api", "lines"),
    [
        (0, ["uid = nova", "chdir = /var/lib/nova", "wsgi-file = /usr/bin/nova-api-wsgi", "processes = 2", "threads = 1"]),
        (0, ["enable-threads = true", "plugins = python3", "env = OS_OSLO_MESSAGING_RABBIT__PROCESSNAME=nova-api"]),
        # A client that keeps its connection would see it reset.
        (0, ["add-header = Connection: close"]),
        (1, ["enable-threads = false", "start-time = %t", "threads = 4"]),
    ],
)
def test_what_uwsgi_reads(api: int, lines: list[str]) -> None:
    text = [file["content"] for file in uwsgi_apis(APIS, "nova")["files"] if file["path"].endswith(".ini")][api]
    assert set(lines) <= set(text.splitlines())
    options = [line.split(" = ")[0] for line in text.splitlines() if not line.startswith("env")]
    assert len(options) == len(set(options))
    assert "rem-header" not in text


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("/etc/default/nova-api", "--http-socket 127.0.0.1:8774 --ini /etc/nova/nova-api-uwsgi.ini"),
        ("/etc/default/nova-metadata", "--http-socket [::1]:8775 --ini /etc/nova/nova-api-metadata-uwsgi.ini"),
    ],
)
def test_an_api_listens_on_its_address_alone(path: str, arguments: str) -> None:
    [file] = [file for file in uwsgi_apis(APIS, "nova")["files"] if file["path"] == path]
    # A shell reads the file as root.
    assert (file["group"], file["mode"]) == ("root", "0644")
    assert [line for line in file["content"].splitlines() if not line.startswith("#")] == [f'DAEMON_ARGS="{arguments}"']


@pytest.mark.parametrize(
    ("api", "words"),
    [
        ({**APIS[0], "thread": 1}, r"'nova-api' has unknown keys \(thread\); allowed are unit, address, port, application"),
        ({"unit": "nova-api", "threads": 1}, r"'nova-api' has no address, port, application, processes"),
    ],
)
def test_an_api_that_is_not_described_well_is_refused(api: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        uwsgi_apis([api], "nova")


def paths(state: dict[str, Any]) -> list[str]:
    return [file["path"] for file in state["files"]]


def test_a_short_description_has_defaults() -> None:
    state = service_state(SHOP, PARTS)
    assert (state["files"], state["units"], state["schemas"], state["databases"]) == ([], [], [], [])
    assert state["database_user"] == "shop"
    assert state["database_login"] == {"login_unix_socket": "/run/mysqld/mysqld.sock"}


@pytest.mark.parametrize(
    ("more", "files", "units"),
    [
        ({"files": [{"path": "/f"}]}, ["/f"], []),
        ({"units": [{"name": "u"}]}, [], ["u"]),
        # What the API reads is written before its unit's turn.
        (
            {"files": [{"path": "/f"}], "apis": [APIS[1]]},
            ["/f", "/etc/shop/nova-api-metadata-uwsgi.ini", "/etc/default/nova-metadata"],
            ["nova-api-metadata.service"],
        ),
        ({"daemons": ["a.service"]}, ["/etc/systemd/system/a.service.d/mikumo-restart.conf"], []),
        ({"later_units": ["a.service"]}, ["/etc/systemd/system/a.service.d/mikumo-later.conf"], []),
        # The launcher runs before the service that asks it.
        (
            {"privileged": {"contexts": ["c"]}, "units": [{"name": "u"}]},
            ["/launcher", "/etc/mikumo/privsep.d/shop.json"],
            ["launcher.service", "u"],
        ),
        # Those that it once had are gone.
        ({"privileged": {}}, ["/etc/mikumo/privsep.d/shop.json"], ["launcher.service"]),
    ],
)
def test_files_and_units_that_follow(more: dict[str, Any], files: list[str], units: list[str]) -> None:
    state = service_state(SHOP | more, PARTS)
    assert paths(state) == files
    assert [unit["name"] for unit in state["units"]] == units


@pytest.mark.parametrize(
    ("ca_file", "api", "unit"),
    [
        ("/ca.pem", ["/etc/shop/nova-api-metadata-uwsgi.ini", "/etc/default/nova-metadata", "/ca.pem"], ["/f", "/ca.pem"]),
        ("", ["/etc/shop/nova-api-metadata-uwsgi.ini", "/etc/default/nova-metadata"], ["/f"]),
    ],
)
def test_other_authorities_restart_what_reads_files(ca_file: str, api: list[str], unit: list[str]) -> None:
    units = [{"name": "u", "files": ["/f"]}, {"name": "without"}, {"name": "empty", "files": []}]
    state = service_state(SHOP | {"ca_file": ca_file, "files": [{"path": "/f"}], "units": units, "apis": [APIS[1]]}, PARTS)
    read = {one["name"]: one.get("files") for one in state["units"]}
    assert read == {"u": unit, "without": None, "empty": [], "nova-api-metadata.service": api}
    # The role certificates writes the file.
    assert "/ca.pem" not in paths(state)


@pytest.mark.parametrize(
    ("description", "group"),
    [
        (SHOP | {"files": [{"path": "/f"}]}, "shop"),
        (SHOP | {"user": "seller", "files": [{"path": "/f"}]}, "seller"),
        (SHOP | {"files": [{"path": "/f", "group": "adm"}]}, "adm"),
        (SHOP | {"daemons": ["a.service"]}, "root"),
        (SHOP | {"privileged": {"contexts": ["c"]}}, "root"),
    ],
)
def test_whom_files_belong_to(description: dict[str, Any], group: str) -> None:
    assert {file["group"] for file in service_state(description, PARTS)["files"]} == {group}


def test_permissions_name_the_user_who_has_them() -> None:
    state = service_state(SHOP | {"user": "seller", "privileged": {"contexts": ["c"]}}, PARTS)
    assert json.loads(state["files"][-1]["content"]) == {"user": "seller", "contexts": ["c"], "config_files": [], "modules": []}


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ({"name": "shop"}, r"'shop' has no packages"),
        (
            SHOP | {"unit": []},
            r"'shop' has unknown keys \(unit\); required are name, packages; optional are user, ca_file, files, units",
        ),
    ],
)
def test_a_description_that_is_wrong_is_refused(description: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        service_state(description, PARTS)


@pytest.mark.parametrize(
    ("installed", "names"),
    [
        (["shop-api", "till", "bash"], ["shop", "till"]),
        # Installing the missing one may stop or change any other service of the node.
        (["shop-api"], []),
        ([], []),
    ],
)
def test_a_node_that_lacks_a_package_is_not_looked_at(installed: list[str], names: list[str]) -> None:
    looks = service_looks(["shop", "till"], [SHOP, {"name": "x", "packages": ["till"]}], PARTS, installed)
    assert [look["name"] for look in looks] == names
    assert all(set(look) == {"name", "files", "schemas", "units"} for look in looks)
