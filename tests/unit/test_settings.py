# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories as Ansible reads them: what is wrong with their settings is said in sentences, and never by an exception."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_collections.mikumo.openstack.plugins.filter.plan_problems import plan_problems
from ansible_collections.mikumo.openstack.plugins.filter.unknown_settings import unknown_settings
from ansible_collections.mikumo.openstack.plugins.plugin_utils import _formats as formats
from ansible_collections.mikumo.openstack.plugins.plugin_utils import _secrets as secrets
from ansible_collections.mikumo.openstack.plugins.plugin_utils import _setting_names as names
from ansible_collections.mikumo.openstack.plugins.plugin_utils import _site_settings as site_settings
from ansible_collections.mikumo.openstack.plugins.plugin_utils import _sizes as sizes

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = site_settings.settings()
HOSTS: dict[str, Any] = {
    "controller_nodes": {"hosts": {"controller": {}}},
    "network_nodes": {"hosts": {"network": {}}},
    "compute_nodes": {"hosts": {"compute": {}}},
    "storage_nodes": {"hosts": {"controller": {}}},
}
EXAMPLE: dict[str, Any] = yaml.safe_load((ROOT / "inventories/example/group_vars/all/cloud.yml").read_text())
CORE = ["keystone", "glance", "placement", "nova", "neutron"]
WITHOUT = object()
# Files that exist. What is in them is another check.
FILES = {"certificate": __file__, "private_key": __file__}


@pytest.fixture(scope="module", autouse=True)
def loader() -> Iterator[None]:
    """Templates of the inventories look for lookups and filters.

    For these tests alone: what others import would come through Ansible's own finder, which does not know a collection that
    Python has found before.
    """
    before = sys.meta_path[:], sys.path_hooks[:]
    init_plugin_loader()
    yield
    sys.meta_path[:], sys.path_hooks[:] = before
    sys.path_importer_cache.clear()


class Site:
    """A copy of the example inventory, changed, as Ansible sees it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        shutil.copytree(
            ROOT / "inventories/example", directory, ignore=shutil.ignore_patterns("secrets.yml*"), dirs_exist_ok=True
        )
        self.hosts = copy.deepcopy(HOSTS)
        self.settings = dict(EXAMPLE)
        self.all = directory / "group_vars/all"

    def set(self, **settings: Any) -> Site:
        self.settings |= settings
        # JSON is YAML, and faster to write
        content = {name: value for name, value in self.settings.items() if value is not WITHOUT}
        (self.all / "cloud.yml").write_text(json.dumps(content))
        return self

    def text(self, text: str) -> Site:
        """YAML as an operator types it, over what is there."""
        (self.all / "typed.yml").write_text(text)
        return self

    def host(self, host: str, **settings: Any) -> Site:
        path = self.directory / f"host_vars/{host}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(settings))
        return self

    def group(self, name: str, *hosts: str) -> Site:
        self.hosts[name] = {"hosts": {host: {} for host in hosts}}
        return self

    def read(self, facts: Mapping[str, Mapping[str, Any]] | None = None) -> tuple[HostVars, dict[str, list[str]]]:
        path = self.directory / "hosts.yml"
        path.write_text(json.dumps({"all": {"children": self.hosts}}))
        loader = DataLoader()
        inventory = InventoryManager(loader=loader, sources=[str(path)])
        manager = VariableManager(loader=loader, inventory=inventory)
        hostvars = HostVars(inventory=inventory, variable_manager=manager, loader=loader)
        for host, of in (facts or {}).items():
            manager.set_host_facts(host, {"ansible_facts": of, **{f"ansible_{name}": value for name, value in of.items()}})
        return hostvars, inventory.get_groups_dict()

    def problems(self, **options: Any) -> list[str]:
        hostvars, groups = self.read()
        return plan_problems(hostvars, groups=groups, also=["localhost"], **options)

    def unknown(self, **options: Any) -> list[str]:
        hostvars, groups = self.read()
        return unknown_settings(hostvars, groups=groups, **options)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


# --- values of every kind ----------------------------------------------------------------------------------------------

# What YAML can say, whether or not somebody means it.
ANYTHING = {
    "null": "",
    "tilde": "~",
    "empty text": '""',
    "blank text": '"  "',
    "zero": "0",
    "negative": "-1",
    "fraction": "1.5",
    "not a number": ".nan",
    "infinite": ".inf",
    "yes or no": "true",
    "word of YAML 1.1": "off",
    "date": "2026-11-27",
    "time": "2026-11-27 10:00:00",
    "sexagesimal": "10:59",
    "bytes": "!!binary aGVsbG8=",
    "set": "!!set {a, b}",
    "dictionary": "{a: 1}",
    "empty dictionary": "{}",
    "dictionary of nulls": "{start: , end: , name: , user: }",
    "dictionary of lists": "{start: [1], end: {}, name: [1], user: {}}",
    "list of nulls": "[null]",
    "list of lists": "[[]]",
    "list of dictionaries": "[{a: 1}]",
    "list of numbers": "[1, 2.5]",
    "list with text of no sense": '["?!"]',
    "two lines": '"a\\nb"',
    "blank at the end": '"eno1 "',
    "zero byte": '"a\\0b"',
    "very long": f'"{"x" * 300}"',
    "IPv6 address": '"fd00::1"',
    "IPv6 network": '"fd00::/64"',
    "IPv6 in a list": '["2620:fe::fe"]',
    "undefined": '"{{ nope }}"',
    "undefined in a list": '["{{ nope }}"]',
    "undefined in a dictionary": '{start: "{{ nope }}", end: 192.0.2.9}',
    "broken template": '"{{ nope"',
    "failing template": '"{{ 1 // 0 }}"',
    "failing lookup": """"{{ lookup('ansible.builtin.file', '/nonexistent') }}\"""",
    "unknown filter": '"{{ 1 | no_such_filter }}"',
    "template that gives nothing": '"{{ none }}"',
    "endless template": '"{{ SETTING }}"',
    "vault without its password": "!vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6161\n",
}
ALLOWED = {
    # names of files, though nobody would choose them
    ("cloud_credentials_file", "IPv6 address"),
    ("cloud_credentials_file", "IPv6 network"),
    ("cloud_volume_device", "empty text"),
    # of names, and names are what it takes
    ("cloud_time_servers", "set"),
    # nobody can tell it from the number 659
    ("cloud_volume_gb", "sexagesimal"),
    # what it takes
    ("cloud_firewall", "yes or no"),
    ("cloud_hosts_entries", "yes or no"),
    ("cloud_shared_helpers", "yes or no"),
    ("cloud_firewall", "word of YAML 1.1"),
    ("cloud_hosts_entries", "word of YAML 1.1"),
    ("cloud_shared_helpers", "word of YAML 1.1"),
}


