# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""volume_group against LVM and loop devices of the machine that the test runs on, with LVM's settings of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

MISSING = [name for name in ("vgcreate", "losetup", "wipefs", "lsblk", "mkfs.ext4", "sfdisk") if not shutil.which(name)]
Result = dict[str, Any]
VG = "mikumo-test"
MIB = 1024**2

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"install lvm2, fdisk and e2fsprogs: there is no {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices are made by root"),
]


def run(*command: str, check: bool = True) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=check).stdout.strip()


def attached(file: Path) -> list[str]:
    return run("losetup", "--associated", str(file), "--noheadings", "--output", "NAME").split()


@pytest.fixture
def lvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """LVM sees loop devices alone, and keeps its descriptions here. Nothing of the machine's own is touched."""
    system = tmp_path / "lvm"
    system.mkdir()
    (system / "lvm.conf").write_text(
        'devices { filter = [ "a|^/dev/loop|", "r|.*|" ]\n use_devicesfile = 0 }\n'
        "activation { udev_sync = 0\n udev_rules = 0 }\n"
        f'global {{ use_lvmpolld = 0\n locking_dir = "{tmp_path}" }}\n'
    )
    monkeypatch.setenv("LVM_SYSTEM_DIR", str(system))
    monkeypatch.setenv("LVM_SUPPRESS_FD_WARNINGS", "1")
    yield system
    for device in [one for file in tmp_path.glob("*.img*") for one in attached(file)]:
        run("wipefs", "--all", "--force", device, check=False)
        run("losetup", "--detach", device, check=False)


@pytest.fixture
def disk(lvm: Path, tmp_path: Path) -> Callable[[str], str]:
    """A disk of 200 MiB, which is a loop device."""

    def make(name: str) -> str:
        path = tmp_path / f"{name}.img"
        with path.open("wb") as stream:
            stream.truncate(200 * MIB)
        try:
            return run("losetup", "--find", "--show", str(path))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this machine attaches no loop device: {error.stderr.strip()}")

    return make


@pytest.fixture
def group(lvm: Path, module: Callable[..., Result]) -> Callable[..., Result]:
    return partial(module, "volume_group", name=VG)


def members() -> set[str]:
    report = json.loads(run("pvs", "--reportformat", "json", "--options", "pv_name,vg_name"))["report"][0]["pv"]
    return {one["pv_name"] for one in report if one["vg_name"] == VG}


def converge(group: Callable[..., Result], **options: Any) -> Result:
    before = members()
    predicted = group(**options, check=True)
    assert members() == before
    done = group(**options)
    assert not done.get("failed"), done.get("msg")
    assert (predicted["changed"], predicted["changes"]) == (done["changed"], done["changes"])
    again = group(**options)
    assert again["changed"] is False, again
    return done


def refused(group: Callable[..., Result], *words: str, **options: Any) -> None:
    for check in (True, False):
        done = group(**options, check=check)
        assert done.get("failed"), done
        assert [word for word in words if word not in done["msg"]] == [], done["msg"]


def test_an_empty_disk(group: Callable[..., Result], disk: Callable[[str], str]) -> None:
    device = disk("a")
    assert converge(group, device=device)["changed"]
    assert members() == {device}


def test_another_name_of_a_disk(group: Callable[..., Result], disk: Callable[[str], str], tmp_path: Path) -> None:
    device = disk("a")
    (tmp_path / "by-id").symlink_to(device)
    converge(group, device=str(tmp_path / "by-id"))
    assert converge(group, device=device)["changed"] is False


def test_a_physical_volume_of_a_run_that_was_killed(group: Callable[..., Result], disk: Callable[[str], str]) -> None:
    device = disk("a")
    run("pvcreate", device)
    assert converge(group, device=device)["changed"]


def test_a_group_that_was_extended_by_hand_keeps_its_disks(group: Callable[..., Result], disk: Callable[[str], str]) -> None:
    one, two = disk("a"), disk("b")
    converge(group, device=one)
    run("vgextend", VG, two)
    assert converge(group, device=one)["changed"] is False
    assert converge(group, device=two)["changed"] is False
    assert members() == {one, two}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (["mkfs.ext4", "-q", "DISK"], ["a file system (ext4)"]),
        (["mkswap", "DISK"], ["swap space"]),
        (["sh", "-c", "echo ',,L' | sfdisk --quiet --no-tell-kernel --label gpt DISK"], ["a partition table (gpt)"]),
        (["sh", "-c", "echo ',,L' | sfdisk --quiet --no-tell-kernel --label dos DISK"], ["a partition table (dos)"]),
        (["vgcreate", "somebody", "DISK"], ["the volume group somebody"]),
    ],
    ids=["ext4", "swap", "gpt", "dos", "foreign group"],
)
def test_a_disk_that_carries_something(
    group: Callable[..., Result], disk: Callable[[str], str], make: list[str], words: list[str]
) -> None:
    device = disk("a")
    run(*(word.replace("DISK", device) for word in make))
    before = run("wipefs", "--no-act", device)
    refused(group, *words, "lvm_storage_wipe_device", device=device)
    assert run("wipefs", "--no-act", device) == before
    assert converge(group, device=device, wipe=True)["changed"]
    assert members() == {device}


