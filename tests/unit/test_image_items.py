# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._image_items import complete
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import CloudError

SHA256 = "0" * 64


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"name": ""}, "has no name"),
        ({"name": "  "}, "has no name"),
        ({"name": "a.uploading"}, "names that end in .uploading"),
        ({"name": "a" * 250}, "the name has 250 characters"),
        ({"file": "/etc/hostname", "url": "https://h/x"}, "has both file and url"),
        ({"file": "/nowhere/x"}, "file /nowhere/x does not exist"),
        ({"file": "/etc"}, "file /etc is a directory"),
        ({"file": "/dev/null"}, "file /dev/null is not a regular file"),
        ({"file": "images/x"}, r"file images/x is a relative path.*\{\{ playbook_dir \}\}/images/x"),
        ({"file": "/etc/hostname/x"}, "file /etc/hostname/x cannot be read: Not a directory"),
        ({"url": "ftp://h/x"}, "url ftp://h/x begins with ftp:"),
        ({"url": "ftp://u:hidden@h/x?hidden"}, "url ftp://h/x begins with ftp:"),
        ({"checksum": "md5:1"}, "expected sha256"),
        ({"checksum": SHA256}, rf"\(sha256:{SHA256}\)"),
        ({"checksum": "0" * 128}, r"\(sha512:0000"),
        ({"checksum": "sha256:12"}, "64 of 0-9 and a-f"),
        ({"checksum": "sha256:" + "g" * 64}, "64 of 0-9 and a-f"),
        ({"checksum": "sha256:https://h/SHA256SUMS"}, "does not read checksum files"),
        ({"min_disk": -1}, "min_disk is -1"),
        ({"min_ram": -1}, "min_ram is -1"),
        ({"properties": {"visibility": "public"}}, "visibility is not a custom property.*set it next to properties"),
        ({"properties": {"id": "x"}}, "id is not a custom property"),
        ({"properties": {"mikumo_source": "x"}}, "this module sets the property mikumo_source"),
        ({"properties": {"os_glance_x": "x"}}, "Glance sets the property os_glance_x"),
        ({"properties": {1: "x"}}, "property name 1 is not valid"),
        ({"properties": {"": "x"}}, "property name '' is not valid"),
        ({"properties": {"a": {"b": 1}}}, "property a is a mapping"),
        ({"properties": {"a": [1]}}, "property a is a list"),
        ({"kernel": "k", "properties": {"kernel_id": "x"}}, "kernel and the property kernel_id are the same setting"),
    ],
)
def test_what_cannot_be(item, words):
    with pytest.raises(CloudError, match=words) as caught:
        complete([{"name": "tiny", **item}])
    assert "hidden" not in str(caught.value)
    assert caught.value.kind == "described"


def test_everything_that_is_wrong_is_said_at_once():
    items = [{"name": "a", "url": "ftp://h/x", "min_ram": -1}, {"name": "b", "file": "/nowhere"}, {"name": "b"}]
    with pytest.raises(CloudError) as caught:
        complete(items)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["Image 'a'", "Image 'a'", "Image 'b'", "images"]


def test_unreadable_file(tmp_path):
    path = tmp_path / "disk"
    path.write_bytes(b"x")
    path.chmod(0)
    if os.geteuid() == 0:
        # root reads everything
        assert complete([{"name": "a", "file": str(path)}])
        return
    with pytest.raises(CloudError, match="cannot be read by this user"):
        complete([{"name": "a", "file": str(path)}])


def test_what_is_absent_needs_nothing():
    assert complete([{"name": "a", "state": "absent", "file": "nowhere", "url": "ftp://h"}])


def test_check_mode_lets_files_come_later():
    assert complete([{"name": "a", "file": "/nowhere/x"}], check=True)
    with pytest.raises(CloudError, match="is a directory"):
        complete([{"name": "a", "file": "/etc"}], check=True)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({}, {"disk_format": "qcow2", "container_format": "bare", "state": "present"}),
        ({"disk_format": "aki"}, {"disk_format": "aki", "container_format": "aki"}),
        ({"disk_format": "vmdk", "container_format": "ova"}, {"disk_format": "vmdk", "container_format": "ova"}),
        ({"checksum": f" SHA256:{'A' * 64}\n"}, {"checksum": f"sha256:{'a' * 64}"}),
        ({"url": "", "file": None}, {}),
    ],
)
def test_what_follows(item, expected):
    (completed,) = complete([{"name": "tiny", **item}])
    assert expected.items() <= completed.items()
    assert "url" not in completed
    assert "file" not in completed
