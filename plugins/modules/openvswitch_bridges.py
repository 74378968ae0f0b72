#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openvswitch_bridges
short_description: Manage Open vSwitch bridges and their interfaces
version_added: 0.1.0
description:
  - Makes sure that bridges exist, that each has the given interface as a port, and that this interface is up.
  - O(bridges) must list all bridges that this collection manages on the node. If an interface that the module added is no
    longer listed for its bridge, the module removes it in the same transaction that adds the new one. The bridge itself stays.
  - The module marks the ports that it adds with C(external_ids:mikumo=uplink). It never removes ports without this mark,
    because Neutron's agents and administrators have ports in the same bridges. A listed interface that is already a port of
    its bridge gets the mark.
author: The Mikumo authors (@mikumo)
options:
  bridges:
    description: Bridges to manage.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the bridge.
        type: str
        required: true
      interface:
        description: Interface of the node to add as a port of the bridge. Leave it empty for a bridge without one.
        type: str
attributes:
  check_mode:
    description: Can run in check mode. If Open vSwitch does not run yet, it predicts that everything is created.
    support: full
  diff_mode:
    description: Shows bridges and ports.
    support: full
  idempotent:
    description: Does nothing if the bridges have their ports.
    support: full
"""

EXAMPLES = r"""
- name: Create the bridge to the external network
  mikumo.openstack.openvswitch_bridges:
    bridges:
      - {name: br-external, interface: eth2}
"""

RETURN = r"""
missing:
  description: Bridges and ports that did not exist, as C(bridge) or C(bridge interface).
  type: list
  elements: str
  returned: always
removed:
  description: Ports that the module removed, as C(bridge interface).
  type: list
  elements: str
  returned: always
marked:
  description: Existing ports that the module marked, as C(bridge interface).
  type: list
  elements: str
  returned: always
brought_up:
  description: Interfaces that the module brought up.
  type: list
  elements: str
  returned: always
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import run
from ansible_collections.mikumo.openstack.plugins.module_utils._openvswitch import (
    LISTING,
    BridgeError,
    Found,
    Plan,
    found,
    plan,
    uplinks,
)

# Seconds that ovs-vsctl waits for ovs-vswitchd to apply the change.
TIMEOUT = "--timeout=60"
INTERFACES = Path("/sys/class/net")
UP = 1


def read(module: AnsibleModule) -> Found:
    command = ["ovs-vsctl", TIMEOUT, "--format=json", "--", *LISTING]
    rc, out, err = run(command) if module.get_bin_path("ovs-vsctl") else (1, "", "no ovs-vsctl")
    if rc == 0:
        return found(out)
    if not module.check_mode:
        module.fail_json(msg=f"Open vSwitch's database cannot be read: {err.strip()}. See `journalctl -u openvswitch-switch`.")
    return Found()


def is_up(interface: str) -> bool:
    return bool(int((INTERFACES / interface / "flags").read_text(encoding="ascii"), 16) & UP)


def write(module: AnsibleModule, wanted: Plan, down: list[str]) -> None:
    if wanted.commands:
        rc, _out, err = run(["ovs-vsctl", TIMEOUT, *wanted.commands])
        if rc != 0:
            changes = ", ".join([*wanted.missing, *wanted.removed, *wanted.marked])
            module.fail_json(msg=f"Open vSwitch rejected {changes}: {err.strip()}", missing=wanted.missing)
    for interface in down:
        rc, _out, err = run(["ip", "link", "set", "dev", interface, "up"])
        if rc != 0:
            module.fail_json(msg=f"`ip link set dev {interface} up` exited with status {rc}: {err.strip()}")


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
    bridges = module.params["bridges"]
    try:
        interfaces = uplinks(bridges)
        wanted = plan(read(module), bridges)
    except BridgeError as error:
        module.fail_json(msg=str(error))
    # Check before removing the old uplink: Open vSwitch accepts a port whose interface does not exist.
    for interface, bridge in interfaces.items():
        if not (INTERFACES / interface).exists():
            there = ", ".join(sorted(path.name for path in INTERFACES.iterdir()))
            module.fail_json(
                msg=f"The bridge {bridge} needs the interface {interface}, which this node lacks. Its interfaces: {there}."
            )
    down = [interface for interface in interfaces if not is_up(interface)]

    for warning in wanted.warnings:
        module.warn(warning)
    if not module.check_mode:
        write(module, wanted, down)
    before = [f"{line} (down)" if line.partition(" ")[2] in down else line for line in wanted.before]
    module.exit_json(
        changed=bool(wanted.commands or down),
        missing=wanted.missing,
        removed=wanted.removed,
        marked=wanted.marked,
        brought_up=down,
        diff={"before": lines(before), "after": lines(wanted.after)},
    )


def lines(of: list[str]) -> str:
    return "".join(f"{line}\n" for line in sorted(of))


if __name__ == "__main__":
    main()
