#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_group
short_description: Create an LVM volume group on a disk or on a file
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Creates a volume group only if there never was one. It never moves, reduces or recreates an existing group, and keeps disks
    that an administrator added. Other modules replace a group whose disk is missing, or reduce it to the disks that they
    know. They neither check a disk for existing data nor support files.
  - Refuses a disk with existing data unless O(wipe) is set. Always refuses a disk that is in use. The module checks the disk
    itself and the users of its partitions.
  - Creates a file, attaches it to a loop device, and grows it if necessary. It never shrinks a file, and fails if the file of
    an existing group is missing.
attributes:
  check_mode:
    support: full
    description: Can run in check mode. If LVM is not installed yet, it predicts that everything is created.
  diff_mode:
    support: full
    description: Shows the changes.
  idempotent:
    support: full
    description: Does nothing if the volume group exists.
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
    description: Path of the disk, partition or other block device. Any alias works. Leave it empty to use a file.
    type: str
    default: ""
  file:
    description: Absolute path of the file to use instead of a disk. Ignored with O(device).
    type: str
    default: ""
  file_gb:
    description: Size of the file in GiB. The module grows an existing file that is smaller.
    type: int
    default: 0
  wipe:
    description: Consent to destroy the data on O(device).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Create the volume group for Cinder
  mikumo.openstack.volume_group:
    name: cinder-volumes
    device: /dev/disk/by-id/virtio-data
"""

RETURN = r"""
changes:
  description: The changes that the module made, or in check mode would make.
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
            msg=f"Without a device, file must be an absolute path and file_gb at least 1, not {file!r} and {file_gb}."
        )
    lvm = bool(module.get_bin_path("vgcreate"))
    if not lvm and not module.check_mode:
        module.fail_json(msg="vgcreate does not exist on this node: install lvm2.")

    def output(command: list[str]) -> str:
        rc, out, err = run(command)
        if rc:
            module.fail_json(msg=f"`{' '.join(command)}` exited with status {rc}: {err.strip() or out.strip()}")
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
