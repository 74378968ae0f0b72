# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes: LVM on the storage node, iSCSI between the nodes, a disk in the instance."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from support.instances import Instance, answer_of
from support.nodes import Nodes
from support.project import Project
from support.waiting import wait_for

pytestmark = pytest.mark.journal(controller=["cinder-volume", "tgt"], compute=["nova-compute", "iscsid"])

BOOT = "cat /proc/sys/kernel/random/boot_id"


@dataclass(frozen=True)
class Disk:
    """A volume in an instance, with something written to it."""

    volume: str
    instance: Instance
    text: str

    @property
    def device(self) -> str:
        """Its name inside. The serial number of a disk is the beginning of its volume's."""
        return answer_of(self.instance.inside, f"grep -l {self.volume[:20]} /sys/block/vd*/serial | cut -d/ -f4")

    def content(self) -> str:
        """What is on it, past the cache."""
        read = f"echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/{self.device} bs=512 count=1 2>/dev/null | tr -d '\\000'"
        return answer_of(self.instance.inside, read)


@pytest.fixture(scope="module")
def disk(project: Project, one: Instance) -> Iterator[Disk]:
    """A volume in the first instance, written to from inside."""
    volume = project.cloud.block_storage.create_volume(name="behaviour", size=1)
    project.volume_is(volume, "available")
    project.cloud.compute.create_volume_attachment(one.server, volume)
    project.volume_is(volume, "in-use")
    attached = Disk(volume.id, one, f"behaviour-{secrets.token_hex(8)}")
    device = wait_for("disk in the instance", lambda: attached.device)
    one.says("echo %s | dd of=%s bs=512 count=1 conv=sync,fsync", attached.text, f"/dev/{device}")
    yield attached
    project.cloud.compute.delete_volume_attachment(one.server, volume)
    project.volume_is(volume, "available")
    project.cloud.block_storage.delete_volume(volume)
    project.cloud.block_storage.wait_for_delete(volume, wait=180)


def test_session_ends_in_the_logical_volume(nodes: Nodes, disk: Disk) -> None:
    controller, compute = nodes["controller"], nodes["compute"]
    device = f"/dev/cinder-volumes/volume-{disk.volume}"

    sessions = compute.check_output("iscsiadm --mode session").splitlines()
    (session,) = [line for line in sessions if disk.volume in line]
    print(f"compute is logged in: {session}")
    iqn = session.split()[3]
    assert re.search(rf"{nodes.settings['controller']['address']}:3260", session)

    targets = re.split(r"(?m)^(?=Target \d+:)", controller.check_output("tgtadm --lld iscsi --mode target --op show"))
    (target,) = [block for block in targets if f": {iqn}\n" in block]
    stores = [path for path in re.findall(r"Backing store path: (.*)", target) if path != "None"]
    initiators = re.findall(r"Initiator: (\S+)", target)
    print(f"controller offers {stores} as {iqn} to {initiators}")
    assert stores == [device]
    own = re.search(r"^InitiatorName=(\S+)", compute.check_output("cat /etc/iscsi/initiatorname.iscsi"), re.MULTILINE)
    assert own
    assert initiators == [own[1]]

    lvm = controller.check_output("lvs --noheadings --options lv_name,pool_lv,lv_size,lv_attr %s", device).split()
    print(f"logical volume: {lvm}")
    assert lvm[0] == f"volume-{disk.volume}"
    # Past the cache: what the instance wrote has gone all the way.
    content = controller.check_output("dd if=%s bs=512 count=1 iflag=direct status=none | tr -d '\\000'", device)
    print(f"written in the instance: {disk.text}; read on the controller: {content}")
    assert content == disk.text


# The reboot of the nodes, in tests/lab, proves the same in minutes that CI has anyway.
@pytest.mark.slow
@pytest.mark.journal(compute=["libvirtd"])
def test_instance_survives_a_hard_reboot_with_its_volume(project: Project, disk: Disk) -> None:
    instance = disk.instance
    before = instance.says(BOOT)
    project.cloud.compute.reboot_server(instance.server, "HARD")
    after = wait_for("another boot", lambda: answer_of(instance.inside, BOOT), lambda boot: boot not in ("", before), 300)
    content = wait_for("disk after the reboot", disk.content)
    status = wait_for("status", lambda: project.cloud.compute.get_server(instance.server).status, lambda seen: seen == "ACTIVE")
    print(f"boot {before}, then {after}; {status}; the volume still says {content}")
    assert content == disk.text


@pytest.fixture
def volume(project: Project) -> Iterator[Any]:
    """A volume that no instance has."""
    made = project.cloud.block_storage.create_volume(name="behaviour-plain", size=1)
    yield project.volume_is(made, "available")
    project.cloud.block_storage.delete_volume(made)
    project.cloud.block_storage.wait_for_delete(made, wait=180)


def test_snapshot_comes_and_goes_and_the_journal_stays_clean(project: Project, nodes: Nodes, volume: Any) -> None:
    """Python prints a traceback whenever a process forks whose threads eventlet has replaced, and goes on: nobody sees it."""
    controller, cinder = nodes["controller"], project.cloud.block_storage
    logical = "lvs --noheadings --options lv_name cinder-volumes"
    begin = controller.check_output("date +%s")

    started = time.monotonic()
    snapshot = cinder.create_snapshot(name="behaviour", volume_id=volume.id)
    wait_for("snapshot", lambda: cinder.get_snapshot(snapshot.id).status, lambda status: status == "available")
    created, started = time.monotonic() - started, time.monotonic()
    assert f"_snapshot-{snapshot.id}" in controller.check_output(logical).split()
    cinder.delete_snapshot(snapshot)
    cinder.wait_for_delete(snapshot, interval=1, wait=180)
    deleted = time.monotonic() - started
    assert f"_snapshot-{snapshot.id}" not in controller.check_output(logical).split()

    journal = controller.check_output("journalctl --no-pager --quiet --output=cat --unit=cinder-volume --since=@%s", begin)
    print(f"created in {created:.1f} s, deleted in {deleted:.1f} s; cinder-volume wrote {len(journal.splitlines())} lines")
    assert "Traceback" not in journal
