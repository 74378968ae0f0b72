#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: what tempest.conf has to say of a cloud."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tempest_config_info
short_description: Find out what Tempest has to know of a cloud
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Asks a cloud's APIs for what Tempest is told in C(tempest.conf), which services, versions and extensions there are, and which
    images, flavours and external network the tests can use.
  - The answer is the data for M(mikumo.openstack.service) and the filter P(mikumo.openstack.oslo_config#filter). It holds no
    password.
  - What no API says, such as whether the consoles work, is not in it.
extends_documentation_fragment:
  - mikumo.openstack.access
  - mikumo.openstack.reading
options:
  image:
    description: Name of the public image that instances boot. The smallest one if not given.
    type: str
    default: ""
  image_alt:
    description: Name of another image, for tests that need two. The second smallest if not given, or the same again.
    type: str
    default: ""
  flavor:
    description: Name of the flavour of instances. The smallest one that the images run with if not given.
    type: str
    default: ""
  flavor_alt:
    description: Name of the flavour that instances are resized to. The next larger one if not given.
    type: str
    default: ""
  external_network:
    description: Name of the network that floating addresses come from. The only external one if not given.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description:
      - This module does not modify state.
      - Where nothing answers in C(check_mode), as on an empty host, the sections are returned empty, with a warning.
seealso:
  - module: mikumo.openstack.service
"""

EXAMPLES = r"""
- name: What there is to test
  mikumo.openstack.tempest_config_info:
    cloud: admin
    interface: public
  register: found

- name: Write it
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
    """URL at which an API says what versions it has: that of the version, without a project's id behind it."""
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
        answers["flavors"] = nova.list("/flavors/detail", "flavors", "flavours", is_public="none")
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
    """The last of the versions that an API lists."""
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