@pytest.mark.parametrize("kind", ANYTHING)
def test_no_value_ends_in_an_exception(kind: str, site: Site) -> None:
    found = site.text("".join(f"{name}: {ANYTHING[kind].replace('SETTING', name)}\n" for name in SETTINGS)).problems()
    for name in SETTINGS:
        about = [problem for problem in found if re.match(rf"{name}\b(?! of host)", problem)]
        assert bool(about) != ((name, kind) in ALLOWED), f"{name}: {about}"
    for problem in found:
        assert "group_vars/all" in problem, problem
        assert not re.search(r"NoneType|Traceback|<class|object of type|_Ansible|Marker", problem), problem


@pytest.mark.parametrize("text", ["fd00::1", "[fd00::1]", "fd00::/64", "fe80::1%eth0"])
@pytest.mark.parametrize("name", [name for name, one in SETTINGS.items() if one.format in ("address", "network", "dns_server")])
def test_ipv6_is_named(name: str, text: str, site: Site) -> None:
    value = [text] if SETTINGS[name].type == "list" else text
    assert any(f"{name}" in one and "IPv6 is not supported yet" in one for one in site.set(**{name: value}).problems())


def test_ipv6_in_the_pool_and_for_the_apis(site: Site) -> None:
    found = site.set(cloud_external_pool={"start": "fd00::1", "end": "fd00::2"}, cloud_api_address="fd00::1").problems()
    assert sum("IPv6 is not supported yet" in one for one in found) == 3


# --- good sites --------------------------------------------------------------------------------------------------------

