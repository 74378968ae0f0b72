# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the facts of a node against the requirements of a site."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ansible_collections.mikumo.openstack.plugins.plugin_utils._clock import clock_problem
from ansible_collections.mikumo.openstack.plugins.plugin_utils._node_disks import WHERE, device_problems, file_problems, gib
from ansible_collections.mikumo.openstack.plugins.plugin_utils._node_interfaces import interface_problems
from ansible_collections.mikumo.openstack.plugins.plugin_utils._occupied import occupied

__all__ = ["Wanted", "node_problems"]

Facts = Mapping[str, t.Any]
# MiB for Debian itself in each group's figure. A node in several groups needs them only once.
SYSTEM_MB = 500


@dataclass(frozen=True)
class Wanted:
    """The requirements for a node. With volume_gb 0, it holds no volumes."""

    groups: Sequence[str]
    releases: Sequence[str]
    memory_mb: Mapping[str, int] = field(default_factory=dict)
    free_gb: float = 0
    volume_gb: float = 0
    volume_device: str = ""
    volume_file: str = "/var/lib"
    volume_group: str = "cinder-volumes"
    volume_wipe_device: bool = False
    bridges: Sequence[Mapping[str, str]] = ()
    interface_may_lose_addresses: bool = False
    services: Sequence[str] = ()
    # The node's inventory variables, which may change port numbers of roles.
    variables: Mapping[str, t.Any] = field(default_factory=dict)
    clock_seconds: float = 0


def node_problems(facts: Facts, wanted: Wanted) -> list[str]:
    """Return a sentence for each problem: what the node has, what is required, and where to change it."""
    checks = (_system, _clock, _memory, _interfaces, _disk, _file_system, _occupied)
    return [problem for check in checks for problem in check(facts, wanted)]


def _system(facts: Facts, wanted: Wanted) -> Iterator[str]:
    name, version = facts.get("distribution", "an unknown system"), facts.get("distribution_version", "")
    if name != "Debian" or str(facts.get("distribution_major_version")) not in wanted.releases:
        allowed = ", ".join(wanted.releases)
        yield f"it runs {name} {version}".rstrip() + (
            f": only Debian {allowed} is supported; install it, or put another machine into hosts.yml"
        )


def _clock(facts: Facts, wanted: Wanted) -> Iterator[str]:
    offset = facts.get("clock_offset")
    problem = clock_problem(offset, wanted.clock_seconds) if offset and wanted.clock_seconds else ""
    if problem:
        yield problem


def _occupied(facts: Facts, wanted: Wanted) -> Iterator[str]:
    yield from occupied(facts, wanted.groups, wanted.services, wanted.variables)


def _memory(facts: Facts, wanted: Wanted) -> Iterator[str]:
    groups = [group for group in wanted.groups if group in wanted.memory_mb]
    needed = max(0, sum(int(wanted.memory_mb[group]) - SYSTEM_MB for group in groups)) + SYSTEM_MB * bool(groups)
    has = int(facts.get("memtotal_mb", 0))
    if has < needed:
        yield (
            f"it has {has} MiB of memory: a node in {', '.join(groups)} needs at least {needed} MiB; give it more, or put "
            "another machine into hosts.yml"
        )


def _interfaces(facts: Facts, wanted: Wanted) -> Iterator[str]:
    yield from interface_problems(facts, wanted.bridges, may_lose_addresses=wanted.interface_may_lose_addresses)


def _disk(facts: Facts, wanted: Wanted) -> Iterator[str]:
    if not wanted.volume_gb:
        return
    if wanted.volume_device:
        yield from device_problems(
            facts, wanted.volume_device, wanted_gb=wanted.volume_gb, group=wanted.volume_group, wipe=wanted.volume_wipe_device
        )
    else:
        yield from file_problems(facts, wanted.volume_file, group=wanted.volume_group)


def _file_system(facts: Facts, wanted: Wanted) -> Iterator[str]:
    path = PurePosixPath(wanted.volume_file)
    above = {str(one) for one in path.parents}
    mounts = [mount for mount in facts.get("mounts") or () if mount["mount"] in above]
    if not mounts:
        return
    mount = max(mounts, key=lambda one: len(one["mount"]))
    total, left = gib(mount.get("size_total", 0)), gib(mount.get("size_available", 0))
    # Compare with the size of the file system, not its free space: the sparse file grows, and the second run finds it there.
    if wanted.volume_gb and not wanted.volume_device and total < wanted.volume_gb:
        yield (
            f"its file system {mount['mount']} has {total} GiB, too little for a file of {wanted.volume_gb:g} GiB "
            f"(cloud_volume_gb): reduce cloud_volume_gb, or name a disk in cloud_volume_device, in {WHERE}"
        )
    if left < wanted.free_gb:
        yield (
            f"its file system {mount['mount']} has {left} GiB left, less than the {wanted.free_gb:g} GiB of preflight_free_gb: "
            "make room there"
        )
