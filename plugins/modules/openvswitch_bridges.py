#!/usr/bin/python
# Copyright: the Mikumo authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: openvswitch_bridges
short_description: Bridges of Open vSwitch and the interfaces in them
version_added: 0.1.0
description:
  - Makes sure that bridges exist and have the given interface as a port. Other bridges and ports are left alone, since
    Neutron's agent has its own.
author: The Mikumo authors
options:
  bridges:
    description: Bridges.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the bridge.
        type: str
        required: true
      interface:
        description: Interface of the node that becomes a port of the bridge.
        type: str
attributes:
  check_mode:
    description: Can run in check mode. Where Open vSwitch does not run yet, everything would be created.
    support: full
  diff_mode:
    description: Shows bridges and ports.
    support: full
  idempotent:
    description: Does nothing when the bridges have their ports.
    support: full
"""

EXAMPLES = r"""
- name: The way to the outside
  mikumo.openstack.openvswitch_bridges:
    bridges:
      - {name: br-external, interface: eth2}
"""

RETURN = r"""
missing:
  description: Bridges and ports that were not there, as C(bridge) or C(bridge interface).
  type: list
  elements: str
  returned: always
"""

import json

from ansible.module_utils.basic import AnsibleModule

# Seconds that ovs-vsctl waits for the switch to take over what was written.
TIMEOUT = "--timeout=60"


def found_ports(table: str) -> dict[str, list[str]]:
    """Ports by bridge, from ovs-vsctl's JSON output of two tables, one a line."""
    bridges, ports = (json.loads(line)["data"] for line in table.splitlines())
    names = {uuid[1]: name for uuid, name in ports}

    def references(column: list) -> list[str]:
        # One element is written as itself, several as a set.
        kind, value = column
        return [names[value]] if kind == "uuid" else [names[item[1]] for item in value]

    return {name: references(column) for name, column in bridges}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "bridges": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {"name": {"type": "str", "required": True}, "interface": {"type": "str"}},
            }
        },
        supports_check_mode=True,
    )
    wanted = module.params["bridges"]
    command = ["ovs-vsctl", TIMEOUT, "--format=json"]
    listing = ["--columns=name,ports", "list", "Bridge", "--", "--columns=_uuid,name", "list", "Port"]
    rc, out, err = module.run_command([*command, "--", *listing]) if module.get_bin_path("ovs-vsctl") else (1, "", "no ovs-vsctl")
    if rc != 0 and not module.check_mode:
        module.fail_json(msg=f"Open vSwitch's database cannot be read: {err.strip()}. See `journalctl -u openvswitch-switch`.")
    found = found_ports(out) if rc == 0 else {}

    missing: list[str] = []
    changes: list[str] = []
    for bridge in wanted:
        name, interface = bridge["name"], bridge["interface"]
        if name not in found:
            missing.append(name)
            changes += ["--", "--may-exist", "add-br", name]
        if interface and interface not in found.get(name, []):
            missing.append(f"{name} {interface}")
            changes += ["--", "--may-exist", "add-port", name, interface]

    lines = [
        line
        for bridge in wanted
        for line in (bridge["name"], f"{bridge['name']} {bridge['interface']}" if bridge["interface"] else "")
        if line
    ]
    diff = {
        "before": "".join(f"{line}\n" for line in lines if line not in missing),
        "after": "".join(f"{line}\n" for line in lines),
    }
    if changes and not module.check_mode:
        rc, out, err = module.run_command(["ovs-vsctl", TIMEOUT, *changes])
        if rc != 0:
            module.fail_json(msg=f"Open vSwitch refused {', '.join(missing)}: {err.strip()}", missing=missing)
    module.exit_json(changed=bool(changes), missing=missing, diff=diff)


if __name__ == "__main__":
    main()
