# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import gzip
import hashlib
import json
import lzma
import struct

import pytest
from support.web import serving

from ansible_collections.mikumo.openstack.plugins.module_utils._differences import Differences
from ansible_collections.mikumo.openstack.plugins.module_utils._download import Downloads
from ansible_collections.mikumo.openstack.plugins.module_utils._images import UPLOADING, Images
from ansible_collections.mikumo.openstack.plugins.module_utils._images_info import read_images
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Api, CloudError, Nothing

OURS = "project-1"
# The header of an empty qcow2 image.
QCOW2 = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, 1 << 30, 0, 0, 72, 71, 1, 0, 0)
DATA = QCOW2 + b"data of the image"
OTHER = QCOW2 + b"data of another"


def sha(algorithm, data):
    return hashlib.new(algorithm, data).hexdigest()


def record(ident="i1", name="tiny", data=DATA, **more):
    return {
        "id": ident,
        "name": name,
        "owner": OURS,
        "status": "active",
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "public",
        "protected": False,
        "min_disk": 0,
        "min_ram": 0,
        "os_hidden": False,
        "os_hash_algo": "sha512",
        "os_hash_value": sha("sha512", data) if data is not None else None,
        "created_at": "2025-01-01T00:00:00Z",
        **more,
    }


def ours(*arguments, **more):
    """An image that this module has uploaded from a file."""
    return record(*arguments, **{"mikumo_source": "file", **more})


class Reply:
    def __init__(self, body=None):
        self.body = body

    def json(self):
        return self.body


class Glance(Api):
    """As much of Glance as the images need, in memory, behind the same methods."""

    def __init__(self, *records, in_use=(), damage=False, ends_as="active"):
        self.records = {one["id"]: copy.deepcopy(one) for one in records}
        self.in_use = in_use
        self.damage = damage
        self.ends_as = ends_as
        self.written = []
        # The names that an ordinary user would have seen, after each step.
        self.seen = []

    def request(self, method, path, what, safe=True, **kwargs):
        parts = path.strip("/").split("/")
        if method == "GET" and len(parts) == 1:
            only = kwargs["params"]
            names = json.loads("[" + only["name"].removeprefix("in:") + "]") if "name" in only else None
            # Hidden images are not listed unless they are asked for.
            found = [one for one in self.records.values() if not one["os_hidden"] and (names is None or one["name"] in names)]
            return Reply({"images": copy.deepcopy([one for one in found if one["owner"] == only.get("owner", one["owner"])])})
        if method == "GET":
            return Reply(copy.deepcopy(self.records[parts[1]]))
        self.written.append((method, path))
        if method == "POST":
            ident = f"new-{len(self.written)}"
            self.records[ident] = record(ident, data=None) | {"status": "queued"} | kwargs["json"]
            return Reply(copy.deepcopy(self.records[ident]))
        one = self.records[parts[1]]
        if method == "PUT":
            assert not safe
            data = kwargs["data"].read()
            one |= {"status": self.ends_as, "os_hash_value": sha("sha512", OTHER if self.damage else data)}
        elif method == "PATCH":
            for step in json.loads(kwargs["data"]):
                key = step["path"][1:]
                assert (step["op"] == "add") is (key not in one)
                if step["op"] == "remove":
                    del one[key]
                else:
                    one[key] = step["value"]
        elif method == "DELETE":
            if one["protected"]:
                raise CloudError("protected", "forbidden")
            if one["id"] in self.in_use:
                raise CloudError("in use", "conflict")
            del self.records[one["id"]]
        self.seen.append(self.usable())
        return Reply()

    def usable(self):
        return [one["name"] for one in self.records.values() if one["status"] == "active" and not one["os_hidden"]]


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk"
    path.write_bytes(DATA)
    return str(path)


def converge(glance, items, tmp_path, *, check=False, **more):
    differences = Differences()
    downloads = Downloads(tmp_path / "cache", sleep=lambda _seconds: None)
    images = Images(glance, differences, downloads, project_id=OURS, check=check, sleep=lambda _seconds: None, **more)
    ids = images.converge(items)
    return differences, ids, images.warnings


UPLOADED = "image tiny: uploaded from DISK"
REPLACED = "image tiny: replaced by another upload from DISK"
OLD = "image tiny: i1, which has different content or is a duplicate, removed"
ASIDE = "image tiny: id i1 tiny -> tiny (replaced i1)"

