#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: all images of a site in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: images
short_description: Bring Glance's images into the described state in one call
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Downloads images, verifies their checksums, and uploads them to Glance, all in one call.
  - An image is uploaded under the name C(NAME.uploading), and renamed when it is active. What an interrupted run has
    left behind is removed and uploaded again.
  - An image whose content or format is described otherwise is replaced. The new one is active first, and then the old
    one is deleted, or renamed and hidden if it is in use. All other settings are changed in place.
  - The file is looked at before the first upload. What cannot be an image of the described format is refused, with the
    reason, such as an error page, an archive, compressed or truncated data, or a qcow2 image that needs another file. The
    module knows formats by their first bytes, and needs no library for that.
  - A name belongs to this module within the project that O(auth) logs in to. Other images of a described name in that
    project are duplicates. Those that this module uploaded are deleted. Those of others are kept, renamed and hidden, with
    a warning. Images of other projects, and hidden ones, are not changed.
extends_documentation_fragment:
  - mikumo.openstack.access
attributes:
  check_mode:
    support: full
    description:
      - Can run in C(check_mode) and return changed status prediction without modifying target.
      - Where nothing answers, Glance is not in the catalog, or the Python libraries are not installed yet, as on an
        empty host, all is predicted to be uploaded, with a warning. Nothing is downloaded. An image with a C(url) that
        was put into Glance by other means is therefore predicted to be replaced, although the real run, which downloads
        it, may find that it is the same.
  diff_mode:
    support: full
    description: Will return details on what has changed (or would in C(check_mode)), when in diff mode.
  idempotent:
    support: full
    description: Run twice in a row with the same arguments, the second run changes nothing, and downloads nothing.
options:
  active_timeout:
    description: For how many seconds to wait until an uploaded image is active.
    type: int
    default: 300
  cache_dir:
    description:
      - Directory on the host that the module runs on, in which downloads are kept.
      - What is in it can be deleted at any time.
    type: path
    default: /var/cache/mikumo/images
  download_ca_cert:
    description: As O(ca_cert), but for the servers that images are downloaded from.
    type: path
  images:
    description: Images. Kernels and ramdisks come first by themselves.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the image.
        type: str
        required: true
      url:
        description:
          - Where to download the image, with C(http) or C(https). The environment's C(http_proxy), C(https_proxy) and
            C(no_proxy) count.
          - User, password and query may be secret, and are never shown or written to Glance. Of the query only parameters
            such as C(version), C(release) or C(arch) tell one image from another where there is no checksum.
          - A wrong address is told at once. Interrupted downloads and busy servers are tried again.
        type: str
      file:
        description: File of the image on the host that the module runs on, with its whole path.
        type: path
      checksum:
        description:
          - C(sha256:) or C(sha512:), and the checksum of the file as it is published, also where O(images[].unpack) unpacks it
            and whatever encoding the server sends it in.
          - It is verified before the upload, and tells without a download whether Glance has the image already. Without
            it, an image with O(images[].url) is replaced only when the URL changes, and one with O(images[].file) is
            read on each run.
        type: str
      unpack:
        description:
          - Whether a file that is compressed with gzip, xz or bzip2 is unpacked, and what is in it uploaded. Such a file is
            refused otherwise, but for initial RAM disks, which may be compressed.
          - A file that is not compressed is uploaded as it is.
        type: bool
        default: false
      verify_format:
        description:
          - Whether the file is refused if it does not look like O(images[].disk_format). Turn this off for a disk that begins
            with the bytes of another format by chance or on purpose.
          - An empty file, and a qcow2 image that needs other files or is damaged, are refused in any case.
        type: bool
        default: true
      disk_format:
        description: Format of the disk.
        type: str
        choices: [qcow2, raw, aki, ari, ami, iso, ploop, vdi, vhd, vhdx, vmdk]
        default: qcow2
      container_format:
        description:
          - Format around the disk.
          - When not given, that of the same name with V(aki), V(ari) and V(ami), and else V(bare).
        type: str
        choices: [bare, aki, ari, ami, ova, ovf, docker]
      visibility:
        description: Who may use the image.
        type: str
        choices: [public, private, shared, community]
        default: public
      protected:
        description: Whether the image is protected from deletion by others. This module can delete it.
        type: bool
        default: false
      min_disk:
        description: Smallest disk that the image fits on, in GB. Left alone when not given.
        type: int
      min_ram:
        description: Smallest memory that the image runs with, in MB. Left alone when not given.
        type: int
      properties:
        description:
          - Custom properties, such as V(hw_disk_bus) or V(os_distro). Others that the image has are left alone.
          - A property that is null is removed. The property C(mikumo_source) is the module's own.
        type: dict
        default: {}
      kernel:
        description: Name of the image with the kernel. Sets the property C(kernel_id).
        type: str
      ramdisk:
        description: Name of the image with the initial RAM disk. Sets the property C(ramdisk_id).
        type: str
      state:
        description: Whether the image is there.
        type: str
        choices: [present, absent]
        default: present
seealso:
  - module: mikumo.openstack.images_info
  - module: mikumo.openstack.catalog
  - module: openstack.cloud.image