GOOD: dict[str, Callable[[Site], object]] = {
    "as it is": lambda site: site,
    "without optional services": lambda site: site.set(cloud_services=CORE).group("storage_nodes"),
    "without Cinder's settings": lambda site: site.set(
        cloud_services=CORE, cloud_volume_gb=WITHOUT, cloud_volume_device=WITHOUT
    ).group("storage_nodes"),
    "services in another order": lambda site: site.set(cloud_services=[*reversed(CORE), "heat"]),
    "number as text": lambda site: site.set(cloud_volume_gb="100"),
    "tunnels in the management network": lambda site: site.set(cloud_tunnel_network="10.0.0.0/24"),
    "firewall": lambda site: site.set(cloud_firewall=True),
    "no firewall": lambda site: site.set(cloud_firewall=False),
    "no name servers": lambda site: site.set(cloud_dns_servers=[]),
    "a pool of one address": lambda site: site.set(
        cloud_external_network="192.0.2.0/30", cloud_external_pool={"start": "192.0.2.2", "end": "192.0.2.2"}
    ),
    "smallest networks": lambda site: site.set(cloud_project_network="192.168.100.0/29", cloud_management_network="10.0.0.8/29"),
    "VLANs": lambda site: site.set(cloud_tenant_network_type="vlan", cloud_vlan_range="100:199", cloud_vlan_interface="eno2"),
    "one VLAN": lambda site: site.set(cloud_tenant_network_type="vlan", cloud_vlan_range="7:7", cloud_vlan_interface="eno2"),
    "VLANs without quotes": lambda site: site.text("cloud_vlan_range: 100:199"),
    "long names of interfaces": lambda site: site.set(cloud_external_interface="enp130s0f0np0"),
    "VLAN of a bond": lambda site: site.set(cloud_external_interface="bond0.100"),
    "interfaces of hosts": lambda site: site.set(cloud_external_interface=WITHOUT).host(
        "network", cloud_external_interface="eth7"
    ),
    "two disks": lambda site: site.group("storage_nodes", "controller", "compute").host(
        "compute", cloud_volume_device="/dev/disk/by-id/nvme-eui.0025388b", cloud_volume_gb=2000
    ),
    "address of the APIs": lambda site: site.set(cloud_api_address="10.0.0.200"),
    "name of the APIs": lambda site: site.set(cloud_api_address="cloud.example.org"),
    "address of a node": lambda site: site.host("compute", cloud_management_address="10.9.9.9", cloud_tunnel_address="10.9.9.10"),
    "strangers": lambda site: site.group("monitoring", "grafana").host("grafana", cloud_regoin="x", cloud_services=3),
    "all in one": lambda site: [site.group(name, "one") for name in HOSTS],
    "parents and children of groups": lambda site: site.group("computenodes", "compute").group("old_compute_nodes", "retired"),
    "address by which Ansible reaches a node": lambda site: site.host("compute", ansible_host="2001:db8::7"),
    "names with dots": lambda site: site.set(cloud_name="eu-1.example_2", cloud_region="2"),
    "templates": lambda site: site.text(
        "site_number: 7\ncloud_name: 'site{{ site_number }}'\ncloud_management_network: '10.{{ site_number }}.0.0/24'\n"
    ),
    "addresses of other hosts": lambda site: site.host("compute", ansible_host="10.0.0.9").text(
        "cloud_api_address: \"{{ hostvars['compute'].ansible_host }}\""
    ),
    "facts that are not there yet": lambda site: site.text(
        "uplink: '{{ ansible_facts.default_ipv4.interface }}'\ncloud_external_interface: '{{ uplink }}'\n"
        "cloud_management_address: '{{ ansible_default_ipv4.address }}'\n"
    ),
    "certificate for users": lambda site: site.set(cloud_tls=FILES, cloud_public_name="cloud.example.org"),
    "file at home": lambda site: site.set(cloud_credentials_file="~/clouds.yaml"),
    "file in the directory that Ansible is started from": lambda site: site.set(cloud_credentials_file="clouds.yaml"),
    "file beside the playbooks": lambda site: site.set(cloud_credentials_file="{{ playbook_dir }}/clouds.yaml"),
}


@pytest.mark.parametrize("case", GOOD)
def test_good_sites(case: str, site: Site) -> None:
    GOOD[case](site)
    assert site.problems() == []
    assert site.unknown() == []


@pytest.mark.parametrize("inventory", ["example", "lab"])
def test_inventories_of_the_repository(inventory: str, tmp_path: Path) -> None:
    site = Site(tmp_path)
    for path in (ROOT / f"inventories/{inventory}/group_vars/all").glob("*.yml"):
        if path.stem != "secrets":
            shutil.copy(path, site.all / path.name)
    assert site.problems() + site.unknown() == []


