# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _node_facts as node_facts
from ansible_collections.mikumo.openstack.plugins.module_utils import _node_links as node_links


def write(root, **files):
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.mark.parametrize(
    ("release", "detailed", "expected"),
    [
        ('ID=debian\nVERSION_ID="13"\n', "13.2\n", ("Debian", "13.2", "13")),
        ('ID=debian\nVERSION_ID="13"\n', None, ("Debian", "13", "13")),
        ("ID=debian\n", "forky/sid\n", ("Debian", "n/a", "n/a")),
        ('ID=ubuntu\nVERSION_ID="24.04"\n', "trixie/sid\n", ("Ubuntu", "24.04", "24")),
    ],
)
def test_distribution(tmp_path, release, detailed, expected):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(release)
    if detailed:
        (tmp_path / "etc/debian_version").write_text(detailed)
    assert tuple(node_facts.distribution(tmp_path).values()) == expected


def test_memory(tmp_path):
    write(tmp_path, proc__meminfo="MemFree: 1 kB\nMemTotal:        4111896 kB\nMemAvailable:    2055948 kB\n")
    assert node_facts.memory(tmp_path) == {"memtotal_mb": 4015, "memused_mb": 2008}


def test_addresses():
    output = [
        {"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1"}, {"family": "inet6", "local": "::1"}]},
        {"ifname": "eth0", "addr_info": [{"family": "inet", "local": "10.0.0.11"}, {"family": "inet6", "local": "fe80::1"}]},
        {"ifname": "br-ex"},
    ]
    assert node_facts.addresses(json.dumps(output)) == {
        "interfaces": ["lo", "eth0", "br-ex"],
        "all_ipv4_addresses": ["10.0.0.11"],
        "all_ipv6_addresses": ["fe80::1"],
    }


def inet(address, prefixlen=24, **more):
    return {"family": "inet", "local": address, "prefixlen": prefixlen, "scope": "global"} | more


def inet6(address, scope="global"):
    return {"family": "inet6", "local": address, "prefixlen": 64, "scope": scope}


# As `ip -json -details address` says it, shortened to what is read.
LINKS = [
    {"ifname": "lo", "flags": ["LOOPBACK", "UP"], "addr_info": [inet("127.0.0.1", 8), inet6("::1", "host")]},
    {
        "ifname": "eth0",
        "flags": ["BROADCAST", "UP"],
        "altnames": ["enp1s0"],
        "addr_info": [inet("10.0.0.11"), inet("10.0.0.200", 32, secondary=True), inet6("2001:db8::1"), inet6("fe80::1", "link")],
    },
    {},
    {"ifname": "eth1", "flags": ["BROADCAST"], "master": "bond0", "addr_info": []},
    {
        "ifname": "eth2.5",
        "link": "eth2",
        "flags": ["UP"],
        "linkinfo": {"info_kind": "vlan"},
        "addr_info": [inet6("fe80::1", "link")],
    },
    {"ifname": "veth0", "link": "veth1", "flags": ["UP"], "linkinfo": {"info_kind": "veth"}, "addr_info": [{}]},
]


