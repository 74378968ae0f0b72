#!/usr/bin/python
# Copyright: the Mikumo authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: services_alive
short_description: Wait until services and agents of a cloud report themselves alive
version_added: 0.1.0
description:
  - Asks Nova, Neutron and Cinder for their services and agents until each of the expected ones is alive.
  - A router that is created before the network node's agents are alive fails for good, so that this is the gate between
    installing a cloud and using it.
author: The Mikumo authors
requirements: [openstacksdk]
options:
  cloud:
    description: Name of the cloud in C(clouds.yaml).
    type: str
    required: true
  expected:
    description: Services and agents that have to be alive.
    type: list
    elements: dict
    required: true
    suboptions:
      binary:
        description: Name of the program, such as V(nova-compute), V(neutron-l3-agent) or V(cinder-volume).
        type: str
        required: true
      host:
        description: Name of the host that it runs on. Cinder's back end after C(@) does not count.
        type: str
        required: true
  timeout:
    description: Seconds to wait. A node with one slow core needs minutes after it was started.
    type: int
    default: 300
attributes:
  check_mode:
    description: Can run in check mode, in which it looks once and does not fail.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: The network node's router agent
  mikumo.openstack.services_alive:
    cloud: mikumo
    expected:
      - {binary: neutron-l3-agent, host: network}
"""

RETURN = r"""
alive:
  description: What is alive, as C(binary on host).
  type: list
  elements: str
  returned: always
silent:
  description: What was expected and is not alive, as C(binary on host).
  type: list
  elements: str
  returned: always
"""

import time
import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    import openstack

    SDK_ERROR = None
except ImportError:
    SDK_ERROR = traceback.format_exc()

Alive = set[tuple[str, str]]


def alive_services(connection: Any, binaries: set[str]) -> Alive:
    """Binaries and hosts that the APIs concerned call alive."""
    found: Alive = set()
    if any(binary.startswith("nova-") for binary in binaries):
        found |= {(item.binary, item.host) for item in connection.compute.services() if item.state == "up"}
    if any(binary.startswith("neutron-") for binary in binaries):
        found |= {(item.binary, item.host) for item in connection.network.agents() if item.is_alive}
    if any(binary.startswith("heat-") for binary in binaries):
        engines = connection.orchestration.get("/services").json()["services"]
        found |= {(item["binary"], item["host"]) for item in engines if item["status"] == "up"}
    if any(binary.startswith("cinder-") for binary in binaries):
        found |= {
            (item.binary, item.host.partition("@")[0]) for item in connection.block_storage.services() if item.state == "up"
        }
    return found


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "cloud": {"type": "str", "required": True},
            "expected": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "binary": {"type": "str", "required": True},
                    "host": {"type": "str", "required": True},
                },
            },
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    if SDK_ERROR and module.check_mode:
        module.exit_json(changed=False, alive=[], silent=[], msg="openstacksdk is not installed yet")
    if SDK_ERROR:
        module.fail_json(msg=missing_required_lib("openstacksdk"), exception=SDK_ERROR)

    wanted = {(item["binary"], item["host"]) for item in module.params["expected"]}
    deadline = time.monotonic() + module.params["timeout"]
    found: Alive = set()
    trouble = ""
    while True:
        try:
            connection = openstack.connect(cloud=module.params["cloud"])
            found = alive_services(connection, {binary for binary, _host in wanted})
            trouble = ""
        # An API that is not up yet, or is restarted at this moment, answers with any of these.
        except (openstack.exceptions.SDKException, OSError) as error:
            trouble = f" The last question was answered with: {error}"
        except Exception as error:  # keystoneauth's exceptions share no base with the SDK's
            if not type(error).__module__.startswith("keystoneauth1"):
                raise
            trouble = f" The last question was answered with: {error}"
        silent = sorted(f"{binary} on {host}" for binary, host in wanted - found)
        result = {"alive": sorted(f"{binary} on {host}" for binary, host in wanted & found), "silent": silent}
        if not silent or module.check_mode:
            module.exit_json(changed=False, **result)
        if time.monotonic() > deadline:
            module.fail_json(
                msg=f"Not alive after {module.params['timeout']} s: {', '.join(silent)}.{trouble} Look at `journalctl -u BINARY`"
                " on the host.",
                **result,
            )
        time.sleep(3)


if __name__ == "__main__":
    main()