# --- bad sites ---------------------------------------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], str]] = [
    # names
    *[
        ({"cloud_name": name}, "cloud_name is ")
        for name in (
            "a/b",
            "a b",
            "-demo",
            ".hidden",
            "..",
            "a\nb",
            "x" * 65,
            "a'b",
            "$(id)",
            "~",
            "name:",
            "三雲",
            "envvars",
            "defaults",
        )
    ],
    ({"cloud_name": 2026}, "cloud_name is the number 2026: give a string, such as example (in quotes)"),
    ({"cloud_region": " "}, "cloud_region is empty: give a string, such as RegionOne"),
    ({"cloud_region": False}, "cloud_region is false (YAML also reads yes, no, on and off as booleans): give a string"),
    ({"cloud_region": WITHOUT}, "cloud_region is not set: give it a value in group_vars/all/cloud.yml"),
    # services
    ({"cloud_services": "keystone"}, "cloud_services is the string 'keystone': give a list of keystone, glance"),
    ({"cloud_services": None}, "cloud_services has no value: give a list of keystone"),
    ({"cloud_services": {"keystone": True}}, "cloud_services is the dictionary"),
    ({"cloud_services": []}, "cloud_services is empty"),
    ({"cloud_services": [*CORE, "glanse"]}, "'glanse': did you mean glance? allowed values: keystone, glance"),
    ({"cloud_services": [*CORE, "Heat"]}, "'Heat': did you mean heat?"),
    ({"cloud_services": [*CORE, "nova"]}, "cloud_services has nova twice"),
    ({"cloud_services": ["keystone", "glance"]}, "cloud_services lacks placement, nova, neutron: a cloud needs keystone"),
    ({"cloud_services": ["keystone", "glance"]}, "use the roles in your own playbook"),
    # networks
    ({"cloud_management_network": "10.0.0.1/24"}, "did you mean 10.0.0.0/24?"),
    ({"cloud_management_network": "10.0.0.0/255.255.255.0"}, "did you mean 10.0.0.0/24?"),
    ({"cloud_management_network": "10.0.0.0"}, "it is not a network"),
    ({"cloud_management_network": "10.0.0.0/33"}, "it is not a network"),
    ({"cloud_management_network": "10.0.0.0/32"}, "too small for two machines"),
    ({"cloud_management_network": "10.0.0.0/31"}, "which has 2 usable addresses, but 3 hosts need one"),
    ({"cloud_management_network": "127.0.0.0/24"}, "127.0.0.0/8 is the loopback of each machine"),
    ({"cloud_management_network": "0.0.0.0/0"}, "0.0.0.0/8 is the unspecified network"),
    ({"cloud_tunnel_network": "10.0.1.0/32"}, "too small for two machines"),
    ({"cloud_project_network": "169.254.0.0/16"}, "instances look for their metadata there"),
    (
        {"cloud_project_network": "192.168.100.0/30"},
        "too small for its gateway, the DHCP service and instances: give a network of /29",
    ),
    ({"cloud_project_network": "224.0.0.0/24"}, "multicast"),
    ({"cloud_external_network": "192.0.2.0/31"}, "too small for its gateway and an address of the pool"),
    ({"cloud_external_network": "192.0.2.1/32"}, "too small"),
    (
        {"cloud_external_network": "10.0.1.0/25"},
        "cloud_tunnel_network (10.0.1.0/24) and cloud_external_network (10.0.1.0/25) overlap",
    ),
    (
        {"cloud_project_network": "10.0.0.0/16"},
        "cloud_management_network (10.0.0.0/24) and cloud_project_network (10.0.0.0/16) overlap",
    ),
    ({"cloud_tunnel_network": "10.0.0.0/25"}, "overlap"),
    # gateway and pool
    ({"cloud_external_gateway": "198.51.100.1"}, "198.51.100.1, which is not in cloud_external_network (192.0.2.0/24)"),
    ({"cloud_external_gateway": "192.0.2.255"}, "the network or broadcast address of cloud_external_network"),
    ({"cloud_external_gateway": "gateway"}, "'gateway': it is not an address"),
    ({"cloud_external_gateway": "192.0.2.1/24"}, "'192.0.2.1/24': it is not an address"),
    ({"cloud_external_gateway": "192.0.2.150"}, "192.0.2.150 is inside cloud_external_pool"),
    ({"cloud_external_gateway": 3221225985}, "cloud_external_gateway is the number"),
    ({"cloud_external_pool": {"start": "192.0.2.9", "end": "192.0.2.2"}}, "begins at 192.0.2.9, after its end 192.0.2.2"),
    (
        {"cloud_external_pool": {"start": "192.0.2.9", "end": "198.51.100.2"}},
        "cloud_external_pool.end is 198.51.100.2, which is not in",
    ),
    ({"cloud_external_pool": {"start": "192.0.2.9"}}, "cloud_external_pool has no end: give a dictionary with start and end"),
    ({"cloud_external_pool": {"end": "192.0.2.9"}}, "cloud_external_pool has no start"),
    ({"cloud_external_pool": {"start": "192.0.2.9", "end": None}}, "cloud_external_pool.end has no value"),
    (
        {"cloud_external_pool": {"first": "192.0.2.9", "last": "192.0.2.19"}},
        "cloud_external_pool has unknown keys (first, last)",
    ),
    (
        {"cloud_external_pool": "192.0.2.9-192.0.2.19"},
        "cloud_external_pool is the string '192.0.2.9-192.0.2.19': give a dictionary with",
    ),
    ({"cloud_external_pool": ["192.0.2.9", "192.0.2.19"]}, "cloud_external_pool is the list"),
    # the rest
    ({"cloud_dns_servers": "9.9.9.9"}, "cloud_dns_servers is the string '9.9.9.9': give a list, such as [9.9.9.9, 1.1.1.1]"),
    (
        {"cloud_dns_servers": ["dns.example.org"]},
        "cloud_dns_servers[0] is 'dns.example.org': it is not an address; give one like 9.9.9.9",
    ),
    ({"cloud_dns_servers": ["127.0.0.53"]}, "the loopback of each machine"),
    ({"cloud_dns_servers": ["9.9.9.9", "9.9.9.9"]}, "cloud_dns_servers has 9.9.9.9 twice"),
    ({"cloud_api_address": "http://10.0.0.11:5000/"}, "without a scheme, port or path"),
    ({"cloud_api_address": "10.0.0.11:5000"}, "without a scheme, port or path"),
    ({"cloud_api_address": "10.0.0.256"}, "it is not an address"),
    ({"cloud_tenant_network_type": "vxlam"}, "'vxlam': did you mean vxlan? allowed values: vxlan, gre, vlan"),
    ({"cloud_tenant_network_type": "VXLAN"}, "did you mean vxlan?"),
    ({"cloud_tenant_network_type": "vlan"}, "cloud_vlan_range is not set"),
    ({"cloud_tenant_network_type": "vlan"}, "cloud_vlan_interface is not set"),
    ({"cloud_vlan_range": "1:5000"}, "cloud_vlan_range is '1:5000': give the first and last tag, from 1 to 4094"),
    ({"cloud_vlan_range": "199:100"}, "cloud_vlan_range is '199:100'"),
    ({"cloud_vlan_range": "100-199"}, "cloud_vlan_range is '100-199'"),
    ({"cloud_vlan_range": 100}, "cloud_vlan_range is the number 100"),
    (
        {"cloud_external_interface": "enx0123456789abcdef"},
        "interface names have at most 15 characters; if it is an alternative",
    ),
    ({"cloud_external_interface": "eth0 eth1"}, "give the name of one interface"),
    ({"cloud_external_interface": "eth0:1"}, "give the name of one interface"),
    ({"cloud_external_interface": "/dev/eth0"}, "give the name of one interface"),
    ({"cloud_external_interface": "br-external"}, "that is an Open vSwitch bridge of the cloud"),
    ({"cloud_external_interface": "lo"}, "that is the loopback interface"),
    ({"cloud_volume_gb": "10G"}, "cloud_volume_gb is '10G': give a positive integer, such as 100"),
    ({"cloud_volume_gb": 0}, "cloud_volume_gb is 0"),
    ({"cloud_volume_gb": 99.5}, "cloud_volume_gb is the number 99.5"),
    ({"cloud_volume_gb": True}, "cloud_volume_gb is true"),
    ({"cloud_volume_device": None}, 'cloud_volume_device has no value: give a string (write "" for none)'),
    ({"cloud_volume_device": "vdb"}, "cloud_volume_device is 'vdb': give the path of a disk"),
    ({"cloud_volume_device": "/dev/"}, "give the path of a disk"),
    ({"cloud_volume_device": "/dev/vdb /dev/vdc"}, "give the path of a disk"),
    ({"cloud_volume_device": "/dev/../etc/passwd"}, "give the path of a disk"),
    ({"cloud_credentials_file": "~"}, "that is a directory"),
    ({"cloud_credentials_file": "~no_such_user/clouds.yaml"}, "that home directory does not exist"),
    ({"cloud_credentials_file": "/tmp"}, "that is a directory"),
    ({"cloud_credentials_file": "/tmp/x/"}, "that is a directory"),
    ({"cloud_credentials_file": "/etc/passwd/clouds.yaml"}, "/etc/passwd is not a directory"),
    ({"cloud_tls": {"certificate": "/etc/passwd"}}, "cloud_tls has no private_key: give"),
    (
        {"cloud_tls": {"certificate": "/etc/passwd", "private_key": "/no/key"}},
        "cloud_tls.private_key is '/no/key': there is no such",
    ),
    (
        {"cloud_tls": {"certificate": "/etc", "private_key": "/etc/passwd"}},
        "cloud_tls.certificate is '/etc': that is a directory",
    ),
    ({"cloud_tls": {"certificate": "/dev/null", "private_key": "/etc/passwd"}}, "that is not a file"),
    ({"cloud_tls": {"certificate": "~no_such_user/x", "private_key": "/etc/passwd"}}, "that home directory does not exist"),
    ({"cloud_tls": FILES, "cloud_public_name": WITHOUT}, "cloud_tls is set, but cloud_public_name is not"),
    ({"cloud_tls": FILES, "cloud_public_name": "192.0.2.1"}, "cloud_tls needs a DNS name in cloud_public_name"),
    ({"cloud_tls": FILES, "cloud_public_name": "a.org", "cloud_api_address": "A.org"}, "cloud_api_address are both a.org"),
    ({"cloud_hosts_entries": "yes"}, "cloud_hosts_entries is the string 'yes': give true or false"),
    ({"cloud_firewall": "false"}, "cloud_firewall is the string 'false': give true or false, without quotes"),
    ({"cloud_firewall": 1}, "cloud_firewall is the number 1: give true or false"),
    # templates
    ({"cloud_name": "{{ nope }}"}, "cloud_name cannot be computed from its template: 'nope' is undefined; change it in"),
    ({"cloud_name": "{{ nope"}, "cloud_name cannot be computed from its template: Syntax error in template"),
    (
        {"cloud_external_pool": {"start": "{{ nope }}", "end": "192.0.2.9"}},
        "cloud_external_pool cannot be computed from its template: 'nope' is undefined",
    ),
    (
        {"cloud_credentials_file": "{{ inventory_dir }}/clouds.yaml"},
        "of host localhost cannot be computed from its template: 'inventory_dir' is undefined",
    ),
]