# What there is in Glance, what is described besides name and file, and the changes that are expected.
CASES = {
    "new": ([], {}, [UPLOADED]),
    "there": ([record()], {}, []),
    "there, with other settings": (
        [record(min_ram=1, visibility="private")],
        {"min_ram": 64, "visibility": "public"},
        ["image tiny: visibility private -> public, min_ram 1 -> 64"],
    ),
    "custom properties": (
        [record(os_distro="old", mine="kept", gone="x")],
        {"properties": {"os_distro": "new", "hw_rng": True, "cores": 2, "gone": None, "never": None}},
        ["image tiny: os_distro old -> new, hw_rng null -> true, cores null -> 2, gone x -> null"],
    ),
    "other content": ([ours(data=OTHER)], {}, [REPLACED, OLD]),
    "other content, by other means": ([record(data=OTHER)], {}, [REPLACED, ASIDE]),
    "other format": ([ours(disk_format="raw")], {}, [REPLACED, OLD]),
    "protected, with other content": (
        [ours(data=OTHER, protected=True)],
        {"protected": True},
        [REPLACED, OLD],
    ),
    "upload that was never finished": (
        [record(data=None, status="queued")],
        {},
        ["image tiny: uploaded again from DISK", "image tiny: unfinished i1 (queued) removed"],
    ),
    "upload that was cut off": (
        [record(data=None, status="saving")],
        {},
        ["image tiny: uploaded again from DISK", "image tiny: unfinished i1 (saving) removed"],
    ),
    "our own upload that was cut off": ([record(name="tiny" + UPLOADING, data=None, status="saving")], {}, [UPLOADED]),
    "our own upload that was cut off before one by other means": (
        [record(), record("i2", "tiny" + UPLOADING, data=None, status="queued")],
        {},
        ["image tiny: unfinished upload removed"],
    ),
    "died between the new and the old image": (
        [ours(data=OTHER), ours("i2")],
        {},
        [OLD],
    ),
    "duplicates, the newest is kept": (
        [ours(), ours("i2", created_at="2025-02-01T00:00:00Z")],
        {},
        [OLD],
    ),
    "duplicates by other means": (
        [record(), ours("i2", created_at="2025-02-01T00:00:00Z")],
        {},
        [ASIDE],
    ),
    "hidden by its owner": ([record(data=OTHER, os_hidden=True)], {}, [UPLOADED]),
    "image of another project": ([record(owner="other", data=OTHER)], {}, [UPLOADED]),
    "deactivated": ([record(status="deactivated")], {}, []),
    "absent": (
        [record(protected=True), record("i2", "tiny" + UPLOADING, status="queued"), record("i3", owner="other")],
        {"state": "absent"},
        ["image tiny: i1 removed", "image tiny: i2 removed"],
    ),
    "absent, and has never been": ([], {"state": "absent"}, []),
}


@pytest.mark.parametrize(("there", "described", "expected"), CASES.values(), ids=CASES.keys())
def test_converges(there, described, expected, disk, tmp_path):
    items = [{"name": "tiny", "file": disk, **described}]
    expected = [line.replace("DISK", disk) for line in expected]
    glance = Glance(*there)

    predicted, _ids, _warnings = converge(glance, items, tmp_path, check=True)
    assert glance.written == []
    assert predicted.changes == expected

    was_usable = "tiny" in glance.usable()
    real, ids, _warnings = converge(glance, items, tmp_path)
    assert real.changes == expected
    assert real.diff == predicted.diff
    if described.get("state") != "absent":
        assert glance.records[ids["tiny"]]["name"] == "tiny"
        if was_usable:
            assert all("tiny" in names for names in glance.seen), "there was a time without a usable image"

    glance.written.clear()
    again, same, _warnings = converge(glance, items, tmp_path)
    assert again.changes == []
    assert glance.written == []
    assert same == ids


def test_uploaded_images_are_as_described(disk, tmp_path):
    glance = Glance()
    item = {"name": "tiny", "file": disk, "visibility": "public", "protected": True, "properties": {"a": "b"}}
    _differences, ids, _warnings = converge(glance, [item], tmp_path)
    found = glance.records[ids["tiny"]]
    assert {key: found[key] for key in ("name", "visibility", "protected", "a", "status")} == {
        "name": "tiny",
        "visibility": "public",
        "protected": True,
        "a": "b",
        "status": "active",
    }


def test_image_in_use_is_put_aside(disk, tmp_path):
    glance = Glance(ours(data=OTHER), in_use=["i1"])
    _differences, ids, warnings = converge(glance, [{"name": "tiny", "file": disk}], tmp_path)
    assert glance.records["i1"]["name"] == "tiny (replaced i1)"
    assert glance.records["i1"]["os_hidden"] is True
    assert "in use" in warnings[0]
    assert converge(glance, [{"name": "tiny", "file": disk}], tmp_path)[0].changes == []
    assert ids["tiny"] != "i1"


