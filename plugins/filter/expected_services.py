# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: expected_services
version_added: 0.1.0
short_description: List the services and agents that must be alive on these hosts
description:
  - Returns the list for the option O(mikumo.openstack.services_alive#module:expected) of M(mikumo.openstack.services_alive).
  - Skips hosts without facts. A run may therefore be limited to some hosts.
positional: _input
options:
  _input:
    description: Names of hosts in the inventory.
    type: list
    elements: str
    required: true
  hostvars:
    description: Variables of all hosts, C(hostvars). The filter uses only the facts.
    type: dict
    required: true
  groups:
    description: Hosts by group, C(groups).
    type: dict
    required: true
  services:
    description: Services of the cloud, C(cloud_services).
    type: list
    elements: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Wait until all services on the hosts of this play are alive
  mikumo.openstack.services_alive:
    cloud: admin
    expected: "{{ ansible_play_hosts | mikumo.openstack.expected_services(hostvars, groups, cloud_services) }}"
"""

RETURN = r"""
_value:
  description: Programs and the hosts that they run on, by the names that the services report.
  type: list
  elements: dict
  sample: [{binary: nova-compute, host: compute1.example.org}]
"""

import typing as t
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.mikumo.openstack.plugins.plugin_utils._site import expected_services as find


def expected_services(
    hosts: Iterable[str], hostvars: Mapping[str, t.Any], groups: Mapping[str, t.Any], services: Iterable[str]
) -> list[dict[str, str]]:
    facts = {host: hostvars[host].get("ansible_facts") or {} for host in hosts}
    # Services report the kernel's host name, which may be fully qualified.
    return find(groups, {host: of["nodename"] for host, of in facts.items() if "nodename" in of}, services)


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"expected_services": expected_services}
