#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: read the images of a project."""

from __future__ import annotations

DOCUMENTATION = r"""
module: images_info
short_description: Read a project's images from Glance in one call
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Reads the images of the project that O(auth) logs in to, in the form that M(mikumo.openstack.images) takes. That module
    changes nothing if you pass it the result unchanged.
  - If several images share a name, the module returns the newest. It omits images without data. For images of other
    projects see M(openstack.cloud.image_info).
extends_documentation_fragment:
  - mikumo.openstack.access
  - mikumo.openstack.reading
attributes:
  check_mode:
    support: full
    description:
      - This module does not modify state.
      - If nothing answers in C(check_mode), as on an empty host, the module warns and returns no images.
options:
  names:
    description: Names of the images to return. If empty, the module returns all images.
    type: list
    elements: str
    default: []
seealso:
  - module: mikumo.openstack.images
  - module: openstack.cloud.image_info
"""

EXAMPLES = r"""
- name: Read the project's images
  mikumo.openstack.images_info:
    cloud: admin
  register: found

- name: Fail early if an image is missing
  ansible.builtin.assert:
    that: "'debian-13' in found.details"
    fail_msg: "Found only {{ found.details | join(', ') }}."
"""

RETURN = r"""
images:
  description: The images as M(mikumo.openstack.images) describes them, by name.
  returned: success
  type: list
  elements: dict
  sample:
    - name: debian-13
      disk_format: qcow2
      container_format: bare
      visibility: public
      checksum: sha512:6f0c...
      properties:
        os_distro: debian
details:
  description: Further data from Glance on each image, by name. C(size) is in bytes.
  returned: success
  type: dict
  sample:
    debian-13:
      id: 1bea47ed-f6a9-463b-b423-14b9cca9ad27
      status: active
      size: 351272960
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._cloud_module import empty_host, run_module
from ansible_collections.mikumo.openstack.plugins.module_utils._images_info import read_images
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Access, Cloud, CloudError, Nothing

ARGUMENTS: dict[str, Any] = {"names": {"type": "list", "elements": "str", "default": []}}


def run(module: AnsibleModule) -> dict[str, Any]:
    names = module.params["names"]
    try:
        cloud = Cloud(Access.from_options(module.params, module.check_mode))
        images, details = read_images(cloud.image(), cloud.project_id(), names)
    except CloudError as error:
        empty_host(module, error, "reports no images")
        images, details = read_images(Nothing(), None, names)
    return {"changed": False, "images": images, "details": details}


def main() -> None:
    run_module(ARGUMENTS, run)


if __name__ == "__main__":
    main()