"""

EXAMPLES = r"""
- name: Offer Debian to all projects
  mikumo.openstack.images:
    auth:
      auth_url: http://controller:5000/v3
      username: admin
      password: "{{ keystone_admin_password }}"
    images:
      - name: debian-13
        url: https://cloud.example.org/debian-13-genericcloud-amd64.qcow2
        checksum: sha512:{{ debian_13_sha512 }}
        min_disk: 3
        properties:
          os_distro: debian
          hw_rng_model: virtio

- name: Upload a machine that is started with a kernel of its own
  mikumo.openstack.images:
    cloud: admin
    images:
      - name: tiny-kernel
        file: /srv/images/vmlinuz
        disk_format: aki
      - name: tiny-initrd
        file: /srv/images/initrd
        disk_format: ari
      - name: tiny
        file: /srv/images/disk.img
        disk_format: ami
        kernel: tiny-kernel
        ramdisk: tiny-initrd

- name: Offer an image that is published compressed
  mikumo.openstack.images:
    cloud: admin
    images:
      - name: appliance
        url: https://cloud.example.org/appliance.raw.xz
        checksum: sha256:{{ appliance_xz_sha256 }}
        unpack: true
        disk_format: raw

- name: Remove an image
  mikumo.openstack.images:
    cloud: admin
    images:
      - name: debian-12
        state: absent
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, one line each, in order. Empty if nothing.
  returned: success
  type: list
  elements: str
  sample:
    - "image debian-13: uploaded from https://cloud.example.org/debian-13-genericcloud-amd64.qcow2"
    - "image tiny: min_ram 0 -> 64"
ids:
  description:
    - The ids of the described images that are present, by name.
    - In check mode the id of an image that is not there yet is null.
  returned: success
  type: dict
  sample:
    tiny: 1bea47ed-f6a9-463b-b423-14b9cca9ad27
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._cloud_module import REQUIRED, empty_host, run_module
from ansible_collections.mikumo.openstack.plugins.module_utils._differences import Differences
from ansible_collections.mikumo.openstack.plugins.module_utils._download import Downloads
from ansible_collections.mikumo.openstack.plugins.module_utils._images import Images
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import (
    Access,
    Api,
    Cloud,
    CloudError,
    Nothing,
)
from ansible_collections.mikumo.openstack.plugins.module_utils._web_address import secrets

FIRST_RUN = "predicts a first run, which uploads everything"
ARGUMENTS: dict[str, Any] = {
    "active_timeout": {"type": "int", "default": 300},
    "cache_dir": {"type": "path", "default": "/var/cache/mikumo/images"},
    "download_ca_cert": {"type": "path"},
    "images": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "mutually_exclusive": [("url", "file")],
        "options": {
            "name": REQUIRED,
            "url": {"type": "str"},
            "file": {"type": "path"},
            "checksum": {"type": "str"},
            "unpack": {"type": "bool", "default": False},
            "verify_format": {"type": "bool", "default": True},
            "disk_format": {
                "type": "str",
                "choices": ["qcow2", "raw", "aki", "ari", "ami", "iso", "ploop", "vdi", "vhd", "vhdx", "vmdk"],
                "default": "qcow2",
            },
            "container_format": {
                "type": "str",
                "choices": ["bare", "aki", "ari", "ami", "ova", "ovf", "docker"],
            },
            "visibility": {
                "type": "str",
                "choices": ["public", "private", "shared", "community"],
                "default": "public",
            },
            "protected": {"type": "bool", "default": False},
            "min_disk": {"type": "int"},
            "min_ram": {"type": "int"},
            "properties": {"type": "dict", "default": {}},
            "kernel": {"type": "str"},
            "ramdisk": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
}


def run(module: AnsibleModule) -> dict[str, Any]:
    options, check = module.params, module.check_mode
    differences = Differences()
    downloads = Downloads(Path(options["cache_dir"]), options["api_timeout"], options["download_ca_cert"])
    api: Api
    try:
        cloud = Cloud(Access.from_options(options, check))
        api, project_id, assume = cloud.image(), cloud.project_id(), False
    except CloudError as error:
        empty_host(module, error, FIRST_RUN)
        api, project_id, assume = Nothing(), None, True
    images = Images(
        api,
        differences,
        downloads,
        project_id=project_id,
        wait=options["active_timeout"],
        check=check,
        assume=assume,
    )
    try:
        ids = images.converge(options["images"])
    except CloudError as error:
        # Glance may be in the catalog and not started yet.
        empty_host(module, error, FIRST_RUN)
        differences = Differences()
        images = Images(Nothing(), differences, downloads, check=True, assume=True)
        ids = images.converge(options["images"])
    for warning in images.warnings:
        module.warn(warning)
    return {"changed": differences.changed, "changes": differences.changes, "ids": ids, "diff": differences.diff}


def secret_parts(options: Mapping[str, Any]) -> set[str]:
    """Of arguments that may be wrong ones."""
    images = options.get("images")
    entries = [one for one in images if isinstance(one, Mapping)] if isinstance(images, list) else []
    urls = [
        url for entry in entries for url in (entry["url"] if isinstance(entry.get("url"), list) else [entry.get("url") or ""])
    ]
    return {part for url in urls for part in secrets(str(url))}


def main() -> None:
    run_module(ARGUMENTS, run, secret_parts)


if __name__ == "__main__":
    main()
