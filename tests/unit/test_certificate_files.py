# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a server's certificate, as the role service writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.filter.certificate_files import FilterModule, certificate_files
from ansible_collections.mikumo.openstack.plugins.filter.service_state import service_state

CERTIFICATE = {"certificate": "C\n", "private_key": "K\n", "ca": "A\n", "not_after": "2027-01-01T00:00:00+00:00"}
PATHS = {"certificate": "/etc/x/tls/c.pem", "private_key": "/etc/x/tls/k.pem", "ca": "/etc/x/tls/ca.pem"}


def test_each_part_has_its_file() -> None:
    assert FilterModule().filters()["certificate_files"](CERTIFICATE, PATHS, group="x") == [
        {"path": "/etc/x/tls", "state": "directory", "group": "x", "mode": "0750"},
        {"path": "/etc/x/tls/c.pem", "content": "C\n", "group": "x", "mode": "0644"},
        {"path": "/etc/x/tls/k.pem", "content": "K\n", "group": "x", "mode": "0640"},
        {"path": "/etc/x/tls/ca.pem", "content": "A\n", "group": "x", "mode": "0644"},
    ]


def test_only_parts_with_a_path_are_written() -> None:
    files = certificate_files(CERTIFICATE, {"private_key": "/etc/x/k.pem"}, group="x")
    assert [file["path"] for file in files] == ["/etc/x", "/etc/x/k.pem"]


def test_directories_come_before_their_files() -> None:
    files = certificate_files(CERTIFICATE, {"certificate": "/a/c.pem", "private_key": "/b/k.pem"}, group="x")
    assert [file["path"] for file in files] == ["/a", "/b", "/a/c.pem", "/b/k.pem"]


@pytest.mark.parametrize("none", [{}, None, ""])
def test_no_certificate_has_no_files(none: Any) -> None:
    assert certificate_files(none, PATHS, group="x") == []


def test_a_description_keeps_group_and_mode() -> None:
    files = certificate_files(CERTIFICATE, PATHS, group="x")
    state = service_state({"name": "shop", "packages": [], "files": files}, {"drop_ins": {"daemons": "", "later_units": ""}})
    assert [(file["path"], file["group"], file["mode"]) for file in state["files"]] == [
        (file["path"], file["group"], file["mode"]) for file in files
    ]


@pytest.mark.parametrize(
    ("certificate", "paths", "words"),
    [
        ("K-secret", PATHS, "as dictionaries"),
        (CERTIFICATE, ["/etc/x"], "as dictionaries"),
        (CERTIFICATE, {"key": "/etc/x/k.pem"}, r"unknown parts \(key\); allowed are certificate, private_key, ca"),
        ({"certificate": "C", "private_key": "K-secret"}, PATHS, r"paths for missing parts \(ca\)"),
    ],
)
def test_what_does_not_fit_is_refused(certificate: Any, paths: Any, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words) as error:
        certificate_files(certificate, paths, group="x")
    assert "K-secret" not in json.dumps(str(error.value))