@pytest.mark.parametrize(("changed", "message"), BAD, ids=[f"{number}-{next(iter(one))}" for number, (one, _) in enumerate(BAD)])
def test_one_problem(changed: dict[str, Any], message: str, site: Site) -> None:
    found = site.set(**changed).problems()
    assert any(message in each for each in found), found
    assert all(next(iter(changed)) in each or "cloud_vlan" in each or "cloud_external" in each for each in found), found


@pytest.mark.parametrize(("text", "message"), [
    ("cloud_vlan_range: 10:59", "cloud_vlan_range is the number 659 (YAML reads 10:59 as this number too)"),
    ("cloud_region: 2026-11-27", "cloud_region is 2026-11-27, which YAML reads as type date: give a string"),
    ("cloud_region: no", "cloud_region is false"),
    ("cloud_services: keystone, glance", "cloud_services is the string 'keystone, glance': give a list"),
    ("cloud_services:\n  keystone:\n  glance:\n", "cloud_services is the dictionary"),
    ("cloud_external_pool:\n  - start: 192.0.2.9\n    end: 192.0.2.19\n", "cloud_external_pool is the list"),
    ("cloud_dns_servers: 9.9.9.9, 1.1.1.1", "cloud_dns_servers is the string"),
    ("cloud_volume_device:", "cloud_volume_device has no value"),
    ("cloud_verify_image: {name: cirros}", "cloud_verify_image has no user: give a dictionary with name and user"),
])  # fmt: skip
def test_as_operators_type_it(text: str, message: str, site: Site) -> None:
    found = site.text(text).problems()
    assert len(found) == 1
    assert message in found[0]


