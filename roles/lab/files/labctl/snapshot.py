# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of the whole lab: the disks of all nodes at one moment, and the way back to it.

What runs in the nodes is not kept, as when the power fails on all of them at the same moment: restored nodes boot.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import network
import node as nodes
from core import Changes, Lab, LabError, Node, run


def take(lab: Lab, name: str, changes: Changes) -> None:
    target = _directory(lab, name)
    if target.exists():
        raise LabError(f"there is a snapshot {name!r} already, in {target}; choose another name, or remove it first")
    missing = [node.name for node in lab.nodes if not _disks(lab, node)]
    if missing:
        raise LabError(f"there is nothing to keep of {', '.join(missing)}: no disk; start the lab first")
    changes.do(f"snapshot {name} taken", lambda: _copy_out(lab, target))


def restore(lab: Lab, name: str, changes: Changes) -> None:
    """All nodes go back to the snapshot and boot. What was on their disks is gone."""
    source = _existing(lab, name)
    kept = sorted(path.name for path in source.iterdir())
    wanted = sorted(node.name for node in lab.nodes)
    if kept != wanted:
        raise LabError(
            f"snapshot {name!r} has the nodes {', '.join(kept)}, the lab has {', '.join(wanted)}; they must be the same"
        )
    for node in lab.nodes:
        nodes.base_image_of(source / node.name / "root.cow", node)

    def put_back() -> None:
        for node in lab.nodes:
            nodes.kill(lab, node)
            _put_back(source / node.name, lab.node_dir(node))

    changes.do(f"snapshot {name} restored", put_back)
    network.up(lab, changes)
    for node in lab.nodes:
        nodes.start(lab, node, changes)
    if not changes.check:
        nodes.wait(lab, lab.nodes)


def remove(lab: Lab, name: str, changes: Changes) -> None:
    target = _directory(lab, name)
    if target.exists():
        changes.do(f"snapshot {name} removed", lambda: shutil.rmtree(target))


def _directory(lab: Lab, name: str) -> Path:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise LabError(f"{name!r} is no name for a snapshot: write lower case letters, digits and hyphens")
    return lab.snapshot_dir / lab.name / name


def _existing(lab: Lab, name: str) -> Path:
    directory = _directory(lab, name)
    if not directory.is_dir():
        others = sorted(path.name for path in directory.parent.iterdir()) if directory.parent.is_dir() else []
        raise LabError(f"there is no snapshot {name!r} of lab {lab.name!r}; there is: {', '.join(others) or 'none'}")
    return directory


def _disks(lab: Lab, node: Node) -> list[Path]:
    directory = lab.node_dir(node)
    return sorted([*directory.glob("root.cow"), *directory.glob("disk*.img")])


def _copy_out(lab: Lab, target: Path) -> None:
    unfinished = target.with_name(f".{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    for node in lab.nodes:
        if nodes.pid_of(lab, node):
            # What applications think is on the disk is there afterwards. The rest is up to journals, as always.
            nodes.ssh(lab, node, "sync")
    with _standing_still(lab):
        for node in lab.nodes:
            directory = unfinished / node.name
            directory.mkdir(mode=0o700)
            for disk in _disks(lab, node):
                _copy(disk, directory / disk.name)
    unfinished.rename(target)


def _put_back(source: Path, directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for disk in source.iterdir():
        unfinished = directory / f".{disk.name}.new"
        _copy(disk, unfinished)
        unfinished.replace(directory / disk.name)


def _copy(source: Path, target: Path) -> None:
    """Disks are nearly all holes: a node's differences to its image, in a file of the disk's size."""
    run("cp", "--sparse=always", "--reflink=auto", str(source), str(target), timeout=600)


@contextlib.contextmanager
def _standing_still(lab: Lab) -> Iterator[None]:
    """All nodes stop at the same moment, and go on whatever happens."""
    stopped: list[int] = []
    try:
        for node in lab.nodes:
            leader = nodes.pid_of(lab, node)
            if leader:
                # The kernel first: without it its helpers have nothing to do.
                for pid in sorted(nodes.session_members(leader), key=lambda pid: pid != leader):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGSTOP)
                        stopped.append(pid)
        yield
    finally:
        for pid in reversed(stopped):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
