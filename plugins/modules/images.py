#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: manage all images of a site in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: images
short_description: Manage Glance's images in one call
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Downloads images, verifies their checksums, and uploads them to Glance, all in one call.
  - Uploads an image under the name C(NAME.uploading), and renames it when it is active. The module removes the remains of an
    interrupted run and uploads the image again.
  - Replaces an image if its content or format differs from the description. When the new image is active, the module deletes
    the old one, or renames and hides it if it is in use. It changes all other settings in place.
  - Inspects files before the first upload. The module refuses a file that cannot be an image of the described format, and
    says why. Examples are an error page, an archive, compressed or truncated data, or a qcow2 image that needs another file.
    The module recognizes formats by their first bytes, and needs no library for that.
  - The module owns the described names within the project that O(auth) logs in to. Other images with such a name in that
    project are duplicates. The module deletes duplicates that it uploaded itself. It keeps all others, but renames and
    hides them, with a warning. It does not change hidden images or those of other projects.
extends_documentation_fragment:
  - mikumo.openstack.access
attributes:
  check_mode:
    support: full
    description:
      - Can run in C(check_mode) and return changed status prediction without modifying target.
      - If nothing answers, Glance is not in the catalog, or the Python libraries are not installed yet, as on an empty host,
        the module warns and predicts that it uploads everything.
      - Check mode downloads nothing. It therefore predicts that an image with a C(url) is replaced if other means put it into
        Glance. The real run downloads the image and may find that it is the same.
  diff_mode:
    support: full
    description: Will return details on what has changed (or would in C(check_mode)), when in diff mode.
  idempotent:
    support: full
    description: A second run with the same arguments changes nothing and downloads nothing.
options:
  active_timeout:
    description: Seconds to wait until an uploaded image is active.
    type: int
    default: 300
  cache_dir:
    description:
      - Directory for downloads, on the host that the module runs on.
      - You can delete its contents at any time.
    type: path
    default: /var/cache/mikumo/images
  download_ca_cert:
    description: Like O(ca_cert), but for the servers that the module downloads images from.
    type: path
  images:
    description: Images to manage, in any order. The module uploads kernels and ramdisks first.
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
          - URL to download the image from, C(http) or C(https). The environment's C(http_proxy), C(https_proxy) and
            C(no_proxy) apply.
          - User, password and query may be secret. The module never shows them or writes them to Glance. Without a checksum,
            only query parameters such as C(version), C(release) or C(arch) distinguish one image from another.
          - The module fails immediately if the URL is wrong. It retries if a download breaks off or a server is busy.
        type: str
      file:
        description: Absolute path of the image file on the host that the module runs on.
        type: path
      checksum:
        description:
          - C(sha256:) or C(sha512:), followed by the checksum of the file as published, before O(images[].unpack) and
            regardless of the content encoding that the server uses.
          - The module verifies it before the upload. With a checksum, the module needs no download to find out whether Glance
            already has the image. Without one, the module replaces an image with O(images[].url) only if the URL changes,
            and reads an image with O(images[].file) on each run.
        type: str
      unpack:
        description:
          - Whether to decompress a file that is compressed with gzip, xz or bzip2, and upload the result. Otherwise the
            module refuses compressed files, except initial RAM disks.
          - The module uploads an uncompressed file as it is.
        type: bool
        default: false
      verify_format:
        description:
          - Whether to refuse a file that does not look like O(images[].disk_format). Turn this off for a disk that begins
            with the bytes of another format by chance or on purpose.
          - The module always refuses an empty file, and a qcow2 image that is damaged or needs other files.
        type: bool
        default: true
      disk_format:
        description: Disk format of the image.
        type: str
        choices: [qcow2, raw, aki, ari, ami, iso, ploop, vdi, vhd, vhdx, vmdk]
        default: qcow2
      container_format:
        description:
          - Container format of the image.
          - Defaults to the same name for the disk formats V(aki), V(ari) and V(ami), and to V(bare) for all others.
        type: str
        choices: [bare, aki, ari, ami, ova, ovf, docker]
      visibility:
        description: Who may use the image.
        type: str
        choices: [public, private, shared, community]
        default: public
      protected:
        description: Whether the image is protected from deletion by others. This module can still delete it.
        type: bool
        default: false
      min_disk:
        description: Minimum disk size that the image needs, in GB. Left unchanged by default.
        type: int
      min_ram:
        description: Minimum memory that the image needs, in MB. Left unchanged by default.
        type: int
      properties:
        description:
          - Custom properties, such as V(hw_disk_bus) or V(os_distro). The module leaves the image's other properties alone.
          - A null value removes the property. The property C(mikumo_source) is reserved for the module.
        type: dict
        default: {}
      kernel:
        description: Name of the kernel image. Sets the property C(kernel_id).
        type: str
      ramdisk:
        description: Name of the initial RAM disk image. Sets the property C(ramdisk_id).
        type: str
      state:
        description: Whether the image exists.
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

- name: Upload a machine image that boots with a separate kernel
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

- name: Upload an image that is published in compressed form
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
  description: The changes that the module made, or in check mode would make, one line each, in order.
  returned: success
  type: list
  elements: str
  sample:
    - "image debian-13: uploaded from https://cloud.example.org/debian-13-genericcloud-amd64.qcow2"
    - "image tiny: min_ram 0 -> 64"
ids:
  description:
    - IDs of the described images that are present, by name.
    - In check mode the ID of an image that does not exist yet is null.
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
        # Glance may be in the catalog but not running yet.
        empty_host(module, error, FIRST_RUN)
        differences = Differences()
        images = Images(Nothing(), differences, downloads, check=True, assume=True)
        ids = images.converge(options["images"])
    for warning in images.warnings:
        module.warn(warning)
    return {"changed": differences.changed, "changes": differences.changes, "ids": ids, "diff": differences.diff}


def secret_parts(options: Mapping[str, Any]) -> set[str]:
    """Return the secret parts of the URLs. The arguments may be invalid."""
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