def test_all_problems_at_once(site: Site) -> None:
    found = site.set(cloud_region="", cloud_tenant_network_type="x", cloud_external_gateway="y").group("compute_nodes").problems()
    assert len(found) == 4


# --- hosts and groups --------------------------------------------------------------------------------------------------


def test_hosts_have_their_own_values(site: Site) -> None:
    site.group("storage_nodes", "controller", "compute").host("compute", cloud_volume_gb="10G", cloud_volume_device=5)
    found = site.problems()
    assert len(found) == 2
    assert "cloud_volume_gb of host compute is '10G'" in found[1]
    assert "host_vars" in found[1]


@pytest.mark.parametrize("value", [5, None, "eth 0", "x" * 16, ["eth0"], "{{ nope }}"])
def test_interfaces_of_hosts_are_checked(value: Any, site: Site) -> None:
    found = site.host("network", cloud_external_interface=value).problems()
    assert [one.startswith("cloud_external_interface of host network") for one in found] == [True]


def test_a_setting_that_some_hosts_lack(site: Site) -> None:
    site.set(cloud_region=WITHOUT, cloud_external_interface=WITHOUT).host("network", cloud_region="x").host(
        "compute", cloud_external_interface="eth1"
    )
    found = site.problems()
    assert "cloud_region is not set for hosts controller, compute, localhost: set it in group_vars/all/cloud.yml" in found[0]
    assert "cloud_external_interface is not set for host network: give it a value" in found[1]


def test_settings_of_the_site_are_the_same_everywhere(site: Site) -> None:
    found = site.host("network", cloud_region="Elsewhere").problems()
    assert len(found) == 1
    assert "cloud_region differs between hosts ('RegionOne' on controller, 'Elsewhere' on network)" in found[0]


def test_an_interface_is_in_one_bridge(site: Site) -> None:
    site.set(cloud_tenant_network_type="vlan", cloud_vlan_range="1:9", cloud_vlan_interface="eno3")
    (found,) = site.problems()
    assert "cloud_external_interface and cloud_vlan_interface both name eno3 on host network" in found


def test_two_vlans_of_an_interface_are_in_two_bridges(site: Site) -> None:
    site.set(cloud_tenant_network_type="vlan", cloud_vlan_range="1:9", cloud_vlan_interface="eno3")
    assert site.host("network", cloud_vlan_interface="eno3.7").problems() == []


