"""What a node lacks, told by its facts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mikumo.openstack.plugins.filter.node_problems import node_problems

GIB = 1024**3
FACTS: dict[str, Any] = {
    "distribution": "Debian",
    "distribution_major_version": "13",
    "distribution_version": "13.2",
    "memtotal_mb": 4000,
    "devices": {
        "vda": {"sectors": str(20 * GIB // 512), "virtual": 1, "links": {"ids": []}, "partitions": {}},
        "vdb": {
            "sectors": str(10 * GIB // 512),
            "links": {"ids": ["virtio-data"]},
            "partitions": {"vdb1": {"sectors": str(5 * GIB // 512), "links": {"ids": ["virtio-data-part1"]}}},
        },
        "loop0": {"sectors": "0", "virtual": 1},
    },
    "mounts": [
        {"mount": "/", "size_total": 20 * GIB, "size_available": 9 * GIB},
        {"mount": "/var", "size_total": 8 * GIB, "size_available": 2 * GIB},
        {"mount": "/boot", "size_total": GIB, "size_available": GIB},
    ],
}
FITS: dict[str, Any] = {
    "groups": ["controller_nodes", "storage_nodes"],
    "releases": ["13"],
    "memory_mb": {"controller_nodes": 3500, "storage_nodes": 900},
    "free_gb": 1,
    "volume_gb": 8,
    "volume_file": "/var/lib/volumes.img",
}


def test_a_node_that_fits() -> None:
    assert node_problems(FACTS, **FITS) == []


@pytest.mark.parametrize(
    ("facts", "wanted", "words"),
    [
        ({"distribution_major_version": "12", "distribution_version": "12.9"}, {}, ["runs Debian 12.9", "allowed are Debian 13"]),
        ({"distribution": "Ubuntu"}, {}, ["runs Ubuntu 13.2"]),
        ({"memtotal_mb": 2000}, {}, ["2000 MiB", "controller_nodes, storage_nodes", "3900 MiB", "hosts.yml"]),
        ({}, {"volume_gb": 9}, ["file system /var has 8.0 GiB", "9 GiB", "cloud_volume_device"]),
        ({}, {"volume_device": "/dev/vdb", "volume_gb": 11}, ["/dev/vdb", "has 10.0 GiB", "11 GiB", "its disks are vdb"]),
        ({}, {"volume_device": "/dev/vdz"}, ["/dev/vdz", "is not there"]),
        ({}, {"volume_device": "/dev/vdb1"}, ["/dev/vdb1", "has 5.0 GiB"]),
        ({}, {"volume_device": "/dev/disk/by-id/virtio-data-part1"}, ["has 5.0 GiB"]),
        ({}, {"free_gb": 3}, ["file system /var has 2.0 GiB left", "3 GiB of preflight_free_gb"]),
    ],
)
def test_a_node_that_does_not_fit(facts: dict[str, Any], wanted: dict[str, Any], words: list[str]) -> None:
    (problem,) = node_problems(FACTS | facts, **(FITS | wanted))
    assert [word for word in words if word not in problem] == [], problem


@pytest.mark.parametrize(
    "wanted",
    [
        {"volume_device": "/dev/vdb"},
        {"volume_device": "/dev/disk/by-id/virtio-data"},
        # no volumes are wanted of it
        {"volume_gb": 0, "volume_device": "/dev/vdz"},
        {"groups": []},
    ],
)
def test_what_is_no_problem(wanted: dict[str, Any]) -> None:
    assert node_problems(FACTS, **(FITS | wanted)) == []


def test_facts_that_were_not_gathered() -> None:
    problems = node_problems({}, **FITS)
    assert "no known system" in problems[0]
    assert "0 MiB" in problems[1]


def test_everything_is_said_at_once() -> None:
    assert len(node_problems(FACTS | {"memtotal_mb": 1, "distribution": "X"}, **(FITS | {"free_gb": 99}))) == 3


def link(*addresses: str, **more: Any) -> dict[str, Any]:
    found = [{"address": one.partition("/")[0], "prefixlen": int(one.partition("/")[2])} for one in addresses]
    return {"addresses": found, "master": None, "parent": None, "kind": "", "up": True, "loopback": False, "altnames": []} | more


LINKS = {
    "lo": link("127.0.0.1/8", loopback=True),
    "eth0": link("10.0.0.12/24", altnames=["enp1s0"]),
    "eth1": link("10.0.1.12/24", "2001:db8::12/64"),
    "eth2": link(up=False),
    "eth3": link(),
    # 10.0.5.12 is on a VLAN, 10.0.6.12 on a Linux bridge over another one
    "eth4": link(),
    "eth4.5": link("10.0.5.12/24", parent="eth4", kind="vlan"),
    "eth5": link(),
    "eth5.6": link(parent="eth5", kind="vlan", master="br6"),
    "br6": link("10.0.6.12/24", kind="bridge"),
    "eth6": link(master="bond0"),
    "bond0": link("10.0.7.12/24", kind="bond"),
    "eth7": link("10.0.8.12/24", master="ovs-system"),
    "eth8": link(master="ovs-system"),
    "eth9": link("10.0.9.12/24"),
}
NETWORK = FACTS | {
    "links": LINKS,
    "default_interfaces": ["eth0", "eth9"],
    "session_interface": "eth0",
    "session_address": "10.0.0.12",
    "openvswitch_ports": {
        "br-external": {"bridge": "br-external", "uplink": False},
        "eth7": {"bridge": "br-external", "uplink": False},
        "eth8": {"bridge": "br-foreign", "uplink": False},
    },
}


def interface_problems(facts: dict[str, Any], external: str, vlan: str = "", **wanted: Any) -> list[str]:
    bridges = [
        {"name": "br-external", "interface": external, "physical_network": "external"},
        {"name": "br-tenant", "interface": vlan, "physical_network": "tenant"},
    ]
    return node_problems(NETWORK | facts, groups=[], releases=["13"], bridges=bridges, **wanted)


@pytest.mark.parametrize(
    ("external", "words"),
    [
        ("eth0", ["cloud_external_interface is eth0", "this run came to the node through eth0 (10.0.0.12)", "host_vars"]),
        ("eth9", ["the default route leads through eth9", "move the route"]),
        ("eth1", ["eth1 has 10.0.1.12/24, 2001:db8::12/64", "preflight_interface_may_lose_addresses"]),
        ("eth4", ["is eth4, which carries eth4.5", "eth4.5 has 10.0.5.12/24"]),
        ("eth5", ["is eth5, which carries br6", "br6 has 10.0.6.12/24"]),
        ("eth6", ["is eth6, a port of the bond bond0", "take it out of bond0"]),
        ("bond0", ["bond0 has 10.0.7.12/24"]),
        ("eth8", ["is eth8, a port of br-foreign", "ovs-vsctl del-port br-foreign eth8"]),
        ("lo", ["the loopback interface"]),
        ("enp1s0", ["another name of this node's interface eth0", "write eth0"]),
    ],
)
def test_an_interface_that_the_node_would_lose(external: str, words: list[str]) -> None:
    (problem,) = interface_problems({}, external)
    assert [word for word in ["cloud_external_interface", *words] if word not in problem] == [], problem


@pytest.mark.parametrize("external", ["eth2", "eth3", "eth7", ""])
def test_an_interface_that_may_be_taken(external: str) -> None:
    """One that is down is brought up, and one that is in our bridge already has nothing more to lose."""
    assert interface_problems({}, external) == []


@pytest.mark.parametrize(
    ("session", "words"),
    [("eth4.5", ["eth4, which carries eth4.5", "this run came"]), ("br6", ["eth5, which carries br6", "this run came"])],
)
def test_a_session_on_top_of_an_interface(session: str, words: list[str]) -> None:
    facts = {"session_interface": session, "session_address": "x"}
    (problem,) = interface_problems(facts, "eth4" if session == "eth4.5" else "eth5", interface_may_lose_addresses=True)
    assert [word for word in words if word not in problem] == [], problem


@pytest.mark.parametrize(("external", "problems"), [("eth1", 0), ("eth4", 0), ("eth0", 1), ("eth9", 1), ("eth6", 1)])
def test_consent_is_about_addresses_alone(external: str, problems: int) -> None:
    assert len(interface_problems({}, external, interface_may_lose_addresses=True)) == problems


def test_one_interface_for_two_bridges() -> None:
    (problem,) = interface_problems({}, "eth3", "eth3")
    assert "cloud_external_interface and cloud_vlan_interface both name eth3" in problem


def test_an_uplink_stays_while_the_node_is_reached_through_its_bridge() -> None:
    """The node of a single interface: the address is on the bridge."""
    ports = {"eth2": {"bridge": "br-external", "uplink": True}}
    reached = {"openvswitch_ports": ports, "session_interface": "br-external", "session_address": "10.0.0.12"}
    assert interface_problems(reached, "eth2") == []
    (problem,) = interface_problems(reached, "eth3")
    assert "take eth2 out of the bridge br-external, and this run came" in problem
    routed = {"openvswitch_ports": ports, "default_interfaces": ["br-external"]}
    assert "the default route" in interface_problems(routed, "eth3")[0]


def test_facts_of_setup_tell_nothing_about_interfaces() -> None:
    bridges = [{"name": "br-external", "interface": "eth0", "physical_network": "external"}]
    assert node_problems(FACTS, groups=[], releases=["13"], bridges=bridges) == []
