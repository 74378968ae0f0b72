#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: read a Keystone catalog."""

from __future__ import annotations

DOCUMENTATION = r"""
module: catalog_info
short_description: Read a whole Keystone catalog in one call
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Reads domains, projects, roles, users with their roles, services and endpoints, in the form that
    M(mikumo.openstack.catalog) takes. That module changes nothing if you pass it the result unchanged.
  - The result has no passwords, because Keystone does not return them. It also omits disabled domains, groups and their
    roles, inherited roles, and all but one of several duplicate services.
extends_documentation_fragment:
  - mikumo.openstack.access
  - mikumo.openstack.reading
attributes:
  check_mode:
    support: full
    description:
      - This module does not modify state.
      - If nothing answers in C(check_mode), as on an empty host, the module warns and returns an empty catalog.
options: {}
seealso:
  - module: mikumo.openstack.catalog
  - module: openstack.cloud.catalog_service_info
"""

EXAMPLES = r"""
- name: Read the catalog
  mikumo.openstack.catalog_info:
    cloud: admin
  register: found

- name: Show the public endpoint of the image service
  ansible.builtin.debug:
    msg: "{{ found.catalog.services | selectattr('type', 'eq', 'image') | map(attribute='endpoints.public') | first }}"

- name: Copy projects and roles to another cloud
  mikumo.openstack.catalog:
    cloud: another
    projects: "{{ found.catalog.projects }}"
    roles: "{{ found.catalog.roles }}"
"""

RETURN = r"""
catalog:
  description: The lists C(domains), C(projects), C(roles), C(users) and C(services).
  returned: success
  type: dict
  sample:
    services:
      - name: glance
        type: image
        region_name: RegionOne
        enabled: true
        endpoints:
          public: https://cloud.example.org:9292
ids:
  description: IDs, by kind and name. A project or user outside the domain Default appears as C(NAME@DOMAIN).
  returned: success
  type: dict
  sample:
    projects:
      service: 8ad9c0b1f4a24dd0a3b0f4f5c5a0a8b1
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._catalog_info import CatalogInfo
from ansible_collections.mikumo.openstack.plugins.module_utils._cloud_module import empty_host, run_module
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Access, Api, Cloud, CloudError, Nothing


def run(module: AnsibleModule) -> dict[str, Any]:
    api: Api
    try:
        api = Cloud(Access.from_options(module.params, module.check_mode)).identity()
    except CloudError as error:
        empty_host(module, error, "reports an empty catalog")
        api = Nothing()
    info = CatalogInfo(api, module.params["region_name"])
    return {"changed": False, "catalog": info.description(), "ids": info.ids()}


def main() -> None:
    run_module({}, run)


if __name__ == "__main__":
    main()