def test_damaged_upload_is_removed(disk, tmp_path):
    glance = Glance(record(data=OTHER), damage=True)
    with pytest.raises(CloudError, match="was damaged in transit"):
        converge(glance, [{"name": "tiny", "file": disk}], tmp_path)
    assert list(glance.records) == ["i1"]


@pytest.mark.parametrize(("state", "words"), [("killed", "state killed"), ("saving", "is still saving, not active")])
def test_upload_that_does_not_become_active(state, words, disk, tmp_path):
    clock = iter(range(0, 10000, 100))
    with pytest.raises(CloudError, match=words):
        converge(Glance(ends_as=state), [{"name": "tiny", "file": disk}], tmp_path, clock=lambda: next(clock))


def test_kernel_and_ramdisk(disk, tmp_path):
    glance = Glance(record("r1", "ramdisk", owner="other"))
    disk = tmp_path / "blocks"
    disk.write_bytes(b"\0" * 4096)
    disk = str(disk)
    items = [
        {"name": "machine", "file": disk, "disk_format": "ami", "kernel": "kernel", "ramdisk": "ramdisk"},
        {"name": "kernel", "file": disk, "disk_format": "aki"},
    ]
    predicted, _ids, _warnings = converge(glance, items, tmp_path, check=True)
    real, ids, _warnings = converge(glance, items, tmp_path)
    assert real.changes == predicted.changes
    assert [line.split(":")[0] for line in real.changes] == ["image kernel", "image machine"]
    machine = glance.records[ids["machine"]]
    assert (machine["kernel_id"], machine["ramdisk_id"]) == (ids["kernel"], "r1")
    assert (machine["disk_format"], machine["container_format"]) == ("ami", "ami")

    # A new kernel does not cost an upload of the disk.
    glance.records[ids["kernel"]]["os_hash_value"] = sha("sha512", OTHER)
    again, later, _warnings = converge(glance, items, tmp_path)
    assert later["machine"] == ids["machine"]
    assert glance.records[later["machine"]]["kernel_id"] == later["kernel"] != ids["kernel"]
    assert again.changes[-1] == f"image machine: kernel_id {ids['kernel']} -> (of image kernel)"


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([{"name": "a"}], "neither file nor url"),
        ([{"name": "a", "file": "/nowhere/x"}], "/nowhere/x does not exist"),
        ([{"name": "a"}, {"name": "a"}], "described twice"),
        ([{"name": "a", "kernel": "b"}, {"name": "b", "kernel": "a"}], "refer to each other"),
        ([{"name": "a", "kernel": "b"}, {"name": "b", "state": "absent"}], "described as absent"),
        ([{"name": "a", "kernel": "b", "file": "DISK"}], "refers to image 'b'.*found 0"),
        ([{"name": "a", "file": "DISK", "checksum": "md5:1"}], "expected sha256"),
        ([{"name": "a", "file": "DISK", "checksum": "sha256:1"}], "expected sha256"),
        ([{"name": "a", "file": "DISK", "checksum": "sha256:" + "0" * 64}], "expected 0000"),
    ],
)
def test_descriptions_that_cannot_be(items, words, disk, tmp_path):
    items = [{**one, "file": one["file"].replace("DISK", disk)} if "file" in one else one for one in items]
    glance = Glance()
    with pytest.raises(CloudError, match=words):
        converge(glance, items, tmp_path)
    assert glance.written == []


def test_empty_host_is_predicted_to_get_everything(tmp_path):
    items = [{"name": "a", "file": "/nowhere/x", "kernel": "b"}, {"name": "c", "url": "http://nowhere.invalid/c"}]
    differences, ids, _warnings = converge(Nothing(), items, tmp_path, check=True, assume=True)
    assert len(differences.changes) == 2
    assert ids == {"a": None, "c": None}


@pytest.fixture
def web():
    with serving(data=DATA) as site:
        yield site


SHA = "sha256:" + sha("sha256", DATA)


