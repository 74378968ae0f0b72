#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_group
short_description: Volume group of LVM on a disk or on a file
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Makes a volume group where there never was one. A group that exists is never moved, reduced or made again, and disks that
    somebody added to it stay. Other modules make a new group in place of one whose disk is away, reduce one to the disks that
    they know, and look neither at what is on a disk nor at files.
  - A disk that carries anything is refused without O(wipe), one that is in use always. The module looks at the disk itself, and
    at who uses its partitions.
  - A file is made, attached to a loop device, and grown. It is never made smaller. A file that is gone is an error.
attributes:
  check_mode:
    support: full
    description: Can run in check mode. Where LVM is not installed yet, everything would be created.
  diff_mode:
    support: full
    description: Shows what is done.
  idempotent:
    support: full
    description: Does nothing when the volume group is there.
  platform:
    support: full
    platforms: linux
    description: Target OS/families that can be operated against.
options:
  name:
    description: Name of the volume group.
    type: str
    required: true
  device:
    description: Path of the disk, partition or other block device, under any of its names. Empty for a file.
    type: str
    default: ""
  file:
    description: Absolute path of the file that takes the place of a disk. Not used with O(device).
    type: str
    default: ""
  file_gb:
    description: Size of the file in GiB. A smaller file that exists grows.
    type: int
    default: 0
  wipe:
    description: Consent to lose what is on O(device).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Room for volumes
  mikumo.openstack.volume_group:
    name: cinder-volumes
    device: /dev/disk/by-id/virtio-data
"""

RETURN = r"""
changes:
  description: What was done, or would be done.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import run
from ansible_collections.mikumo.openstack.plugins.module_utils._volume_group import StorageError, VolumeGroup


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "device": {"type": "str", "default": ""},
            "file": {"type": "str", "default": ""},
            "file_gb": {"type": "int", "default": 0},
            "wipe": {"type": "bool", "default": False},
        },
        required_one_of=[["device", "file"]],
        supports_check_mode=True,
    )
    device, file, file_gb = (module.params[name] for name in ("device", "file", "file_gb"))
    if not device and (not file.startswith("/") or file_gb < 1):
        module.fail_json(
            msg=f"Without a device, file has to be an absolute path and file_gb at least 1, not {file!r} and {file_gb}."
        )
    lvm = bool(module.get_bin_path("vgcreate"))
    if not lvm and not module.check_mode:
        module.fail_json(msg="There is no vgcreate on this node: install lvm2.")

    def output(command: list[str]) -> str:
        rc, out, err = run(command)
        if rc:
            module.fail_json(msg=f"`{' '.join(command)}` ended with {rc}: {err.strip() or out.strip()}")
        return out

    group = VolumeGroup(
        name=module.params["name"],
        run=output,
        device=device,
        file="" if device else file,
        file_gb=file_gb,
        wipe=module.params["wipe"],
        check=module.check_mode,
        lvm=lvm,
    )
    try:
        group.ensure()
    except StorageError as error:
        module.fail_json(msg=f"{str(error)[0].upper()}{str(error)[1:]}.", changes=group.changes)
    for warning in group.warnings:
        module.warn(warning)
    after = "".join(f"{change}\n" for change in group.changes)
    module.exit_json(changed=bool(group.changes), changes=group.changes, diff={"before": "", "after": after})


if __name__ == "__main__":
    main()
