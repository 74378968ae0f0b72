# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
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
        (
            {"distribution_major_version": "12", "distribution_version": "12.9"},
            {},
            ["runs Debian 12.9", "only Debian 13 is supported"],
        ),
        ({"distribution": "Ubuntu"}, {}, ["runs Ubuntu 13.2"]),
        ({"memtotal_mb": 2000}, {}, ["2000 MiB", "controller_nodes, storage_nodes", "3900 MiB", "hosts.yml"]),
        ({}, {"volume_gb": 9}, ["file system /var has 8.0 GiB", "9 GiB", "cloud_volume_device"]),
        ({}, {"volume_device": "/dev/vdb", "volume_gb": 11}, ["/dev/vdb", "has 10.0 GiB", "11 GiB", "disks are vdb"]),
        ({}, {"volume_device": "/dev/vdz"}, ["/dev/vdz", "does not exist"]),
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
    assert "an unknown system" in problems[0]
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
        ("eth0", ["cloud_external_interface is eth0", "this run reaches the node through eth0 (10.0.0.12)", "host_vars"]),
        ("eth9", ["the default route leads through eth9", "move the route"]),
        ("eth1", ["eth1 has 10.0.1.12/24, 2001:db8::12/64", "preflight_interface_may_lose_addresses"]),
        ("eth4", ["is eth4, which carries eth4.5", "eth4.5 has 10.0.5.12/24"]),
        ("eth5", ["is eth5, which carries br6", "br6 has 10.0.6.12/24"]),
        ("eth6", ["is eth6, a port of the bond bond0", "remove it from bond0"]),
        ("bond0", ["bond0 has 10.0.7.12/24"]),
        ("eth8", ["is eth8, which others added to the Open vSwitch bridge br-foreign", "ovs-vsctl del-port br-foreign eth8"]),
        ("lo", ["the loopback interface"]),
        ("enp1s0", ["an alternative name of this node's interface eth0", "use eth0"]),
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
    [("eth4.5", ["eth4, which carries eth4.5", "this run reaches"]), ("br6", ["eth5, which carries br6", "this run reaches"])],
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
    assert "remove eth2 from the bridge br-external, but this run reaches" in problem
    routed = {"openvswitch_ports": ports, "default_interfaces": ["br-external"]}
    assert "the default route" in interface_problems(routed, "eth3")[0]


def test_facts_of_setup_tell_nothing_about_interfaces() -> None:
    bridges = [{"name": "br-external", "interface": "eth0", "physical_network": "external"}]
    assert node_problems(FACTS, groups=[], releases=["13"], bridges=bridges) == []


def block(**more: Any) -> dict[str, Any]:
    known = {"name": "x", "size": 20 * GIB, "type": "disk", "member": False, "group": None, "content": [], "used": []}
    return known | {"read_only": False} | more


BLOCKS = FACTS | {
    "block_devices": {
        "/dev/vda": block(content=["a partition table (gpt) with vda1"], used=["vda1 is mounted at /"]),
        "/dev/vda1": block(type="part", content=["a file system (ext4)"], used=["vda1 is mounted at /"]),
        "/dev/vdb": block(),
        "/dev/vdb1": block(type="part", size=5 * GIB),
        "/dev/vdc": block(content=["a file system (xfs)"]),
        "/dev/vdd": block(member=True, group="ceph-123"),
        "/dev/vde": block(member=True, size=5 * GIB),
        "/dev/vdf": block(
            content=["a path of a multipath device"], used=["it is a path of the multipath device /dev/mapper/mpatha"]
        ),
        "/dev/dm-0": block(type="mpath"),
        "/dev/md127": block(type="raid1"),
        "/dev/sr0": block(type="rom"),
        "/dev/vdg": block(read_only=True),
        "/dev/loop3": block(type="loop"),
    },
    "block_links": {
        "/dev/disk/by-id/virtio-data": "/dev/vdb",
        "/dev/disk/by-path/pci-0000:00:05.0": "/dev/vdb",
        "/dev/disk/by-partlabel/volumes": "/dev/vdb1",
        "/dev/disk/by-uuid/1234": "/dev/vdc",
        "/dev/mapper/mpatha": "/dev/dm-0",
        "/dev/md/data": "/dev/md127",
        "/dev/data/volumes": "/dev/dm-0",
    },
    "loop_files": {"/dev/loop3": "/var/lib/volumes.img"},
}


def disk_problems(device: str, facts: dict[str, Any] | None = None, **wanted: Any) -> list[str]:
    return node_problems(BLOCKS | (facts or {}), **(FITS | {"volume_device": device} | wanted))