@pytest.mark.parametrize("checksum", [SHA, "sha512:" + sha("sha512", DATA), None])
def test_images_from_the_web_are_downloaded_once(checksum, web, tmp_path):
    glance = Glance()
    items = [{"name": "tiny", "url": web["url"], **({"checksum": checksum} if checksum else {})}]
    predicted, _ids, _warnings = converge(glance, items, tmp_path, check=True)
    assert web["paths"] == []
    real, _ids, _warnings = converge(glance, items, tmp_path)
    assert real.changes == predicted.changes
    assert real.diff == predicted.diff
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    assert converge(glance, items, tmp_path)[0].changes == []
    assert len(web["paths"]) == 1


def test_image_from_the_web_that_came_by_other_means_is_not_uploaded_again(web, tmp_path):
    glance = Glance(record())
    items = [{"name": "tiny", "url": web["url"], "checksum": SHA}]
    real, ids, _warnings = converge(glance, items, tmp_path)
    assert ids == {"tiny": "i1"}
    assert real.changes == [f"image tiny: mikumo_source null -> {SHA}"]
    assert converge(glance, items, tmp_path)[0].changes == []


# What a file is


def test_nothing_is_uploaded_before_all_files_have_been_looked_at(disk, tmp_path):
    page = tmp_path / "page"
    page.write_bytes(b"<html>404</html>")
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(DATA))
    items = [
        {"name": "good", "file": disk},
        {"name": "page", "file": str(page)},
        {"name": "packed", "file": str(packed)},
        {"name": "part", "file": disk, "kernel": "nobody"},
    ]
    for check in (True, False):
        glance = Glance()
        with pytest.raises(CloudError) as caught:
            converge(glance, items, tmp_path, check=check)
        found = [line.split()[1:3] for line in str(caught.value).splitlines()]
        assert found == [["page", "cannot"], ["packed", "cannot"], ["part", "refers"]]
        assert glance.written == []


def test_format_of_what_is_in_glance_already_is_not_asked_for(tmp_path):
    page = tmp_path / "page"
    page.write_bytes(b"<html>404</html>")
    assert converge(Glance(record(data=page.read_bytes())), [{"name": "tiny", "file": str(page)}], tmp_path)[0].changes == []


def test_consent_to_what_looks_like_something_else(tmp_path):
    path = tmp_path / "notes"
    path.write_bytes(b"text on a disk without a file system")
    item = {"name": "tiny", "file": str(path), "disk_format": "raw"}
    with pytest.raises(CloudError, match="The file contains text"):
        converge(Glance(), [item], tmp_path)
    assert converge(Glance(), [{**item, "verify_format": False}], tmp_path)[0].changes


# What is published compressed


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("by", ["url", "file"])
def test_compressed_images(pack, checksum, by, web, tmp_path):
    path = tmp_path / "packed"
    path.write_bytes(pack(DATA))
    web["data"] = path.read_bytes()
    item = {"name": "tiny", by: web["url"] if by == "url" else str(path), "unpack": True}
    if checksum:
        item["checksum"] = "sha256:" + sha("sha256", path.read_bytes())
    glance = Glance()
    predicted, _ids, _warnings = converge(glance, [item], tmp_path, check=True)
    real, ids, _warnings = converge(glance, [item], tmp_path)
    assert real.changes == predicted.changes
    assert real.diff == predicted.diff
    assert glance.records[ids["tiny"]]["os_hash_value"] == sha("sha512", DATA)
    assert list((tmp_path / "cache").glob("*.unpacked")) == []
    downloaded = len(web["paths"])
    for check in (True, False):
        assert converge(glance, [item], tmp_path, check=check)[0].changes == []
    assert len(web["paths"]) == downloaded
    # What is read describes it as well.
    images, _details = read_images(glance, OURS)
    assert images[0]["unpack"] is True
    assert converge(glance, images, tmp_path)[0].changes == []
    # Another publication is another image.
    path.write_bytes(pack(OTHER))
    web["data"] = path.read_bytes()
    if checksum:
        item["checksum"] = "sha256:" + sha("sha256", path.read_bytes())
    elif by == "url":
        item["url"] += "?version=2"
    assert len(converge(glance, [item], tmp_path)[0].changes) == 2


def test_unpacking_is_another_image_than_the_file_as_it_is(tmp_path):
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(b"\0" * 5000))
    glance = Glance()
    item = {"name": "tiny", "file": str(path), "disk_format": "raw", "checksum": f"sha256:{sha('sha256', path.read_bytes())}"}
    converge(glance, [{**item, "verify_format": False}], tmp_path)
    changed, ids, _warnings = converge(glance, [{**item, "unpack": True}], tmp_path)
    assert len(changed.changes) == 2
    assert glance.records[ids["tiny"]]["os_hash_value"] == sha("sha512", b"\0" * 5000)


