# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tempest.conf says follows from what the APIs say."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _tempest as tempest
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import CloudError
from ansible_collections.mikumo.openstack.plugins.modules.tempest_config_info import newest_of, root

Record = dict[str, Any]


def image(name: str, **more: Any) -> Record:
    one = {"id": f"id-{name}", "name": name, "status": "active", "visibility": "public", "disk_format": "qcow2", "size": 100}
    return one | more


def flavor(name: str, ram: int, **more: Any) -> Record:
    return {"id": f"id-{name}", "name": name, "ram": ram, "vcpus": 1, "disk": 1} | more


def network(name: str, external: bool = True) -> Record:
    return {"id": f"id-{name}", "name": name, "router:external": external}


def service(binary: str, host: str = "one", **more: Any) -> Record:
    return {"binary": binary, "host": host, "state": "up", "status": "enabled"} | more


@pytest.mark.parametrize(
    ("images", "wanted", "picked"),
    [
        ([image("large", size=900), image("small", size=10)], ("", ""), ("small", "large")),
        ([image("only")], ("", ""), ("only", "only")),
        ([image("a"), image("kernel", disk_format="aki"), image("mine", visibility="private")], ("", ""), ("a", "a")),
        ([image("a"), image("half", status="queued"), image("hidden", os_hidden=True)], ("", ""), ("a", "a")),
        ([image("thirsty", size=1, min_ram=512), image("modest", size=90, min_ram=64)], ("", ""), ("modest", "thirsty")),
        ([image("a", size=1), image("b", size=2), image("c", size=3)], ("b", ""), ("b", "a")),
        ([image("a", size=1), image("b", size=2), image("c", size=3)], ("", "c"), ("a", "c")),
        ([image("a", size=1), image("b", size=2)], ("b", "b"), ("b", "b")),
    ],
)
def test_images(images: list[Record], wanted: tuple[str, str], picked: tuple[str, str]) -> None:
    assert tuple(one["name"] for one in tempest.pick_images(images, *wanted)) == picked


@pytest.mark.parametrize(
    ("images", "name", "words"),
    [
        ([], "", "Glance has: none"),
        ([image("k", disk_format="aki")], "", r"k \(aki, public, active\)"),
        ([image("a")], "b", "'b', found 0. Available: a"),
        ([image("a"), image("a", id="second")], "a", "one usable image with the name 'a', found 2"),
    ],
)
def test_no_image(images: list[Record], name: str, words: str) -> None:
    with pytest.raises(CloudError, match=words):
        tempest.pick_images(images, name)


@pytest.mark.parametrize(
    ("flavors", "images", "wanted", "picked"),
    [
        ([flavor("m", 512), flavor("s", 128), flavor("l", 2048)], [], ("", ""), ("s", "m")),
        ([flavor("s", 64), flavor("m", 128), flavor("l", 256)], [image("a", min_ram=100)], ("", ""), ("m", "l")),
        ([flavor("s", 64), flavor("m", 128, disk=5), flavor("l", 256, disk=5)], [image("a", min_disk=4)], ("", ""), ("m", "l")),
        ([flavor("no-disk", 64, disk=0), flavor("m", 128)], [], ("", ""), ("m", "m")),
        # Nova refuses to resize to a smaller disk, and Tempest wants more memory.
        ([flavor("s", 64, disk=5), flavor("same", 64, disk=5, vcpus=2), flavor("m", 128, disk=1)], [], ("", ""), ("s", "s")),
        ([flavor("secret", 32, **{"os-flavor-access:is_public": False}), flavor("m", 128)], [], ("", ""), ("m", "m")),
        ([flavor("s", 64), flavor("m", 128), flavor("l", 256)], [], ("m", "s"), ("m", "s")),
    ],
)
def test_flavors(flavors: list[Record], images: list[Record], wanted: tuple[str, str], picked: tuple[str, str]) -> None:
    assert tuple(one["name"] for one in tempest.pick_flavors(flavors, images, *wanted)) == picked


def test_no_flavor_is_large_enough() -> None:
    with pytest.raises(CloudError, match=r"at least 512 MiB .* Nova has: s \(64 MiB, 1 GiB\)"):
        tempest.pick_flavors([flavor("s", 64)], [image("a", min_ram=512)])


@pytest.mark.parametrize(
    ("networks", "name", "picked"),
    [
        ([network("demo", external=False), network("out")], "", "out"),
        ([network("a"), network("b")], "b", "b"),
        ([network("demo", external=False)], "", None),
    ],
)
def test_network(networks: list[Record], name: str, picked: str | None) -> None:
    found = tempest.pick_network(networks, name)
    assert (found and found["name"]) == picked


def test_several_external_networks() -> None:
    with pytest.raises(CloudError, match="several external networks: a, b"):
        tempest.pick_network([network("b"), network("a")])


@pytest.mark.parametrize(
    ("version", "newest"),
    [
        ({"version": "2.100", "min_version": "2.1"}, "2.100"),
        ({"max_version": "1.39", "min_version": "1.0"}, "1.39"),
        ({"version": "", "min_version": ""}, None),
        ({}, None),
    ],
)
def test_microversion(version: Record, newest: str | None) -> None:
    assert tempest.newest(version) == newest


