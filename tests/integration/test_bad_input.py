"""A site that cannot work is refused with a clear message, before a node of it is touched."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
Damage = Callable[[Path], None]


def setting(**values: object) -> Damage:
    """Sets settings of the site in its cloud.yml."""

    def damage(site: Path) -> None:
        path = site / "group_vars/all/cloud.yml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values))

    return damage


def stray_host(site: Path) -> None:
    path = site / "hosts.yml"
    inventory = yaml.safe_load(path.read_text())
    inventory["all"]["hosts"]["stray"] = {"ansible_host": "10.0.0.19"}
    path.write_text(yaml.safe_dump(inventory))


def lost_secret(site: Path) -> None:
    path = site / "group_vars/all/secrets.yml"
    secrets = yaml.safe_load(path.read_text())
    del secrets["cloud_secrets"]["glance_database"]
    path.write_text(yaml.safe_dump(secrets))


# What is done to the inventory, and what the message has to name: what was given, what is allowed, where to change it.
CASES: dict[str, tuple[Damage, list[str]]] = {
    "host in no group": (stray_host, ["stray", "controller_nodes", "hosts.yml"]),
    "unknown service": (
        setting(cloud_services=["keystone", "glance", "placement", "nova", "neutron", "sinder"]),
        ["sinder", "cinder", "cloud_services", "allowed are"],
    ),
    "missing interface": (
        setting(cloud_external_interface="eth7"),
        ["eth7", "eth2", "cloud_external_interface", "network"],
    ),
    "overlapping networks": (
        setting(cloud_project_network="10.0.0.0/16"),
        ["10.0.0.0/16", "10.0.0.0/24", "cloud_project_network"],
    ),
    "too small disk": (
        setting(cloud_volume_gb=5000),
        ["5000 GiB", "cloud_volume_gb", "cloud.yml"],
    ),
    "disk that is not there": (
        setting(cloud_volume_device="/dev/vdz"),
        ["/dev/vdz", "is not there", "cloud_volume_device"],
    ),
    "removed secret": (lost_secret, ["glance_database", "secrets.yml", "secrets_add_missing"]),
    "misspelt setting": (setting(cloud_regoin="Here"), ["cloud_regoin", "cloud_region"]),
    "misspelt setting of a role": (setting(glance_conifg={}), ["glance_conifg", "glance_config"]),
    "address outside of the pool's network": (
        setting(cloud_external_gateway="10.9.9.9"),
        ["10.9.9.9", "198.51.100.0/24", "cloud_external_gateway"],
    ),
    "unknown type of tenants' networks": (
        setting(cloud_tenant_network_type="vxlna"),
        ["vxlna", "vxlan, gre, vlan", "cloud_tenant_network_type"],
    ),
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A copy of the lab's inventory with secrets of its own."""
    copy = tmp_path / "site"
    shutil.copytree(ROOT / "inventories/lab", copy)
    names = yaml.safe_load((ROOT / "roles/secrets/defaults/main.yml").read_text())["secrets_names"]
    secrets = {"cloud_secrets": {name: f"not-a-secret-{name}" for name in names}}
    (copy / "group_vars/all/secrets.yml").write_text(yaml.safe_dump(secrets))
    return copy


def preflight(site: Path) -> tuple[int, str]:
    """Exit status and output of the checks; several lines of a message become one."""
    result = subprocess.run(
        ["ansible-playbook", "-i", str(site / "hosts.yml"), "playbooks/site.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return result.returncode, re.sub(r"\s+", " ", result.stdout + result.stderr)


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str, site: Path) -> None:
    damage, words = CASES[case]
    damage(site)
    status, output = preflight(site)
    assert status != 0
    assert [word for word in words if word not in output] == [], output[-3000:]
    assert "mikumo.openstack.mariadb" not in output, "a role that changes nodes was reached"
