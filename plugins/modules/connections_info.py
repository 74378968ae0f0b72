#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: find out why a node's services cannot reach those of another node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: connections_info
short_description: Diagnose unreachable ports, firewall rules and units of a node
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Opens connections to all ports at the same time, and closes them again without sending data.
  - Use it when a service does not come up and a plain timeout does not explain why.
extends_documentation_fragment:
  - mikumo.openstack.reading
attributes:
  check_mode:
    support: full
    description: This module does not modify state.
options:
  name:
    description: Name of this node in messages. Defaults to its host name.
    type: str
  targets:
    description: Ports to connect to.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Address or name.
        type: str
        required: true
      port:
        description: Number of the TCP port.
        type: int
        required: true
      purpose:
        description: Name of the service on this port, for messages.
        type: str
        default: ""
  units:
    description: Units of this node. The module returns the end of each unit's journal, whether the unit is active or not.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for a connection.
    type: float
    default: 3
  secrets:
    description: Values to mask in the journal lines.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Find out why a compute node's agent is silent
  mikumo.openstack.connections_info:
    targets:
      - {host: 10.0.0.11, port: 5672, purpose: RabbitMQ}
      - {host: 10.0.0.11, port: 9696, purpose: Neutron}
    units: [neutron-openvswitch-agent]
  register: found

- name: Show the problems
  ansible.builtin.debug:
    msg: "{{ found.problems }}"
"""

RETURN = r"""
problems:
  description: One message for each port that is not open.
  type: list
  elements: str
  returned: always
  sample:
    - "port 9696 of 10.0.0.11 (Neutron) cannot be reached from compute: Network is down"
filters:
  description: Chains of this node's packet filter that drop or reject packets. Empty without root privileges.
  type: list
  elements: str
  returned: always
  sample: ["nft: chain input of table inet filter (hook input) has the policy drop"]
connections:
  description: Outcome of each attempt, in the order of O(targets).
  type: list
  elements: dict
  returned: always
  sample: [{host: 10.0.0.11, port: 5672, outcome: timed out}]
  contains:
    host:
      description: The target's host.
      type: str
    port:
      description: The target's port.
      type: int
    outcome:
      description: V(open), V(refused), V(timed out), V(rejected), V(unreachable) or V(unknown name).
      type: str
units:
  description: State and end of the journal of each unit in O(units).
  type: list
  elements: str
  returned: always
"""

import platform
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import run
from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import mask
from ansible_collections.mikumo.openstack.plugins.module_utils._connections import Target, attempts, sentence
from ansible_collections.mikumo.openstack.plugins.module_utils._firewall import filters
from ansible_collections.mikumo.openstack.plugins.module_utils._units import Systemctl, UnitsError

ARGUMENTS: dict[str, Any] = {
    "name": {"type": "str"},
    "targets": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "purpose": {"type": "str", "default": ""},
        },
    },
    "units": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "float", "default": 3},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
}
JOURNAL_LINES = 10


def unit_lines(systemctl: Systemctl, units: list[str], secrets: list[str]) -> list[str]:
    names = [unit if "." in unit else f"{unit}.service" for unit in units]
    try:
        states = systemctl.show(names) if names else {}
    except UnitsError as error:
        return [f"the state of the units cannot be read: {error}"]
    return [
        f"{name} is {state.describe()}. The end of its journal:\n"
        + mask("\n".join(systemctl.journal(name).splitlines()[-JOURNAL_LINES:]), secrets)
        for name, state in states.items()
    ]


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    name = params["name"] or platform.node()
    targets = [Target(one["host"], one["port"], one["purpose"]) for one in params["targets"]]
    found = attempts(targets, params["timeout"])
    module.exit_json(
        changed=False,
        problems=[text for one in found if (text := sentence(one, name, params["timeout"]))],
        connections=[{"host": one.target.host, "port": one.target.port, "outcome": one.outcome} for one in found],
        filters=filters(run),
        units=unit_lines(Systemctl(timeout=30), params["units"], params["secrets"]),
    )


if __name__ == "__main__":
    main()
