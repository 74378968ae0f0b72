#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: gather the settings for tempest.conf from a cloud."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tempest_config_info
short_description: Gather Tempest's configuration from a cloud
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Queries a cloud's APIs for the settings that Tempest needs in C(tempest.conf). These are the available services, versions
    and extensions, and the images, flavors and external network that the tests can use.
  - Write the result to a file with M(mikumo.openstack.service) and the filter P(mikumo.openstack.oslo_config#filter). It
    contains no password.
  - The result omits everything that no API reports, such as whether the consoles work.
extends_documentation_fragment:
  - mikumo.openstack.access
  - mikumo.openstack.reading
options:
  image:
    description: Name of the public image that instances boot. Defaults to the smallest one.
    type: str
    default: ""
  image_alt:
    description:
      - Name of another image, for tests that need two.
      - Defaults to the second smallest image, or to O(image) if there is only one.
    type: str
    default: ""
  flavor:
    description: Name of the flavor for instances. Defaults to the smallest one that fits the images.
    type: str
    default: ""
  flavor_alt:
    description: Name of the flavor that tests resize instances to. Defaults to the next larger one.
    type: str
    default: ""
  external_network:
    description: Name of the network for floating IPs. Defaults to the only external network.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description:
      - This module does not modify state.
      - If nothing answers in C(check_mode), as on an empty host, the module warns and returns no sections.
seealso:
  - module: mikumo.openstack.service
"""

EXAMPLES = r"""
- name: Gather the settings for Tempest
  mikumo.openstack.tempest_config_info:
    cloud: admin
    interface: public
  register: found

- name: Write tempest.conf
  mikumo.openstack.service:
    files:
      - path: /root/tempest.conf
        content: "{{ found.config | mikumo.openstack.oslo_config }}"
        mode: "0600"
"""

RETURN = r"""
config:
  description: Sections of C(tempest.conf), each a dictionary of options.
  returned: success
  type: dict
  sample:
    identity:
      uri_v3: https://cloud.example.org:5000/v3
      region_name: RegionOne
    service_available:
      cinder: true
      swift: false
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._cloud_module import empty_host, run_module
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Access, Cloud, CloudError, Record, versioned
from ansible_collections.mikumo.openstack.plugins.module_utils._tempest import Found, Wishes, config, service_type

WISHES = ("image", "image_alt", "flavor", "flavor_alt", "external_network")


def root(api_url: str) -> str:
    """Return the URL of an API version's document: the endpoint without a trailing project ID."""
    head, found, _tail = api_url.partition("/v3/")
    return f"{head}/v3/" if found else f"{api_url}/"


def ask(cloud: Cloud, region: str) -> Found:
    services = cloud.service_types()
    answers: dict[str, Any] = {}
    if service_type(services, "glance"):
        glance = cloud.image()
        answers["images"] = glance.list("/images", "images", "images")
        answers["image_schema"] = glance.get("/schemas/image", "the schema of images")
    if service_type(services, "nova"):
        nova = cloud.service("compute", "Nova")
        answers["flavors"] = nova.list("/flavors/detail", "flavors", "flavors", is_public="none")
        answers["compute_services"] = nova.list("/os-services", "services", "compute services")
        answers["compute_version"] = nova.get(root(nova.url), "the version of the API")["version"]
    if service_type(services, "neutron"):
        neutron = cloud.service("network", "Neutron")
        base = versioned(neutron.url, "v2.0")
        answers["networks"] = neutron.list(f"{base}/networks", "networks", "networks")
        answers["extensions"] = neutron.list(f"{base}/extensions", "extensions", "extensions")
    cinder_type = service_type(services, "cinder")
    if cinder_type:
        cinder = cloud.service(cinder_type, "Cinder")
        answers["volume_services"] = cinder.list("/os-services", "services", "volume services")
        answers["pools"] = cinder.list("/scheduler-stats/get_pools", "pools", "pools", detail="true")
        answers["volume_version"] = newest_of(cinder.get(root(cinder.url), "the version of the API"))
    if "placement" in services:
        placement = cloud.service("placement", "Placement")
        answers["placement_version"] = newest_of(placement.get(f"{placement.url}/", "the version of the API"))
    return Found(auth_url=cloud.auth_url, region=region, services=services, **answers)


def newest_of(answer: Record) -> Record:
    """Return the last of the versions that an API lists."""
    versions: list[Record] = answer["versions"]
    return versions[-1]


def run(module: AnsibleModule) -> dict[str, Any]:
    try:
        cloud = Cloud(Access.from_options(module.params, module.check_mode))
        found = ask(cloud, module.params["region_name"] or "")
    except CloudError as error:
        empty_host(module, error, "reports no sections")
        return {"changed": False, "config": {}}
    wishes = Wishes(**{name: module.params[name] for name in WISHES})
    return {"changed": False, "config": config(found, wishes, module.params["interface"])}


def main() -> None:
    run_module({name: {"type": "str", "default": ""} for name in WISHES}, run)


if __name__ == "__main__":
    main()
