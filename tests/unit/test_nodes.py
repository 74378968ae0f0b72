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
