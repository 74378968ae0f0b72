# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import re
import uuid

import pytest

from ansible_collections.mikumo.openstack.plugins.plugin_utils import _secrets as secrets
from ansible_collections.mikumo.openstack.plugins.plugin_utils import _settings as settings
from ansible_collections.mikumo.openstack.plugins.plugin_utils import _sizes as sizes

GROUPS = {
    "all": ["controller", "network", "compute"],
    "controller_nodes": ["controller"],
    "network_nodes": ["network"],
    "compute_nodes": ["compute"],
    "storage_nodes": ["controller"],
}
SITE = {
    "cloud_region": "RegionOne",
    "cloud_services": ["keystone", "glance", "placement", "nova", "neutron", "cinder", "horizon"],
    "cloud_management_network": "10.0.0.0/24",
    "cloud_tunnel_network": "10.0.1.0/24",
    "cloud_tenant_network_type": "vxlan",
    "cloud_vlan_range": "100:199",
    "cloud_external_interface": "eth2",
    "cloud_external_network": "198.51.100.0/24",
    "cloud_external_gateway": "198.51.100.1",
    "cloud_external_pool": {"start": "198.51.100.100", "end": "198.51.100.199"},
    "cloud_project_network": "192.168.100.0/24",
}
HOSTVARS = {
    host: {"ansible_host": f"10.0.0.1{number}", "ansible_facts": {"interfaces": ["lo", "eth0", "eth2"]}}
    for number, host in enumerate(GROUPS["all"], 1)
}


def problems(groups=None, hostvars=None, **changed):
    return settings.plan_problems({**SITE, **changed}, groups={**GROUPS, **(groups or {})}, hostvars=hostvars or HOSTVARS)


def test_good_sites():
    assert problems() == []
    assert problems(cloud_tunnel_network="10.0.0.0/24") == []
    assert problems(cloud_external_pool="198.51.100.100-198.51.100.199") == []
    assert problems(cloud_external_pool=["198.51.100.100", "198.51.100.199"]) == []
    assert problems(cloud_services=["keystone"], groups={"storage_nodes": []}) == []
    assert problems(hostvars={"controller": {"ansible_host": "controller.example.org"}}) == []
    # what is not given is not checked
    assert settings.plan_problems({}, groups=GROUPS) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"groups": {"network_nodes": []}}, "group network_nodes has no host"),
        ({"groups": {"all": ["controller", "network", "compute", "x"]}}, "host x is in none of the groups"),
        ({"cloud_region": " "}, "cloud_region is empty"),
        ({"cloud_services": "keystone"}, "cloud_services is 'keystone', not a list"),
        ({"cloud_services": ["keystone", "glanse"]}, "has 'glanse': did you mean glance? allowed are keystone"),
        ({"cloud_services": ["keystone", "nova"]}, "has nova, which needs glance, placement, neutron"),
        ({"cloud_services": []}, "lacks keystone"),
        ({"groups": {"storage_nodes": []}}, "has cinder, but group storage_nodes has no host"),
        ({"cloud_tenant_network_type": "vxlam"}, "is 'vxlam': allowed are vxlan, gre, vlan"),
        ({"cloud_management_network": "10.0.0.1/24"}, "did you mean 10.0.0.0/24?"),
        ({"cloud_external_network": "10.0.1.0/25"}, "overlap"),
        ({"cloud_external_gateway": "198.51.101.1"}, "198.51.101.1, which is not in cloud_external_network"),
        ({"cloud_external_gateway": "198.51.100.255"}, "the first or last of cloud_external_network"),
        ({"cloud_external_gateway": "gateway"}, "'gateway', which is not an address"),
        ({"cloud_external_gateway": "198.51.100.150"}, "is inside the external pool"),
        ({"cloud_external_pool": {"start": "198.51.100.9", "end": "198.51.100.2"}}, "after its end"),
        ({"cloud_external_pool": {"start": "198.51.100.9", "end": "198.51.102.2"}}, "cloud_external_pool (last) is"),
        ({"cloud_external_interface": "eth9"}, "host network has no interface 'eth9'"),
        (
            {"hostvars": {**HOSTVARS, "compute": {"ansible_host": "10.9.0.1"}}},
            "host compute has ansible_host 10.9.0.1, which is not in cloud_management_network",
        ),
        (
            {"cloud_tenant_network_type": "vlan", "cloud_vlan_interface": "eth0", "cloud_vlan_range": "1:5000"},
            "cloud_vlan_range is '1:5000'",
        ),
    ],
)
def test_one_problem(changed, message):
    found = problems(**changed)
    assert any(message in each for each in found), found


