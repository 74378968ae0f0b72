# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ordinary Debian with cloud-init in a network without DHCP: all it knows comes from its config drive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection
from support.instances import Instance
from support.nodes import Nodes
from support.project import Project
from support.waiting import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.journal(
        compute=["nova-compute"], controller=["glance-api", "nova-scheduler", "nova-conductor"], network=["neutron-l3-agent"]
    ),
]

NAME = "behaviour-debian"
SUBNET = "192.168.78.0/24"
USER_DATA = """#cloud-config
write_files:
- path: /var/lib/behaviour
  content: written by cloud-init
"""


@pytest.fixture(scope="module")
def image(admin: Connection, nodes: Nodes) -> Iterator[str]:
    """The Debian guest that the lab has built, with its kernel and initrd."""
    directory = Path(nodes.settings["controller"]["cache"]) / "debian-guest"
    if not (directory / "disk.raw").exists():
        pytest.skip("The Debian guest is not built: make lab-up ARGS='-e lab_debian_guest=true'")
    made: list[Any] = []
    try:
        for file, kind in (("vmlinuz", "aki"), ("initrd", "ari"), ("disk.raw", "raw")):
            properties = {"kernel_id": made[0].id, "ramdisk_id": made[1].id} if kind == "raw" else {}
            made.append(
                admin.image.create_image(
                    f"{NAME}-{kind}",
                    filename=str(directory / file),
                    disk_format=kind,
                    container_format=kind if kind != "raw" else "bare",
                    visibility="community",
                    # The console that is kept, and the file system without a partition.
                    **properties | ({"os_command_line": "root=/dev/vda ro console=ttyS0"} if kind == "raw" else {}),
                )
            )
        yield made[-1].id
    finally:
        for one in made:
            admin.image.delete_image(one)


@pytest.fixture(scope="module")
def debian(project: Project, image: str) -> Iterator[Instance]:
    """The instance, in a network in which nobody gives addresses."""
    network = project.add_network(NAME, SUBNET, enable_dhcp=False)
    server = project.start(
        NAME, image_id=image, flavor="m1.tiny", networks=[{"uuid": network.id}], config_drive=True, data=USER_DATA
    )
    try:
        instance = project.finish(server, user="debian", seconds=600)
        instance.wait_for_answer(seconds=900)
        yield instance
    finally:
        project.delete([server])


def test_cloud_init_takes_everything_from_the_config_drive(project: Project, debian: Instance) -> None:
    servers = project.admin.network.ports(network_id=debian.port.network_id, device_owner="network:dhcp")
    assert list(servers) == [], "nobody gives addresses in this network"
    wait_for("end of cloud-init", lambda: debian.says("cat /run/cloud-init/result.json 2>/dev/null || true"), seconds=600)
    result = json.loads(debian.says("cat /run/cloud-init/result.json"))["v1"]
    addresses = debian.says("ip -4 -oneline address show scope global")
    written = debian.says("cat /var/lib/behaviour")
    print(f"hostname {debian.says('hostname')}, {addresses}\ncloud-init: {result}\nuser data has made a file: {written}")
    print(f"seconds since the boot: {debian.says('cut -d. -f1 /proc/uptime')}")
    assert result["datasource"].startswith("DataSourceConfigDrive")
    assert result["errors"] == []
    assert debian.says("hostname") == NAME
    assert f"inet {debian.fixed}/24" in addresses
    assert written == "written by cloud-init"
    assert debian.says("cat ~/.ssh/authorized_keys").splitlines()[-1] == project.public_key
