# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks whether a node's disk, or the file in its place, can hold the volumes."""

from __future__ import annotations

import posixpath
import typing as t
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from ansible_collections.mikumo.openstack.plugins.module_utils._block_devices import elsewhere, refusal

__all__ = ["device_problems", "file_problems", "gib"]

Facts = Mapping[str, t.Any]
GIB = 1024**3
SECTOR = 512
WHERE = "group_vars/all/cloud.yml"
PLACE = f"in {WHERE}, or in host_vars if this node differs"


def gib(number: float) -> float:
    """Convert to GiB, rounded down: slightly too little space must not look like enough."""
    return int(number / GIB * 10) / 10


def device_problems(facts: Facts, device: str, *, wanted_gb: float, group: str, wipe: bool) -> Iterator[str]:
    path = posixpath.normpath(device)
    about = _device(facts, path) if "block_devices" in facts else _device_of_setup(facts, path)
    intro = f"cloud_volume_device is {device}, which"
    if about is None:
        yield f"{intro} does not exist; the node's disks are {', '.join(_disks(facts)) or 'none'}: correct it {PLACE}"
        return
    places = _places(facts, group)
    if places and about["path"] not in places:
        yield elsewhere(group, [_named(facts, place) for place in places], device)
        return
    # An administrator may have extended the group with another disk.
    has = gib(sum(facts["block_devices"][place]["size"] for place in places) if places else about["size"])
    if has < wanted_gb:
        yield (
            f"{intro} has {has} GiB, less than the {wanted_gb:g} GiB of cloud_volume_gb; the node's disks are "
            f"{', '.join(_disks(facts)) or 'none'}: change one of the two settings {PLACE}"
        )
    problem = "content" in about and refusal(about, group, wipe=wipe)
    if problem:
        yield f"{intro} cannot hold the volumes: {problem}"


def file_problems(facts: Facts, file: str, *, group: str) -> Iterator[str]:
    places = _places(facts, group)
    files = [(facts.get("loop_files") or {}).get(place, "") for place in places]
    if places and file not in files:
        if f"{file} (deleted)" in files:
            yield (
                f"the file {file} of the volume group {group} was removed while in use: do not restart this node until "
                "you have copied the file's content, as docs/operations.md describes"
            )
            return
        yield elsewhere(group, [_named(facts, place) for place in places], f"the file {file}")


def _device(facts: Facts, path: str) -> dict[str, t.Any] | None:
    real = (facts.get("block_links") or {}).get(path, path)
    about = facts["block_devices"].get(real)
    return None if about is None else {**about, "path": real}


def _device_of_setup(facts: Facts, path: str) -> dict[str, t.Any] | None:
    """Find a device in the facts of ansible.builtin.setup: sizes of disks and partitions, and some of their names."""
    name = PurePosixPath(path).name
    known: dict[str, t.Any] = dict(facts.get("devices") or {})
    for disk in list(known.values()):
        known |= disk.get("partitions") or {}
    linked = (one for one in known.values() if any(name in names for names in (one.get("links") or {}).values()))
    about = known.get(name) or next(linked, None)
    return None if about is None else {"path": path, "size": int(about.get("sectors", 0)) * SECTOR}


def _disks(facts: Facts) -> list[str]:
    if "block_devices" not in facts:
        disks = facts.get("devices") or {}
        return sorted(disk for disk, about in disks.items() if str(about.get("virtual")) != "1")
    found: Mapping[str, t.Any] = facts["block_devices"]
    return sorted(PurePosixPath(path).name for path, about in found.items() if about["type"] == "disk" and about["size"])


def _places(facts: Facts, group: str) -> list[str]:
    found: Mapping[str, t.Any] = facts.get("block_devices") or {}
    return [path for path, about in found.items() if about["group"] == group]


def _named(facts: Facts, place: str) -> str:
    file = (facts.get("loop_files") or {}).get(place)
    return f"{place} ({file})" if file else place