def test_a_disk_in_use_is_not_wiped_with_consent_either(
    group: Callable[..., Result], disk: Callable[[str], str], tmp_path: Path
) -> None:
    device, place = disk("a"), tmp_path / "mount"
    run("mkfs.ext4", "-q", device)
    place.mkdir()
    run("mount", device, str(place))
    try:
        refused(group, "in use", f"mounted at {place}", device=device, wipe=True)
    finally:
        run("umount", str(place))
    assert "ext4" in run("wipefs", "--no-act", device)


def test_a_group_whose_disk_is_away_is_not_made_again(group: Callable[..., Result], disk: Callable[[str], str]) -> None:
    one, two = disk("a"), disk("b")
    converge(group, device=one)
    run("losetup", "--detach", one)
    refused(group, "existed on this node before", VG, "backup", device=two)
    assert members() == set()


def test_a_group_does_not_move(group: Callable[..., Result], disk: Callable[[str], str], tmp_path: Path) -> None:
    """From a disk to another one, and to a file."""
    one, two = disk("a"), disk("b")
    converge(group, device=one)
    refused(group, f"the volume group {VG} is on {one}".replace("the", "The", 1), two, "operations.md", device=two)
    refused(group, one, "operations.md", file=str(tmp_path / "new.img"), file_gb=1)
    assert not (tmp_path / "new.img").exists()
    assert members() == {one}


def test_a_disk_that_is_not_there(group: Callable[..., Result], tmp_path: Path) -> None:
    refused(group, "/dev/nope does not exist", "cloud_volume_device", device="/dev/nope")
    (tmp_path / "file").touch()
    refused(group, "is not a block device", device=str(tmp_path / "file"))


def test_a_file(group: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "volumes.img"
    done = converge(group, file=str(file), file_gb=1)
    assert len(done["changes"]) == 3
    assert (file.stat().st_size, file.stat().st_mode & 0o777) == (1024 * MIB, 0o600)
    assert file.stat().st_blocks * 512 < 100 * MIB, "the file grows as it is written"
    assert members() == set(attached(file))


@pytest.mark.parametrize("step", ["file", "attached", "physical volume", "detached"])
def test_a_run_that_was_killed_is_finished(group: Callable[..., Result], tmp_path: Path, lvm: Path, step: str) -> None:
    file = tmp_path / "volumes.img"
    if step == "detached":
        # as after a reboot, before the unit
        converge(group, file=str(file), file_gb=1)
        run("losetup", "--detach", *attached(file))
    else:
        with file.open("wb") as stream:
            stream.truncate(1024 * MIB)
    if step in ("attached", "physical volume"):
        device = run("losetup", "--find", "--show", str(file))
        if step == "physical volume":
            run("pvcreate", device)
    done = group(file=str(file), file_gb=1)
    assert done["changed"], done
    assert group(file=str(file), file_gb=1)["changed"] is False
    assert len(attached(file)) == 1
    assert members() == set(attached(file))


def test_a_file_that_is_gone_is_not_made_again(group: Callable[..., Result], tmp_path: Path) -> None:
    file, kept = tmp_path / "volumes.img", tmp_path / "kept.img"
    converge(group, file=str(file), file_gb=1)
    (device,) = attached(file)
    file.rename(kept)
    # as after a reboot
    run("losetup", "--detach", device)
    refused(group, "existed on this node before", str(file), file=str(file), file_gb=1)
    assert not file.exists()
    kept.rename(file)
    assert group(file=str(file), file_gb=1)["changes"] == [f"{file} attached"]


def test_a_file_that_was_removed_while_it_is_in_use(group: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "volumes.img"
    converge(group, file=str(file), file_gb=1)
    (device,) = attached(file)
    file.unlink()
    try:
        refused(group, "was deleted while in use", f"dd if={device}", file=str(file), file_gb=1)
        assert not file.exists()
    finally:
        run("losetup", "--detach", device)


def test_another_path_of_the_file(group: Callable[..., Result], tmp_path: Path) -> None:
    file, other = tmp_path / "volumes.img", tmp_path / "other.img"
    converge(group, file=str(file), file_gb=1)
    refused(group, str(file), str(other), "operations.md", file=str(other), file_gb=1)
    assert not other.exists()


def test_from_the_file_to_a_disk(group: Callable[..., Result], disk: Callable[[str], str], tmp_path: Path) -> None:
    """Refused, and accepted once the operator has extended the group by the disk."""
    file = tmp_path / "volumes.img"
    converge(group, file=str(file), file_gb=1)
    device = disk("a")
    refused(group, f"({file})", device, "operations.md", device=device)
    run("vgextend", VG, device)
    run("vgreduce", VG, *attached(file))
    assert converge(group, device=device)["changed"] is False
    assert members() == {device}


def test_a_file_grows_and_is_never_made_smaller(group: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "volumes.img"
    converge(group, file=str(file), file_gb=1)
    converge(group, file=str(file), file_gb=2)
    assert int(run("vgs", "--noheadings", "--units", "m", "--nosuffix", "--options", "vg_size", VG).split(".")[0]) > 2000
    done = group(file=str(file), file_gb=1)
    assert done["changed"] is False
    assert "never shrinks the file" in json.dumps(done["warnings"])
    # a run that was killed between the file and the group
    os.truncate(file, 3 * 1024 * MIB)
    assert converge(group, file=str(file), file_gb=3)["changes"] == [f"volume group {VG} grown"]
