# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import http.server
import threading

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._keystone_bootstrap import missing
from ansible_collections.mikumo.openstack.plugins.modules.keystone_bootstrap import interfaces, probe


def identity(*endpoints):
    return {"type": "identity", "endpoints": [{"interface": interface, "region_id": region} for interface, region in endpoints]}


ALL = ("public", "internal", "admin")


@pytest.mark.parametrize(
    ("catalog", "expected"),
    [
        ([], [*ALL]),
        ([identity()], [*ALL]),
        ([identity(("public", "RegionOne"))], ["internal", "admin"]),
        ([identity(("public", "RegionOne"), ("internal", "RegionOne"))], ["admin"]),
        ([identity(("public", "RegionOne"), ("internal", "Other"), ("admin", "RegionOne"))], ["internal"]),
        ([identity(*((interface, "RegionOne") for interface in ALL))], []),
        ([identity(*((interface, "RegionOne") for interface in ALL), ("public", "Other"))], []),
        ([{**identity(*((interface, "RegionOne") for interface in ALL)), "type": "image"}], [*ALL]),
    ],
)
def test_a_bootstrap_has_ended_when_each_interface_has_an_endpoint(catalog, expected):
    assert missing(interfaces({"catalog": catalog}, "RegionOne")) == expected


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_error(401)

    def log_message(self, *_arguments):
        pass


def test_a_proxy_is_not_asked(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v3"
        found = probe(
            {"username": "a", "password": "p", "project": "admin", "internal_url": url, "region_name": "r", "api_timeout": 5}
        )
        server.shutdown()
    assert found == "refused"
