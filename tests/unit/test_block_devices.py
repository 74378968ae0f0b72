# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on block devices, as lsblk tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _block_devices as blocks


def entry(name: str, *children: dict[str, Any], kind: str = "disk", mounted: str | None = None, **more: Any) -> dict[str, Any]:
    known = {"name": name, "kname": name, "type": kind, "size": 1024, "ro": False, "fstype": None, "pttype": None}
    return known | {"mountpoints": [mounted]} | ({"children": list(children)} if children else {}) | more


def found(*entries: dict[str, Any], **groups: str) -> dict[str, Any]:
    return blocks.block_devices(json.dumps({"blockdevices": entries}), {f"/dev/{name}": group for name, group in groups.items()})


@pytest.mark.parametrize(
    ("device", "content", "used"),
    [
        (entry("vdb"), [], []),
        (entry("vdb", fstype="ext4"), ["a file system (ext4)"], []),
        (entry("vdb", fstype="ext4", mounted="/srv"), ["a file system (ext4)"], ["vdb is mounted at /srv"]),
        (entry("vdb", fstype="swap", mounted="[SWAP]"), ["swap space"], ["vdb is used as swap space"]),
        (entry("vdb", fstype="crypto_LUKS"), ["an encrypted volume (LUKS)"], []),
        (entry("vdb", fstype="ceph_bluestore"), ["an OSD of Ceph"], []),
        (entry("vdb", pttype="gpt"), ["a partition table (gpt)"], []),
        (
            entry("vdb", entry("vdb1", kind="part", pttype="gpt", fstype="ext4", mounted="/srv"), pttype="gpt"),
            ["a partition table (gpt) with vdb1"],
            ["vdb1 is mounted at /srv"],
        ),
        (
            entry("vdb", entry("md0", kind="raid1"), fstype="linux_raid_member"),
            ["a part of a RAID array"],
            ["md0 (raid1) is built on it"],
        ),
        (
            entry("vdb", entry("mpatha", kind="mpath"), fstype="mpath_member"),
            ["a path of a multipath device"],
            ["it is a path of the multipath device /dev/mapper/mpatha"],
        ),
        (entry("vdb", entry("vg-lv", kind="lvm"), fstype="LVM2_member"), [], ["vg-lv (lvm) is built on it"]),
        # lsblk says the type of the table that a partition is in
        (entry("vdb", kind="part", pttype="gpt"), [], []),
    ],
)
def test_what_is_on_a_device(device: dict[str, Any], content: list[str], used: list[str]) -> None:
    about = found(device)["/dev/vdb"]
    assert (about["content"], about["used"]) == (content, used)


def test_a_device_of_several_parents_is_one() -> None:
    array = entry("md0", kind="raid1", mounted="/srv")
    assert list(found(entry("vdb", array), entry("vdc", array))) == ["/dev/vdb", "/dev/md0", "/dev/vdc"]


@pytest.mark.parametrize(
    ("device", "groups", "wipe", "refused"),
    [
        (entry("vdb", fstype="LVM2_member"), {}, False, ""),
        (entry("vdb", fstype="LVM2_member"), {"vdb": "ours"}, False, ""),
        (entry("vdb", entry("ours-lv", kind="lvm"), fstype="LVM2_member"), {"vdb": "ours"}, False, ""),
        (entry("vdb", fstype="LVM2_member"), {"vdb": "theirs"}, False, "the volume group theirs"),
        (entry("vdb", fstype="LVM2_member"), {"vdb": "theirs"}, True, ""),
        (entry("vdb", entry("theirs-lv", kind="lvm"), fstype="LVM2_member"), {"vdb": "theirs"}, True, "in use"),
        (entry("vdb", fstype="xfs"), {}, False, "a file system (xfs)"),
        (entry("vdb", fstype="xfs"), {}, True, ""),
        (entry("vdb", fstype="xfs", mounted="/srv"), {}, True, "mounted at /srv"),
        (entry("vdb", ro=True), {}, True, "it is read-only"),
    ],
)
def test_refusals(device: dict[str, Any], groups: dict[str, str], wipe: bool, refused: str) -> None:
    problem = blocks.refusal(found(device, **groups)["/dev/vdb"], "ours", wipe=wipe)
    assert refused in problem
    assert bool(problem) == bool(refused)


def test_other_names(tmp_path: Path) -> None:
    for name in ("dev/vdb", "dev/dm-0", "dev/disk/by-id/x", "dev/disk/by-partlabel/x", "dev/mapper/x", "dev/vg/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    for device in ("dev/vdb", "dev/dm-0"):
        (tmp_path / device).touch()
    (tmp_path / "dev/disk/by-id/virtio-data").symlink_to("../../vdb")
    (tmp_path / "dev/disk/by-partlabel/gone").symlink_to("../../vdz")
    (tmp_path / "dev/mapper/vg-lv").symlink_to("../dm-0")
    (tmp_path / "dev/vg/lv").symlink_to("../dm-0")
    assert blocks.links(tmp_path, {"/dev/vdb": {}, "/dev/dm-0": {}}) == {
        "/dev/disk/by-id/virtio-data": "/dev/vdb",
        "/dev/mapper/vg-lv": "/dev/dm-0",
        "/dev/vg/lv": "/dev/dm-0",
    }


def test_files_behind_loop_devices(tmp_path: Path) -> None:
    (tmp_path / "sys/block/loop3/loop").mkdir(parents=True)
    (tmp_path / "sys/block/loop4").mkdir()
    (tmp_path / "sys/block/loop3/loop/backing_file").write_text("/var/lib/a file.img (deleted)\n")
    assert blocks.backing_files(tmp_path) == {"/dev/loop3": "/var/lib/a file.img (deleted)"}


def test_volume_groups() -> None:
    report = {"report": [{"pv": [{"pv_name": "/dev/vdb", "vg_name": "ours"}, {"pv_name": "/dev/vdc", "vg_name": ""}]}]}
    assert blocks.volume_groups(json.dumps(report)) == {"/dev/vdb": "ours", "/dev/vdc": ""}