def test_vlan_needs_an_interface_on_network_and_compute_nodes():
    found = problems(cloud_tenant_network_type="vlan")
    assert [each.split(" has no ")[0] for each in found] == ["host network", "host compute"]
    own = {host: {**values, "cloud_vlan_interface": "eth0"} for host, values in HOSTVARS.items()}
    assert problems(cloud_tenant_network_type="vlan", hostvars=own) == []


def test_all_problems_at_once():
    assert len(problems(cloud_region="", cloud_tenant_network_type="x", cloud_external_gateway="y")) == 3


KNOWN = {"cloud_region", "cloud_services", "glance_region", "glance_config"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cloud_region", None),
        ("__glance_x", None),
        ("ansible_host", None),
        ("my_own", None),
        ("cloud_regoin", "cloud_regoin in the inventory: unknown setting, did you mean cloud_region?"),
        ("glance_cofnig", "glance_cofnig in the inventory: unknown setting, did you mean glance_config?"),
        ("glance_zzzzzzz", "glance_zzzzzzz in the inventory: unknown setting; remove it"),
    ],
)
def test_unknown_settings(name, message):
    found = settings.unknown_settings([name], known=KNOWN, prefixes=["glance_"])
    assert len(found) == (message is not None)
    assert not found or found[0].startswith(message or "")


def test_read_collection(tmp_path):
    for name, text in {
        "roles/glance/meta/argument_specs.yml": "argument_specs: {main: {options: {glance_a: {}}}, x: {}}",
        "roles/glance/defaults/main.yml": "glance_b: 1",
        "playbooks/vars/site.yml": "cloud_c: 1",
        "inventories/example/group_vars/all/cloud.yml": "cloud_d: 1",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    known, prefixes = settings.read_collection(tmp_path)
    assert known == {"glance_a", "glance_b", "cloud_c", "cloud_d", "cloud_secrets"}
    assert prefixes == {"glance_"}


@pytest.mark.parametrize(
    ("cores", "memory", "expected"),
    [
        (1, 3000, (1, 1, 64, 46)),
        (1, 32768, (1, 1, 4096, 512)),
        (4, 5900, (1, 1, 64, 92)),
        (2, 8192, (2, 1, 1024, 128)),
        (4, 16384, (4, 2, 2048, 256)),
        (16, 16384, (7, 4, 2048, 256)),
        (64, 262144, (8, 4, 8192, 1024)),
    ],
)
def test_node_sizes(cores, memory, expected):
    found = sizes.node_sizes({"processor_vcpus": cores, "memtotal_mb": memory})
    assert tuple(found.values()) == expected


@pytest.mark.parametrize("facts", [{}, {"processor_vcpus": 2}, {"processor_vcpus": "2", "memtotal_mb": 1}, []])
def test_node_sizes_without_facts(facts):
    with pytest.raises(sizes.SizeError, match="ansible_facts"):
        sizes.node_sizes(facts)


def test_missing_secrets():
    assert secrets.missing_secrets({"a": "x", "b": "", "c": None, "e": " "}, ["a", "b", "c", "d", "e"]) == list("bcde")
    assert secrets.missing_secrets(None, ["a"]) == ["a"]
    with pytest.raises(secrets.SecretsError, match="list of the names"):
        secrets.missing_secrets({}, "a")


def test_new_secrets():
    found = secrets.new_secrets(["a", "b", "x_uuid", "a"])
    assert list(found) == ["a", "b", "x_uuid"]
    assert re.fullmatch(r"[A-Za-z0-9]{32}", found["a"])
    assert found["a"] != found["b"]
    assert str(uuid.UUID(found["x_uuid"], version=4)) == found["x_uuid"]
    with pytest.raises(secrets.SecretsError):
        secrets.new_secrets([1])  # type: ignore[list-item]