@pytest.mark.parametrize(
    ("url", "at"),
    [
        ("http://a:8774/v2.1", "http://a:8774/v2.1/"),
        ("http://a:8776/v3", "http://a:8776/v3/"),
        ("http://a:8776/v3/0123", "http://a:8776/v3/"),
        ("http://a/volume/v3/0123", "http://a/volume/v3/"),
    ],
)
def test_where_an_api_says_its_versions(url: str, at: str) -> None:
    assert root(url) == at


def test_the_last_version_of_a_list_counts() -> None:
    assert newest_of({"versions": [{"version": "3.0"}, {"version": "3.71"}]}) == {"version": "3.71"}


def found(**more: Any) -> tempest.Found:
    """A cloud of one compute node with volumes."""
    answers: dict[str, Any] = {
        "auth_url": "http://a:5000/v3",
        "region": "RegionOne",
        "services": ["block-storage", "compute", "identity", "image", "network", "placement"],
        "images": [image("guest")],
        "image_schema": {"properties": {"disk_format": {"enum": [None, "raw", "qcow2"]}, "container_format": {"enum": ["bare"]}}},
        "flavors": [flavor("s", 128), flavor("m", 160)],
        "compute_services": [service("nova-compute"), service("nova-scheduler")],
        "compute_version": {"version": "2.100"},
        "volume_services": [service("cinder-volume"), service("cinder-scheduler")],
        "volume_version": {"version": "3.71"},
        "pools": [{"capabilities": {"volume_backend_name": "lvm", "storage_protocol": "iSCSI", "vendor_name": "Open Source"}}],
        "placement_version": {"max_version": "1.39"},
        "networks": [network("out")],
        "extensions": [{"alias": "router"}, {"alias": "port-security"}],
    }
    return tempest.Found(**answers | more)


WHOLE = {
    "identity": {"uri_v3": "http://a:5000/v3", "region": "RegionOne", "v3_endpoint_type": "public"},
    "service_available": {"cinder": True, "glance": True, "heat": False, "neutron": True, "nova": True, "swift": False},
    "image": {
        "catalog_type": "image",
        "endpoint_type": "public",
        "disk_formats": ["raw", "qcow2"],
        "container_formats": ["bare"],
    },
    "network": {
        "catalog_type": "network",
        "endpoint_type": "public",
        "public_network_id": "id-out",
        "floating_network_name": "out",
    },
    "network-feature-enabled": {
        "api_extensions": ["port-security", "router"],
        "floating_ips": True,
        "ipv6": True,
        "ipv6_subnet_attributes": True,
        "port_security": True,
    },
    "compute": {
        "catalog_type": "compute",
        "endpoint_type": "public",
        "image_ref": "id-guest",
        "image_ref_alt": "id-guest",
        "flavor_ref": "id-s",
        "flavor_ref_alt": "id-m",
        "min_compute_nodes": 1,
        "max_microversion": "2.100",
    },
    "compute-feature-enabled": {
        "resize": False,
        "cold_migration": False,
        "live_migration": False,
        "attach_encrypted_volume": False,
    },
    "volume": {
        "catalog_type": "block-storage",
        "endpoint_type": "public",
        "max_microversion": "3.71",
        "storage_protocol": "iSCSI",
        "vendor_name": "Open Source",
        "backend_names": ["lvm"],
    },
    "volume-feature-enabled": {"backup": False, "multi_backend": False, "extend_attached_volume": True},
    "placement": {"endpoint_type": "public", "max_microversion": "1.39"},
}


def test_whole_configuration() -> None:
    assert tempest.config(found(), tempest.Wishes()) == WHOLE


@pytest.mark.parametrize(
    ("answers", "section", "options"),
    [
        ({"region": ""}, "identity", {"uri_v3": "http://a:5000/v3", "v3_endpoint_type": "public", "region": None}),
        (
            {"compute_services": [service("nova-compute"), service("nova-compute", "two")]},
            "compute-feature-enabled",
            {"resize": True, "cold_migration": True, "live_migration": True, "attach_encrypted_volume": False},
        ),
        (
            {"volume_services": [service("cinder-volume"), service("cinder-backup")], "volume_version": {"version": "3.12"}},
            "volume-feature-enabled",
            {"backup": True, "multi_backend": False, "extend_attached_volume": False},
        ),
        (
            {"networks": [], "extensions": []},
            "network-feature-enabled",
            {
                "api_extensions": [],
                "floating_ips": False,
                "ipv6": True,
                "ipv6_subnet_attributes": False,
                "port_security": False,
            },
        ),
        (
            {"services": ["identity", "object-store"]},
            "service_available",
            {"cinder": False, "glance": False, "heat": False, "neutron": False, "nova": False, "swift": True},
        ),
    ],
)
def test_one_section(answers: Record, section: str, options: Record) -> None:
    assert tempest.config(found(**answers), tempest.Wishes())[section] == options


def test_services_that_are_not_there_have_no_sections() -> None:
    assert set(tempest.config(found(services=["identity"]), tempest.Wishes())) == {"identity", "service_available"}


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"compute_services": [service("nova-compute", state="down")]}, "No nova-compute is up"),
        ({"compute_services": [service("nova-compute", status="disabled")]}, "No nova-compute is up"),
        ({"volume_services": []}, "No cinder-volume is up"),
    ],
)
def test_nothing_to_test_with(answers: Record, words: str) -> None:
    with pytest.raises(CloudError, match=words):
        tempest.config(found(**answers), tempest.Wishes())