@pytest.mark.parametrize(
    "device",
    [
        "/dev/vdb",
        "/dev//vdb",
        "/dev/disk/by-id/virtio-data",
        "/dev/disk/by-path/pci-0000:00:05.0",
        "/dev/mapper/mpatha",
        "/dev/md127",
        "/dev/md/data",
        "/dev/data/volumes",
        "/dev/loop3",
    ],
)
def test_a_disk_under_any_name(device: str) -> None:
    assert disk_problems(device) == []


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("/dev/vdz", ["/dev/vdz, which does not exist", "disks are vda, vdb, vdc"]),
        ("/dev/disk/by-id/virtio-gone", ["does not exist"]),
        ("/dev/disk/by-partlabel/volumes", ["has 5.0 GiB, less than the 8 GiB"]),
        ("/dev/vda", ["in use", "vda1 is mounted at /", "even lvm_storage_wipe_device"]),
        ("/dev/vdc", ["contains a file system (xfs)", "lvm_storage_wipe_device"]),
        ("/dev/disk/by-uuid/1234", ["contains a file system (xfs)"]),
        ("/dev/vdd", ["a part of the volume group ceph-123", "lvm_storage_wipe_device"]),
        ("/dev/vdf", ["path of the multipath device /dev/mapper/mpatha"]),
        ("/dev/sr0", ["it is read-only"]),
        ("/dev/vdg", ["it is read-only"]),
    ],
)
def test_a_disk_that_cannot_carry_volumes(device: str, words: list[str]) -> None:
    (problem,) = disk_problems(device)
    assert [word for word in words if word not in problem] == [], problem


@pytest.mark.parametrize(
    ("device", "problems"), [("/dev/vdc", 0), ("/dev/vdd", 0), ("/dev/vda", 1), ("/dev/vdf", 1), ("/dev/sr0", 1)]
)
def test_consent_to_wipe_is_not_about_disks_in_use(device: str, problems: int) -> None:
    assert len(disk_problems(device, volume_wipe_device=True)) == problems


def test_consent_that_is_text() -> None:
    assert disk_problems("/dev/vdc", volume_wipe_device="false") != []
    assert disk_problems("/dev/vdc", volume_wipe_device="true") == []


OURS = {
    "/dev/vdb": block(member=True, group="cinder-volumes", used=["cinder--volumes-volume (lvm) is built on it"], size=5 * GIB),
    "/dev/vdc": block(member=True, group="cinder-volumes", size=5 * GIB),
    "/dev/vdd": block(),
}
ON_FILE = {"/dev/loop3": block(type="loop", member=True, group="cinder-volumes"), "/dev/vdd": block()}


def test_our_own_volume_group_extended_by_another_disk() -> None:
    assert disk_problems("/dev/vdb", {"block_devices": OURS}, volume_gb=10) == []
    (problem,) = disk_problems("/dev/vdb", {"block_devices": OURS}, volume_gb=11)
    assert "has 10.0 GiB" in problem


@pytest.mark.parametrize(
    ("blocks", "wanted", "words"),
    [
        (OURS, {"volume_device": "/dev/vdd"}, ["cinder-volumes is on /dev/vdb, /dev/vdc", "not on /dev/vdd", "operations.md"]),
        (ON_FILE, {"volume_device": "/dev/vdd"}, ["is on /dev/loop3 (/var/lib/volumes.img)", "not on /dev/vdd"]),
        (OURS, {}, ["is on /dev/vdb, /dev/vdc", "not on the file /var/lib/volumes.img"]),
        (ON_FILE, {"volume_file": "/var/lib/other.img"}, ["(/var/lib/volumes.img)", "not on the file /var/lib/other.img"]),
    ],
    ids=["disk to disk", "file to disk", "disk to file", "file to file"],
)
def test_a_volume_group_does_not_move(blocks: dict[str, Any], wanted: dict[str, Any], words: list[str]) -> None:
    (problem,) = node_problems(BLOCKS | {"block_devices": blocks}, **(FITS | wanted))
    assert [word for word in words if word not in problem] == [], problem


def test_the_volume_group_on_its_file() -> None:
    assert node_problems(BLOCKS | {"block_devices": ON_FILE}, **FITS) == []
    removed = {"block_devices": ON_FILE, "loop_files": {"/dev/loop3": "/var/lib/volumes.img (deleted)"}}
    (problem,) = node_problems(BLOCKS | removed, **FITS)
    assert "was removed while in use: do not restart this node" in problem
