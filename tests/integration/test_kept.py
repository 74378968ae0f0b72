# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users and operators have made in the running cloud stays, also where it has the names that playbooks use."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
from openstack.connection import Connection

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
NAME = "mikumo-test"
SPEC = "hw:mikumo_test"


def play(name: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ansible-playbook", "-i", "inventories/lab/hosts.yml", f"playbooks/{name}.yml", "-e", json.dumps(variables)],
        cwd=ROOT,
        env=os.environ
        | {
            "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
            "OS_CLIENT_CONFIG_FILE": str(ROOT / "clouds.yaml"),
        },
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def connection(name: str) -> Connection:
    return openstack.connect(cloud=name, config_files=[str(ROOT / "clouds.yaml")])


@pytest.fixture
def admin() -> Iterator[Connection]:
    with connection("mikumo") as cloud:
        yield cloud


@pytest.fixture
def demo() -> Iterator[Connection]:
    with connection("mikumo-demo") as cloud:
        yield cloud


@pytest.fixture
def volume(demo: Connection) -> Iterator[Any]:
    made = demo.block_storage.create_volume(name=NAME, size=1)
    demo.block_storage.wait_for_status(made, wait=120)
    yield made
    demo.block_storage.delete_volume(made)
    demo.block_storage.wait_for_delete(made, wait=120)


def test_verify_removes_nothing_that_it_did_not_make(demo: Connection, volume: Any) -> None:
    done = play("verify", verify_name=NAME)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert f"Nothing was removed. In the project of mikumo-demo, {volume.id} has the name {NAME}" in said, done.stdout[-3000:]
    assert demo.block_storage.get_volume(volume.id).status == "available"
    assert demo.compute.find_server(NAME) is None


@pytest.fixture
def interface(demo: Connection) -> Iterator[Any]:
    """A network that a user has attached to the router of the project."""
    router = demo.network.find_router("demo", ignore_missing=False)
    network = demo.network.create_network(name=NAME)
    subnet = demo.network.create_subnet(network_id=network.id, name=NAME, ip_version=4, cidr="192.168.199.0/24")
    made = demo.network.add_interface_to_router(router, subnet_id=subnet.id)
    yield made["port_id"]
    demo.network.remove_interface_from_router(router, subnet_id=subnet.id)
    demo.network.delete_network(network)


@pytest.fixture
def flavor(admin: Connection) -> Iterator[Any]:
    """One of the described flavors, with an extra spec of an operator."""
    found = admin.compute.find_flavor("m1.tiny", ignore_missing=False)
    admin.compute.create_flavor_extra_specs(found, {SPEC: "kept"})
    yield found
    admin.compute.delete_flavor_extra_specs_property(found, SPEC)


def test_resources_leave_what_users_and_operators_added(admin: Connection, demo: Connection, interface: Any, flavor: Any) -> None:
    done = play("resources")
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.findall(r"changed=[1-9]", done.stdout) == [], done.stdout[-3000:]
    assert demo.network.get_port(interface).device_owner == "network:router_interface"
    assert admin.compute.fetch_flavor_extra_specs(flavor).extra_specs[SPEC] == "kept"


def test_flavor_that_exists_with_other_sizes_is_refused(admin: Connection, flavor: Any) -> None:
    sizes = {"name": flavor.name, "vcpus": flavor.vcpus + 1, "ram": flavor.ram, "disk": flavor.disk}
    done = play("resources", resources_flavors=[sizes])
    assert done.returncode != 0
    shown = f"{flavor.vcpus}, {flavor.ram}, {flavor.disk} (vcpus"
    assert f"Nothing was changed. The flavor {flavor.name} has {shown}" in " ".join(done.stdout.split())
    assert admin.compute.get_flavor(flavor.id).vcpus == flavor.vcpus
