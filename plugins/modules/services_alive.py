#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: wait until services and agents report themselves alive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: services_alive
short_description: Wait until services and agents of a cloud report themselves alive
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Polls Nova, Neutron, Cinder and Heat until each of the expected services and agents is alive.
  - Tells which compute hosts are not mapped into a cell yet. Nova starts no instances there.
  - Run it between installing a cloud and using it. A router that is created before the network node's agents are alive never
    recovers.
extends_documentation_fragment:
  - mikumo.openstack.access
  - mikumo.openstack.reading
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode). It then checks only once and does not fail.
options:
  expected:
    description: Services and agents that must be alive.
    type: list
    elements: dict
    required: true
    suboptions:
      binary:
        description: Name of the program, such as V(nova-compute), V(neutron-l3-agent) or V(cinder-volume).
        type: str
        required: true
      host:
        description: Name of the host that it runs on. The module ignores the back end after the C(@) in Cinder's host names.
        type: str
        required: true
  alive_timeout:
    description: Seconds to wait until all are alive. A node with one slow core needs minutes after booting.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Wait for the network node's L3 agent
  mikumo.openstack.services_alive:
    cloud: admin
    expected:
      - {binary: neutron-l3-agent, host: network}
"""

RETURN = r"""
alive:
  description: Expected services and agents that are alive, as C(binary on host).
  type: list
  elements: str
  returned: always
silent:
  description: Expected services and agents that are not alive, as C(binary on host).
  type: list
  elements: str
  returned: always
unmapped:
  description: Expected compute hosts that are alive, but not mapped into a cell. M(mikumo.openstack.nova_cells) maps them.
  type: list
  elements: str
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._cloud_module import REQUIRED, empty_host, run_module
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Access, Cloud, CloudError
from ansible_collections.mikumo.openstack.plugins.module_utils._services import Service, registry_of, unmapped, wait

ARGUMENTS: dict[str, Any] = {
    "expected": {"type": "list", "elements": "dict", "required": True, "options": {"binary": REQUIRED, "host": REQUIRED}},
    "alive_timeout": {"type": "int", "default": 300},
}


def named(services: set[Service]) -> list[str]:
    return sorted(f"{binary} on {host}" for binary, host in services)


COMPUTE = "nova-compute"


def run(module: AnsibleModule) -> dict[str, Any]:
    seconds = 0 if module.check_mode else module.params["alive_timeout"]
    expected = {(item["binary"], item["host"]) for item in module.params["expected"]}
    trouble = ""
    computes = {host for binary, host in expected if binary == COMPUTE}
    try:
        cloud = Cloud(Access.from_options(module.params, module.check_mode))
        silent, trouble = wait(lambda of: cloud.service(of.service_type, of.name, of.version), expected, seconds)
        computes -= {host for binary, host in silent if binary == COMPUTE}
        nova = registry_of(COMPUTE)
        not_mapped = unmapped(cloud.service(nova.service_type, nova.name, nova.version), computes) if computes else []
    except CloudError as error:
        empty_host(module, error, "considers nothing alive")
        silent, not_mapped = expected, sorted(computes)
    result = {"changed": False, "alive": named(expected - silent), "silent": named(silent), "unmapped": not_mapped}
    if silent and not module.check_mode:
        module.fail_json(
            msg=f"Not alive after {seconds} s: {', '.join(result['silent'])}. Look at `journalctl -u BINARY` on the host."
            + (f" The last error was: {trouble}" if trouble else ""),
            **result,
        )
    return result


def main() -> None:
    run_module(ARGUMENTS, run)


if __name__ == "__main__":
    main()
