# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume group on a disk, or on a file behind a loop device. Creates a new group, but never moves, reduces or recreates one.

Each step checks the actual state. If a run is killed between two steps, the next run finishes its work.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.mikumo.openstack.plugins.module_utils._block_devices import (
    LSBLK,
    MEMBER,
    SIGNATURES,
    Facts,
    backing_files,
    block_devices,
    elsewhere,
    refusal,
)

GIB = 1024**3
PVS = ["pvs", "--reportformat", "json", "--units", "b", "--nosuffix", "--options", "pv_name,vg_name,pv_size,dev_size"]
TABLES = ("gpt", "dos", "PMBR", "sun", "mac", "bsd", "sgi")
# LVM reserves some space at the beginning, and rounds down to whole extents of 4 MiB.
SLACK = 16 * 1024**2
REMOVED = " (deleted)"
Run = Callable[[list[str]], str]


class StorageError(RuntimeError):
    """A problem that only the operator can solve. Nothing was changed."""


@dataclass
class VolumeGroup:
    name: str
    run: Run
    device: str = ""
    file: str = ""
    file_gb: int = 0
    wipe: bool = False
    check: bool = False
    # False in check mode on an empty node: without LVM, there is nothing to query.
    lvm: bool = True
    root: Path = Path("/")
    changes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def ensure(self) -> None:
        path = self._disk() if self.device else self._loop()
        places = self._places()
        if places:
            if path not in places:
                files = backing_files(self.root)
                named = [f"{place} ({files[place]})" if place in files else place for place in places]
                raise StorageError(elsewhere(self.name, named, self.device or f"the file {self.file}"))
            if self.file:
                self._grow(path)
            return
        # In check mode, a file that is not attached yet has no path, and cannot be checked.
        if path:
            self._refuse_to_start_again()
            self._refuse_what_is_taken(path)
        self._do(
            f"volume group {self.name} on {self.device or self.file}", lambda: self.run(["vgcreate", "--yes", self.name, path])
        )

    # --- current state

    def _volumes(self) -> list[dict[str, str]]:
        if not self.lvm:
            return []
        (report,) = json.loads(self.run(PVS))["report"]
        # LVM reports a missing disk as [unknown].
        return [
            one | {"path": os.path.realpath(one["pv_name"]) if one["pv_name"][0] == "/" else one["pv_name"]}
            for one in report["pv"]
        ]

    def _places(self) -> list[str]:
        return [one["path"] for one in self._volumes() if one["vg_name"] == self.name]

    def _about(self, path: str) -> Facts:
        """Describe the device by the signatures on it: udev's data may be outdated."""
        groups = {one["path"]: one["vg_name"] for one in self._volumes()}
        about = block_devices(self.run([*LSBLK, path]), groups)[path]
        kinds = [
            one["type"] for one in json.loads(self.run(["wipefs", "--no-act", "--json", path]) or "{}").get("signatures", ())
        ]
        about["member"] = MEMBER in kinds
        if not about["content"]:
            names = dict.fromkeys(kind for kind in kinds if kind != MEMBER)
            about["content"] = [
                f"a partition table ({kind})" if kind in TABLES else SIGNATURES.get(kind, f"a file system ({kind})")
                for kind in names
            ]
        return about

    # --- desired place of the group

    def _disk(self) -> str:
        if not Path(self.device).is_block_device():
            raise StorageError(
                f"{self.device} does not exist or is not a block device: correct lvm_storage_device (cloud_volume_device)"
            )
        return str(Path(self.device).resolve())

    def _loop(self) -> str:
        """Return the loop device of the file. Empty if check mode would create it."""
        file = str(Path(self.file).resolve())
        attached = {behind: device for device, behind in backing_files(self.root).items()}
        lost = attached.get(file + REMOVED)
        if not Path(file).exists():
            if lost:
                raise StorageError(
                    f"the file {self.file} was deleted while in use. Its content still exists until {lost} is detached: while "
                    f"nothing writes to the volumes, copy it with `dd if={lost} of={self.file} conv=sparse bs=1M`"
                )
            if self._places():
                # The group is on another device.
                return ""
            self._refuse_to_start_again()
            self._do(f"file {self.file} of {self.file_gb} GiB", lambda: os.truncate(_created(file), self.file_gb * GIB))
        if file in attached:
            return str(attached[file])
        self.changes.append(f"{self.file} attached")
        return "" if self.check else str(self.run(["losetup", "--find", "--show", file])).strip()

    def _refuse_to_start_again(self) -> None:
        """Refuse to recreate a lost group. LVM keeps a backup of each group's metadata until vgremove removes the group."""
        backup = Path(os.environ.get("LVM_SYSTEM_DIR", "/etc/lvm"), "backup", self.name)
        if backup.exists():
            raise StorageError(
                f"the volume group {self.name} existed on this node before, but is now neither on {self.device or self.file} nor "
                "on another device. Attach its disk, or restore the file from a backup. If its volumes are permanently lost, "
                f"remove {backup} and run again"
            )

    def _refuse_what_is_taken(self, path: str) -> None:
        about = self._about(path)
        problem = refusal(about, self.name, wipe=self.wipe)
        if problem:
            raise StorageError(f"cannot create a volume group on {self.device or self.file}: {problem}")
        if about["content"] or about["group"]:
            self._do(f"{path} wiped", lambda: self._wipe(path))

    def _wipe(self, path: str) -> None:
        # The kernel refuses this while the device is in use: by a mount, a device on top of it, or an exclusive open.
        try:
            os.close(os.open(path, os.O_RDWR | os.O_EXCL))
        except OSError as error:
            raise StorageError(f"{path} is in use, and was not wiped: {error.strerror}") from error
        self.run(["wipefs", "--all", path])

    def _grow(self, loop: str) -> None:
        wanted, file = self.file_gb * GIB, Path(self.file).resolve()
        size = file.stat().st_size
        if size > wanted:
            self.warnings.append(
                f"{self.file} has {size // GIB} GiB, but lvm_storage_file_gb is {self.file_gb}. A run never shrinks the file."
            )
        if size < wanted:
            self._do(f"{self.file} grown to {self.file_gb} GiB", lambda: os.truncate(file, wanted))
        volume = next(one for one in self._volumes() if one["path"] == loop)
        behind = max(size, wanted) - int(volume["pv_size"]) > SLACK
        if behind:
            self._do(f"volume group {self.name} grown", lambda: self._resize(loop))

    def _resize(self, loop: str) -> None:
        self.run(["losetup", "--set-capacity", loop])
        self.run(["pvresize", loop])

    def _do(self, what: str, act: Callable[[], object]) -> None:
        self.changes.append(what)
        if not self.check:
            act()


def _created(file: str) -> str:
    # Only root may read the file: it contains the data of all volumes.
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
    return file