def test_links():
    found = node_links.links(json.dumps(LINKS))["links"]
    assert list(found) == ["lo", "eth0", "eth1", "eth2.5", "veth0"]
    assert [(one["address"], one["prefixlen"], one["family"], one["secondary"]) for one in found["eth0"]["addresses"]] == [
        ("10.0.0.11", 24, "ipv4", False),
        ("10.0.0.200", 32, "ipv4", True),
        ("2001:db8::1", 64, "ipv6", False),
    ]
    assert found["eth0"] | {"addresses": []} == {
        "addresses": [],
        "master": None,
        "parent": None,
        "kind": "",
        "up": True,
        "loopback": False,
        "altnames": ["enp1s0"],
    }
    assert (found["eth1"]["master"], found["eth1"]["up"]) == ("bond0", False)
    assert (found["eth2.5"]["parent"], found["eth2.5"]["kind"], found["eth2.5"]["addresses"]) == ("eth2", "vlan", [])
    # each end of a veth pair names the other one
    assert found["veth0"]["parent"] is None
    assert found["lo"]["loopback"] is True


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([""], []),
        (["[ ]", "[]"], []),
        ([[{"dst": "default", "gateway": "10.0.0.1", "dev": "eth0"}], [{"dst": "default", "dev": "eth1"}]], ["eth0", "eth1"]),
        ([[{"dst": "default", "nexthops": [{"dev": "eth3"}, {"dev": "eth2"}]}]], ["eth2", "eth3"]),
        ([[{"dst": "default", "type": "unreachable"}]], []),
    ],
)
def test_default_interfaces(routes, expected):
    texts = [text if isinstance(text, str) else json.dumps(text) for text in routes]
    assert node_links.default_interfaces(*texts) == {"default_interfaces": expected}


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ("192.0.2.1 50000 10.0.0.200 22", ("10.0.0.200", "eth0")),
        ("::ffff:192.0.2.1 50000 ::ffff:10.0.0.11 22", ("10.0.0.11", "eth0")),
        ("2001:db8::9 50000 2001:db8::1 22", ("2001:db8::1", "eth0")),
        ("fe80::9%eth2.5 50000 fe80::1%eth2.5 22", ("fe80::1", "eth2.5")),
        ("192.0.2.1 50000 203.0.113.9 22", ("203.0.113.9", None)),
        ("", (None, None)),
        ("nonsense", (None, None)),
    ],
)
def test_session(tmp_path, connection, expected):
    found = node_links.session({"SSH_CONNECTION": connection}, tmp_path, 2, json.dumps(LINKS))
    assert (found["session_address"], found["session_interface"]) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [("SSH_CONNECTION=192.0.2.1 50000 10.0.0.11 22", "10.0.0.11"), ("HOME=/root", None)],
)
def test_session_behind_sudo(tmp_path, environ, expected):
    """sudo starts the module without the variable. The shell that started sudo has it."""
    for pid, parent, variables in ((30, 20, "HOME=/root"), (20, 10, environ), (10, 1, "LANG=C")):
        process = tmp_path / f"proc/{pid}"
        process.mkdir(parents=True)
        (process / "environ").write_bytes(variables.encode() + b"\0")
        (process / "stat").write_text(f"{pid} (a name) with) S {parent} 1 1 0\n")
    assert node_links.session({}, tmp_path, 30, json.dumps(LINKS))["session_address"] == expected


def test_devices(tmp_path):
    real = tmp_path / "sys/devices/pci/block/vda"
    virtual = tmp_path / "sys/devices/virtual/block/loop0"
    for place, sectors in ((real, "2048\n"), (virtual, "0\n"), (real / "vda1", "1024\n")):
        place.mkdir(parents=True)
        (place / "size").write_text(sectors)
    (real / "vda1/partition").write_text("1\n")
    (tmp_path / "sys/block").mkdir()
    for place in (real, virtual):
        (tmp_path / "sys/block" / place.name).symlink_to(place)
    (tmp_path / "dev/disk/by-id").mkdir(parents=True)
    (tmp_path / "dev/disk/by-id/virtio-data-part1").symlink_to("../../vda1")
    assert node_facts.devices(tmp_path)["devices"] == {
        "loop0": {"sectors": 0, "virtual": 1, "links": {"ids": []}, "partitions": {}},
        "vda": {
            "sectors": 2048,
            "virtual": 0,
            "links": {"ids": []},
            "partitions": {"vda1": {"sectors": 1024, "links": {"ids": ["virtio-data-part1"]}}},
        },
    }


def test_mounts(tmp_path):
    here = str(tmp_path).replace(" ", r"\040")
    write(
        tmp_path,
        proc__self__mounts=f"tmpfs /run tmpfs rw 0 0\n/dev/vda / ext4 rw 0 0\n/dev/vdb {here} ext4 rw 0 0\n/dev/x /gone x 0 0\n",
    )
    found = node_facts.mounts(tmp_path)["mounts"]
    assert [one["mount"] for one in found] == ["/", str(tmp_path)]
    assert all(0 <= one["size_available"] <= one["size_total"] for one in found)


def test_this_machine_has_facts():
    facts = {**node_facts.distribution(Path("/")), **node_facts.memory(Path("/")), **node_facts.devices(Path("/"))}
    assert facts["memtotal_mb"] > 0
