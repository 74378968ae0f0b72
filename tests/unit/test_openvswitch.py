# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to bridges of Open vSwitch, told by its database. tests/integration/test_openvswitch.py does it to a real one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _openvswitch as openvswitch


def listing(*ports: tuple[str, list[str], dict[str, str], str]) -> str:
    """A bridge br-x with ports of a name, interfaces, external_ids and type, as ovs-vsctl --format=json prints it."""

    def references(names: list[str]) -> list[Any]:
        several = ["set", [["uuid", name] for name in names]]
        return ["uuid", names[0]] if len(names) == 1 else several

    tables = [
        [["br-x", references([name for name, *_ in ports])]],
        [
            [["uuid", name], name, references(members), ["map", [list(one) for one in ids.items()]]]
            for name, members, ids, _ in ports
        ],
        [[["uuid", member], member, kind] for _name, members, _ids, kind in ports for member in members],
    ]
    return "\n".join(json.dumps({"data": rows}) for rows in tables)


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ([], []),
        ([("br-x", ["br-x"], {}, "internal")], [("br-x", ("br-x",), False, False)]),
        ([("eth2", ["eth2"], {"mikumo": "uplink"}, "")], [("eth2", ("eth2",), True, True)]),
        ([("eth2", ["eth2"], {"mikumo": "kept", "a": "b"}, "system")], [("eth2", ("eth2",), False, True)]),
        (
            [("bond0", ["eth2", "eth3"], {}, ""), ("phy-br-x", ["phy-br-x"], {}, "patch")],
            [("bond0", ("eth2", "eth3"), False, True), ("phy-br-x", ("phy-br-x",), False, False)],
        ),
    ],
)
def test_ports_that_are_there(ports: list[Any], expected: list[Any]) -> None:
    there = openvswitch.found(listing(*ports))
    assert there.bridges == ("br-x",)
    assert [(port.name, port.interfaces, port.marked, port.system) for port in there.ports] == expected


@pytest.mark.parametrize(
    ("bridges", "words"),
    [
        ([("br-x", "eth2"), ("br-y", "eth2")], ["eth2", "two bridges", "br-x and br-y"]),
        ([("br-x", "eth2"), ("br-x", "eth3")], ["br-x", "two interfaces", "eth2 and eth3"]),
    ],
)
def test_uplinks_that_cannot_be(bridges: list[tuple[str, str]], words: list[str]) -> None:
    with pytest.raises(openvswitch.BridgeError) as error:
        openvswitch.uplinks([{"name": name, "interface": interface} for name, interface in bridges])
    assert [word for word in words if word not in str(error.value)] == []


def test_the_same_bridge_named_twice_is_one() -> None:
    wanted = [{"name": "br-x", "interface": "eth2"}, {"name": "br-x", "interface": "eth2"}, {"name": "br-x"}]
    plan = openvswitch.plan(openvswitch.Found(), wanted)
    assert plan.missing == ["br-x", "br-x eth2"]
    assert plan.after == ["br-x", "br-x eth2"]


def test_what_is_as_wanted_is_no_command() -> None:
    there = openvswitch.found(listing(("eth2", ["eth2"], {"mikumo": "uplink"}, "")))
    plan = openvswitch.plan(there, [{"name": "br-x", "interface": "eth2"}])
    assert (plan.commands, plan.before) == ([], plan.after)
