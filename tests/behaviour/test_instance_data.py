# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an owner hands to an instance arrives in it: name, properties, user data and key, over the network and on a disk."""

from __future__ import annotations

import json

import pytest
from support.instances import Instance
from support.project import PROPERTIES, USER_DATA, Project
from support.waiting import wait_for

METADATA = "http://169.254.169.254"
DRIVE = "/mnt/openstack/latest"


def check(description: dict[str, object], instance: Instance, project: Project) -> None:
    assert description["uuid"] == instance.server.id
    assert description["name"] == instance.name
    assert description["meta"] == PROPERTIES
    assert description["public_keys"] == {"behaviour": project.public_key}


@pytest.mark.journal(network=["neutron-metadata-agent", "neutron-l3-agent"], controller=["nova-api-metadata"])
def test_metadata_service_answers(project: Project, one: Instance) -> None:
    description = json.loads(one.says("wget -q -O - %s", f"{METADATA}/openstack/latest/meta_data.json"))
    print(json.dumps(description, indent=1))
    check(description, one, project)
    data = one.says("wget -q -O - %s", f"{METADATA}/latest/user-data")
    print(f"user data: {data!r}")
    assert data.strip() == USER_DATA.strip()
    # Another instance sees its own, though it asks at the same address.
    assert one.says("wget -q -O - %s", f"{METADATA}/latest/meta-data/local-ipv4") == one.fixed


@pytest.mark.journal(compute=["nova-compute"])
def test_config_drive_is_there(project: Project, one: Instance) -> None:
    one.says("modprobe -a ata_piix sr_mod isofs || true")
    wait_for("drive", lambda: one.says("ls /dev | grep sr0 || true"))
    one.says("mountpoint -q /mnt || mount -t iso9660 -o ro /dev/sr0 /mnt")
    try:
        description = json.loads(one.says("cat %s", f"{DRIVE}/meta_data.json"))
        network = json.loads(one.says("cat %s", f"{DRIVE}/network_data.json"))
        print(f"drive: {one.says('ls -R /mnt')}\nnetworks: {json.dumps(network)}")
        check(description, one, project)
        assert one.says("cat %s", f"{DRIVE}/user_data").strip() == USER_DATA.strip()
        assert [link["ethernet_mac_address"] for link in network["links"]] == [one.port.mac_address]
    finally:
        one.says("umount /mnt")


@pytest.mark.journal(network=["neutron-metadata-agent"])
def test_name_and_key_are_used(project: Project, one: Instance, two: Instance) -> None:
    for instance in (one, two):
        key = instance.says("cat /root/.ssh/authorized_keys")
        print(f"{instance.says('hostname')} lets in {key}")
        assert instance.says("hostname") == instance.name
        assert key == project.public_key
