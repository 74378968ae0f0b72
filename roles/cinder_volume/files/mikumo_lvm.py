# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Managed by Ansible (mikumo.openstack.cinder_volume).
"""Cinder's LVM driver, with LVM's commands run by os-brick's privileged helper.

Cinder's own driver starts each of them through sudo and rootwrap. That starts Python anew, which takes many times as long as the
command. The helper is oslo.privsep's, runs all the time, and is started by sudo and rootwrap once.
"""

from typing import Any

from cinder import utils
from cinder.brick.local_dev import lvm as local_lvm
from cinder.volume.drivers import lvm
from os_brick.privileged import rootwrap
from oslo_concurrency import processutils


def execute(*command: str, **options: Any) -> tuple[str, str]:
    """Without os-brick's limit of ten minutes: what LVM does to a large volume may take longer, and must not be cut off."""
    return rootwrap.execute(*command, **{"timeout": 0, **options})


class VolumeGroup(local_lvm.LVM):
    """Overrides the two static methods that ask LVM regularly, since they know no executor but sudo and rootwrap."""

    def get_lv_info(self, _root_helper: str, vg_name: str, lv_name: str | None = None) -> list[dict[str, str]]:
        asked = ["lvs", "--noheadings", "--unit=g", "-o", "vg_name,name,size", "--nosuffix", "--readonly"]
        place = f"{vg_name}/{lv_name}" if lv_name else vg_name
        try:
            rows = self._rows([*asked, place])
        except processutils.ProcessExecutionError as error:
            if "not found" not in error.stderr and "Failed to find" not in error.stderr:
                raise
            return []
        return [dict(zip(("vg", "name", "size"), row, strict=True)) for row in rows]

    def get_all_volume_groups(self, _root_helper: str, vg_name: str) -> list[dict[str, Any]]:
        rows = self._rows(["vgs", "--noheadings", "--unit=g", "-o", "name,size,free,lv_count,uuid", "--nosuffix", vg_name])
        return [
            {"name": name, "size": float(size), "available": float(free), "lv_count": int(count), "uuid": uuid}
            for name, size, free, count, uuid in rows
        ]

    def _rows(self, command: list[str]) -> list[list[str]]:
        out, _errors = self._run_lvm_command([*self.LVM_CMD_PREFIX, *command])
        return [line.split() for line in out.splitlines()]


class LVMVolumeDriver(lvm.LVMVolumeDriver):
    """Differs from Cinder's in how it talks to the volume group."""

    def check_for_setup_error(self) -> None:
        options = self.configuration
        self.vg = VolumeGroup(
            options.volume_group,
            utils.get_root_helper(),
            # Cinder decides in the same way where LVM knows thin pools, as Debian's does.
            lvm_type="thin" if options.lvm_type == "auto" else options.lvm_type,
            executor=execute,
            lvm_conf=options.lvm_conf_file,
            suppress_fd_warn=options.lvm_suppress_fd_warnings,
        )
        super().check_for_setup_error()