@pytest.mark.parametrize(("group", "hosts", "message"), [
    ("network_nodes", [], "group network_nodes has no hosts, but a cloud needs at least one"),
    ("storage_nodes", [], "cloud_services has cinder, but group storage_nodes has no hosts"),
    ("controller_nodes", ["a", "b", "c"], "group controller_nodes has 3 hosts (a, b, c): only one controller is supported"),
    ("compute_node", ["x"], "group compute_node with x is not a group of the site: did you mean compute_nodes?"),
    ("storage_node", ["x"], "did you mean storage_nodes?"),
    ("control_nodes", ["x"], "did you mean controller_nodes?"),
    ("Network_Nodes", ["x"], "did you mean network_nodes?"),
    ("computes_nodes", ["compute", "x"], "group computes_nodes with x is"),
])  # fmt: skip
def test_groups(group: str, hosts: list[str], message: str, site: Site) -> None:
    found = site.group(group, *hosts).problems()
    assert len(found) == 1
    assert message in found[0]
    assert "hosts.yml" in found[0]


@pytest.mark.parametrize("group", ["bastion", "monitoring", "nodes", "compute", "old_compute_nodes", "ceph", "storage"])
def test_other_groups_belong_to_others(group: str, site: Site) -> None:
    assert site.group(group, "x").problems() == []


def test_names_of_groups_may_be_allowed(site: Site) -> None:
    assert site.group("compute_node", "x").problems(allowed=["compute_node"]) == []
    assert site.group("compute_node", "x").problems(allowed="compute_node") == []


# --- with facts --------------------------------------------------------------------------------------------------------


def test_facts_tell_more(site: Site) -> None:
    site.set(cloud_tenant_network_type="vlan", cloud_vlan_range="1:9", cloud_vlan_interface="eth0")
    site.text("cloud_management_address: '{{ ansible_facts.address }}'")
    facts = {
        "network": {"interfaces": ["lo", "eth0", "eth2"], "address": "10.0.0.7"},
        "compute": {"interfaces": ["lo"], "address": "x"},
    }
    hostvars, groups = site.read(facts)
    (missing,) = plan_problems(hostvars, groups=groups, host="network")
    assert missing.startswith(
        "host network has no interface 'eno3', which cloud_external_interface names; it has eth0, eth2, lo: correct"
    )
    address, interface = plan_problems(hostvars, groups=groups, host="compute")
    assert address.startswith("cloud_management_address is 'x': it is not an address")
    assert "host compute has no interface 'eth0', which cloud_vlan_interface names" in interface
    assert plan_problems(hostvars, groups=groups, host="controller") == []


@pytest.mark.parametrize("wrong", [None, "x", ["x"], 5])
def test_filters_want_hostvars_and_groups(wrong: Any, site: Site) -> None:
    hostvars, groups = site.read()
    for find in (plan_problems, unknown_settings):
        with pytest.raises(AnsibleFilterError, match="expects hostvars to be a dictionary"):
            find(wrong, groups=groups)
        with pytest.raises(AnsibleFilterError, match="expects groups to be a dictionary"):
            find(hostvars, groups=wrong)


# --- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "meant"), [
    ("cloud_regoin", "cloud_region"),
    ("cloud_dns_server", "cloud_dns_servers"),
    ("cloud_api_adress", "cloud_api_address"),
    ("cluod_region", "cloud_region"),
    ("Cloud_Region", "cloud_region"),
    ("cloud_nmae", "cloud_name"),
    ("glance_conifg", "glance_config"),
    ("lvm_storage_wipe_devices", "lvm_storage_wipe_device"),
    ("resource_images", "resources_images"),
])  # fmt: skip
def test_misspelt_names(name: str, meant: str, site: Site) -> None:
    site.text(f"{name}: x")
    (found,) = site.unknown(where="group_vars")
    assert found.startswith(f"{name} in group_vars: unknown setting, did you mean {meant}? ")
    assert "preflight_allowed_names" in found
    assert site.unknown(allowed=[name]) == site.unknown(allowed=name) == []


@pytest.mark.parametrize("name", [
    "mariadb_root_password", "mariadb_galera_nodes", "service_mesh", "services_enabled", "packages_extra", "packages_state",
    "lab_owner", "verify_ssl", "verify_certs", "glance_image_dir", "glance_api_version", "nova_version", "keystone_url",
    "rabbitmq_cluster_name", "memcached_bind", "cloud_provider", "cloud_region_name", "cloud_init_template", "cloud_zzz",
    "secrets_dir", "clients_allowed", "my_own", "__glance_config", "ansible_hots", "haproxy_config",
])  # fmt: skip
def test_names_that_belong_to_others(name: str, site: Site) -> None:
    assert site.text(f"{name}: x").unknown() == []