def test_compressed_download_that_is_an_archive(web, tmp_path):
    web["data"] = gzip.compress(b"\0" * 257 + b"ustar" + b"\0" * 1000)
    with pytest.raises(CloudError, match="contains a tar archive"):
        converge(Glance(), [{"name": "tiny", "url": web["url"], "unpack": True}], tmp_path)
    assert list((tmp_path / "cache").glob("*.unpacked")) == []


# What is secret in a URL


@pytest.mark.parametrize("query", ["?token=s3cret", "?X-Amz-Signature=s3cret&X-Amz-Credential=s3cret", "?s3cret"])
@pytest.mark.parametrize("checksum", [None, SHA])
def test_secrets_of_a_url_are_seen_nowhere(query, checksum, web, tmp_path):
    url = web["url"].replace("http://", "http://user:s3cret@") + query
    items = [{"name": "tiny", "url": url, **({"checksum": checksum} if checksum else {})}]
    glance = Glance()
    differences, _ids, warnings = converge(glance, items, tmp_path)
    cached = [path.name for path in (tmp_path / "cache").iterdir()]
    assert "s3cret" not in repr((differences.changes, differences.diff, warnings, glance.records, cached))
    assert web["paths"] == [f"/a/disk.img{query}"]
    # A new signature is not a new image.
    items[0]["url"] = url.replace("s3cret", "another")
    assert converge(glance, items, tmp_path)[0].changes == []


def test_url_that_an_earlier_version_wrote_down_whole(tmp_path):
    url = "http://user:s3cret@h/disk.img?token=s3cret"
    glance = Glance(record(mikumo_source=url))
    assert "s3cret" not in repr(read_images(glance, OURS))
    differences, _ids, _warnings = converge(glance, [{"name": "tiny", "url": url}], tmp_path)
    assert differences.changes == ["image tiny: mikumo_source (a URL with a secret) -> http://h/disk.img"]
    assert "s3cret" not in repr((differences.diff, glance.records))


@pytest.mark.parametrize(("status", "words"), [(413, "DISK has [0-9]+ bytes. Either Glance's store is full"), (503, "no room")])
def test_refused_upload_leaves_nothing(status, words, disk, tmp_path, monkeypatch):
    class RefusalError(Exception):
        http_status = status

    glance = Glance(ours(data=OTHER))
    request = glance.request

    def refuse(method, path, what, safe=True, **kwargs):
        if method == "PUT":
            raise CloudError("Cannot: no room.", "invalid") from RefusalError()
        return request(method, path, what, safe, **kwargs)

    monkeypatch.setattr(glance, "request", refuse)
    with pytest.raises(CloudError, match=words.replace("DISK", disk)):
        converge(glance, [{"name": "tiny", "file": disk}], tmp_path)
    assert list(glance.records) == ["i1"]


# Reading


def test_what_is_read_is_what_was_described(tmp_path, disk):
    glance = Glance(
        record("k", "kernel", disk_format="aki", container_format="aki"),
        record("b", "by-url", mikumo_source="http://192.0.2.1/disk"),
        record(
            "i",
            kernel_id="k",
            os_distro="debian",
            mikumo_source=f"sha256:{sha('sha256', DATA)}",
            stores="file",
            os_glance_lock="x",
            size=17,
        ),
        record("old", created_at="2024-01-01T00:00:00Z"),
        record("u", "unfinished", status="queued"),
        record("f", "foreign", owner="another"),
    )
    images, details = read_images(glance, OURS)
    assert [one["name"] for one in images] == ["by-url", "kernel", "tiny"]
    assert [images[0]["url"], images[1]["checksum"]] == ["http://192.0.2.1/disk", f"sha512:{sha('sha512', DATA)}"]
    assert images[2] == {
        "name": "tiny",
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "public",
        "protected": False,
        "min_disk": 0,
        "min_ram": 0,
        "checksum": f"sha256:{sha('sha256', DATA)}",
        "kernel": "kernel",
        "properties": {"os_distro": "debian"},
    }
    assert (details["tiny"]["id"], details["tiny"]["size"]) == ("i", 17)
    assert [one["name"] for one in read_images(glance, OURS, ["kernel"])[0]] == ["kernel"]
    # and given back it changes nothing
    del glance.records["old"]
    differences, ids, _warnings = converge(glance, images, tmp_path)
    assert differences.changes == []
    assert ids == {"by-url": "b", "kernel": "k", "tiny": "i"}


def test_no_images_where_nothing_answers():
    assert read_images(Nothing(), None) == ([], {})
