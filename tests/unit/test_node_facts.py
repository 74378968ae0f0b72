# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _node_facts as node_facts


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
    write(tmp_path, proc__meminfo="MemFree: 1 kB\nMemTotal:        4111896 kB\n")
    assert node_facts.memory(tmp_path) == {"memtotal_mb": 4015}


def test_addresses():
    output = [
        {"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1"}]},
        {"ifname": "eth0", "addr_info": [{"family": "inet", "local": "10.0.0.11"}, {"family": "inet6", "local": "fe80::1"}]},
        {"ifname": "br-ex"},
    ]
    assert node_facts.addresses(json.dumps(output)) == {
        "interfaces": ["lo", "eth0", "br-ex"],
        "all_ipv4_addresses": ["10.0.0.11"],
    }


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
