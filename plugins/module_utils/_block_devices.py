# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Block devices: their content, their users, and whether a volume group may be created on them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Facts = dict[str, Any]
# lsblk itself omits RAM disks.
LSBLK = ["lsblk", "--json", "--bytes", "--output", "NAME,KNAME,TYPE,SIZE,RO,FSTYPE,PTTYPE,MOUNTPOINTS"]
PVS = ["pvs", "--reportformat", "json", "--options", "pv_name,vg_name"]
MEMBER = "LVM2_member"
SIGNATURES = {
    "swap": "swap space",
    "crypto_LUKS": "an encrypted volume (LUKS)",
    "linux_raid_member": "a part of a RAID array",
    "mpath_member": "a path of a multipath device",
    "ceph_bluestore": "an OSD of Ceph",
    "zfs_member": "a part of a ZFS pool",
}


def block_devices(listing: str, groups: Mapping[str, str] | None = None) -> dict[str, Facts]:
    """Return the block devices by path, from the output of LSBLK and the known volume groups of physical volumes."""
    found: dict[str, Facts] = {}

    def walk(entries: list[Facts]) -> None:
        for entry in entries:
            path, children = f"/dev/{entry['kname']}", entry.get("children") or []
            found[path] = {
                "name": entry["name"],
                "size": int(entry["size"] or 0),
                "type": entry["type"],
                "member": entry.get("fstype") == MEMBER or path in (groups or {}),
                "group": (groups or {}).get(path) or None,
                "content": list(_content(entry, children)),
                "used": list(_used(entry, children)),
                "read_only": bool(entry.get("ro")),
            }
            walk(children)

    walk(json.loads(listing)["blockdevices"])
    return found


def _content(entry: Facts, children: list[Facts]) -> Iterator[str]:
    """Yield the content that would be lost."""
    # For a partition, lsblk reports the type of the partition table that contains it.
    if entry.get("pttype") and entry["type"] != "part":
        partitions = ", ".join(child["name"] for child in children if child["type"] == "part")
        yield f"a partition table ({entry['pttype']})" + (f" with {partitions}" if partitions else "")
    kind = entry.get("fstype")
    if kind and kind != MEMBER:
        yield SIGNATURES.get(kind, f"a file system ({kind})")


def _used(entry: Facts, children: list[Facts]) -> Iterator[str]:
    """Yield the current users: mounts, and devices on top of this one or its partitions."""
    for place in entry.get("mountpoints") or ():
        if place:
            yield f"{entry['name']} is used as swap space" if place == "[SWAP]" else f"{entry['name']} is mounted at {place}"
    for child in children:
        if child["type"] == "mpath":
            yield f"it is a path of the multipath device /dev/mapper/{child['name']}"
        elif child["type"] != "part":
            yield f"{child['name']} ({child['type']}) is built on it"
        yield from _used(child, child.get("children") or [])


def volume_groups(listing: str) -> dict[str, str]:
    """Return the volume group by real path, from the output of PVS. Empty for a physical volume without a group."""
    (report,) = json.loads(listing)["report"]
    return {str(Path(one["pv_name"]).resolve()): one["vg_name"] for one in report["pv"]}


def links(root: Path, paths: Mapping[str, Any]) -> dict[str, str]:
    """Return aliases of devices: those in /dev/disk, /dev/mapper and /dev/md, and those of logical volumes."""
    found = {}
    for pattern in ("dev/*/*", "dev/disk/*/*"):
        for link in root.glob(pattern):
            # Links by device number are not aliases.
            if link.is_symlink() and link.parent.name not in ("block", "char"):
                target = f"/{link.resolve().relative_to(root.resolve())}" if link.exists() else ""
                if target in paths:
                    found[f"/{link.relative_to(root)}"] = target
    return found


def backing_files(root: Path) -> dict[str, str]:
    """Return the file behind each loop device. The kernel marks a file that was deleted in the meantime."""
    return {
        f"/dev/{path.parent.parent.name}": path.read_text(encoding="utf-8").rstrip("\n")
        for path in sorted(root.glob("sys/block/loop*/loop/backing_file"))
    }


def refusal(about: Mapping[str, Any], group: str, *, wipe: bool) -> str:
    """Return why the volume group must not be created on the device. Empty if it may, or if it already exists there."""
    if about["member"] and about["group"] == group:
        return ""
    if about["type"] == "rom" or about["read_only"]:
        return "it is read-only"
    if about["used"]:
        return f"it is in use, and even lvm_storage_wipe_device does not wipe a device in use: {'; '.join(about['used'])}"
    content = list(about["content"])
    if about["group"]:
        content.append(f"a part of the volume group {about['group']}")
    if content and not wipe:
        return (
            f"it contains {' and '.join(content)}: choose another disk, or set lvm_storage_wipe_device to true for this host if "
            "this content may be lost"
        )
    return ""


def elsewhere(group: str, places: list[str], wanted: str) -> str:
    """Return the message for a volume group that exists in the wrong place."""
    return (
        f"the volume group {group} is on {', '.join(places)}, not on {wanted}. A run never moves volumes: move the group as "
        "described in docs/operations.md, or change the device and the file back"
    )