def test_names_of_strangers_do_not_matter(site: Site) -> None:
    site.group("monitoring", "grafana").host("grafana", cloud_regoin="x", cloud_controller="y")
    assert site.unknown() == []


def test_names_of_one_host_do_matter(site: Site) -> None:
    assert len(site.host("compute", cloud_regoin="x", cloud_controller="y").unknown()) == 2


def test_a_name_that_is_needed_is_looked_for_further(site: Site) -> None:
    site.text("cloud_mgmt_network: 10.0.0.0/24")
    assert site.unknown() == []
    (found,) = site.set(cloud_management_network=WITHOUT).unknown()
    assert "did you mean cloud_management_network?" in found


COMPUTED = names.read_collection(ROOT).computed


def test_what_playbooks_compute() -> None:
    assert {"cloud_controller", "cloud_keystone_url", "cloud_transport_urls", "cloud_api_services"} <= COMPUTED
    assert not COMPUTED & {"cloud_api_address", "cloud_management_address", "cloud_tunnel_address", "cloud_secrets"}


@pytest.mark.parametrize("name", sorted(COMPUTED))
def test_what_playbooks_compute_is_not_set(name: str, site: Site) -> None:
    site.host("compute", **{name: "x"})
    (found,) = site.unknown()
    assert found.startswith(f"{name} in the inventory: the playbooks compute it and would ignore this value; remove it")
    assert site.unknown(allowed=[name]) == []


def test_read_collection(tmp_path: Path) -> None:
    for name, text in {
        "roles/glance/meta/argument_specs.yml": "argument_specs: {main: {options: {glance_a: {}}}, x: {}}",
        "roles/glance/defaults/main.yml": "glance_b: 1",
        "playbooks/vars/site.yml": "{cloud_c: 1, cloud_api_address: 2}",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = names.read_collection(tmp_path)
    assert found.known == {"glance_a", "glance_b", "cloud_c", "cloud_secrets", *SETTINGS}
    assert found.computed == {"cloud_c"}
    assert "cloud_region" in found.required


@pytest.mark.parametrize("wrong", ["cloud_region", "x"])
def test_names_are_a_list(wrong: str) -> None:
    with pytest.raises(names.NamesError, match="a list, not a string"):
        names.name_problems(wrong, of=names.read_collection(ROOT))


# --- the description ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETTINGS)
def test_description(name: str) -> None:
    setting = SETTINGS[name]
    assert setting.type in formats.KINDS
    assert setting.format in ("", *formats.FORMATS)
    assert set(setting.must_have) <= set(setting.choices)
    assert setting.description.endswith(".")
    assert bool(setting.elements) == (setting.type == "list")
    assert bool(setting.options) == (setting.type == "dict")
    # what happens without it is said once
    assert bool(setting.required) != bool(setting.default)
    if "{{" not in str(setting.example):
        assert list(formats.value_problems(name, setting.example, setting)) == []


def test_every_setting_that_something_reads_is_described() -> None:
    paths = [*ROOT.glob("roles/*/defaults/main.yml"), *ROOT.glob("roles/*/vars/main.yml"), *ROOT.glob("playbooks/**/*.yml")]
    read = {name for path in paths for name in re.findall(r"\bcloud_[a-z_]+\b(?!:)", path.read_text())}
    assert read - set(SETTINGS) - COMPUTED - names.GENERATED == set()


def test_examples_are_in_the_example_inventory() -> None:
    for name, setting in SETTINGS.items():
        content = (ROOT / "inventories/example/group_vars/all" / setting.file).read_text()
        assert re.search(rf"^(# )?{name}: ", content, re.MULTILINE), name
    images = yaml.safe_load((ROOT / "inventories/example/group_vars/all/images.yml").read_text())
    assert images["cloud_verify_image"] == SETTINGS["cloud_verify_image"].example


def test_example_and_reference_are_up_to_date() -> None:
    result = subprocess.run(
        [sys.executable, "scripts/settings-docs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


# --- sizes and secrets -------------------------------------------------------------------------------------------------


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
    with pytest.raises(secrets.SecretsError, match="list of secret names"):
        secrets.missing_secrets({}, "a")


def test_new_secrets():
    found = secrets.new_secrets(["a", "b", "x_uuid", "a"])
    assert list(found) == ["a", "b", "x_uuid"]
    assert re.fullmatch(r"[A-Za-z0-9]{32}", found["a"])
    assert found["a"] != found["b"]
    assert str(uuid.UUID(found["x_uuid"], version=4)) == found["x_uuid"]
    assert secrets.problem("tls_ca", secrets.new_secrets(["tls_ca"])["tls_ca"]) is None
    with pytest.raises(secrets.SecretsError):
        secrets.new_secrets([1])  # type: ignore[list-item]
