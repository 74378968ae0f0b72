# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks compute of a site, on hosts that are never asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from support.playbooks import run_playbook

from ansible_collections.mikumo.openstack.plugins.module_utils._certificate_authority import new_certificate_authority

ROOT = Path(__file__).resolve().parents[2]
AUTHORITY = new_certificate_authority()
BUS = {"nova": "nova", "nova_compute": "nova", "neutron": "neutron", "neutron_agents": "neutron"}


def urls(port: int) -> dict[str, str]:
    return {account: f"rabbit://{account}:pw@192.0.2.1:{port}/{vhost}" for account, vhost in BUS.items()}


STANDARD = {
    "cloud_keystone_url": "https://192.0.2.1:5000/v3",
    "cloud_glance_url": "https://192.0.2.1:9292",
    "cloud_novncproxy_url": "https://192.0.2.1:6080/vnc.html?autoconnect=true",
    "cloud_transport_urls": urls(5671),
    "cloud_memcached_servers": ["127.0.0.1:11211"],
    "cloud_public_url": "https://192.0.2.1",
}


def computed(
    directory: Path,
    controller: dict[str, Any],
    site: dict[str, Any] | None = None,
    names: Iterable[str] = STANDARD,
    host: str = "n",
) -> dict[str, Any]:
    """What the compute node, or another host, gets to know, with these variables of the controller and of all hosts."""
    hosts = {"c": {"cloud_management_address": "192.0.2.1", **controller}, "n": {"cloud_management_address": "192.0.2.2"}}
    children = {"controller_nodes": {"hosts": {"c": None}}, "compute_nodes": {"hosts": {"n": None}}}
    passwords = {f"{account}_rabbitmq": "pw" for account in BUS}
    services = ["keystone", "glance", "placement", "nova", "neutron"]
    variables = {"cloud_secrets": {**passwords, "tls_ca": AUTHORITY}, "cloud_services": services, **(site or {})}
    (directory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "children": children, "vars": variables}}))
    play = {
        "hosts": host,
        "gather_facts": False,
        "connection": "local",
        "vars_files": [str(ROOT / "playbooks/vars/site.yml")],
        "tasks": [
            {"ansible.builtin.set_fact": {"hostname": f"{host}-real", "cacheable": True}},
            {
                "ansible.builtin.copy": {
                    "content": "{{ dict(" + ", ".join(f"{name}={name}" for name in names) + ") | to_json }}",
                    "dest": str(directory / "out.json"),
                    "mode": "0600",
                }
            },
        ],
    }
    (directory / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    status, output = run_playbook([directory / "hosts.yml"], directory / "play.yml", seconds=300)
    assert status == 0, output
    found: dict[str, Any] = json.loads((directory / "out.json").read_text())
    return found


@pytest.mark.parametrize(
    ("controller", "differs"),
    [
        ({}, {}),
        ({"rabbitmq_port": 5673}, {"cloud_transport_urls": urls(5673)}),
        ({"memcached_port": "11311"}, {"cloud_memcached_servers": ["127.0.0.1:11311"]}),
        (
            {"glance_port": 9393, "nova_novncproxy_port": 6081},
            {
                "cloud_glance_url": "https://192.0.2.1:9393",
                "cloud_novncproxy_url": "https://192.0.2.1:6081/vnc.html?autoconnect=true",
            },
        ),
    ],
)
def test_a_port_of_the_controllers_role_reaches_who_asks_there(
    controller: dict[str, Any], differs: dict[str, Any], tmp_path: Path
) -> None:
    assert computed(tmp_path, controller) == STANDARD | differs


NOVNC = "vnc.html?autoconnect=true"


@pytest.mark.parametrize(
    ("site", "differs"),
    [
        (
            {"cloud_public_name": "cloud.example.org"},
            {
                "cloud_public_url": "https://cloud.example.org",
                "cloud_novncproxy_url": f"https://cloud.example.org:6080/{NOVNC}",
            },
        ),
        (
            {"cloud_public_address": "198.51.100.1"},
            {"cloud_public_url": "https://198.51.100.1", "cloud_novncproxy_url": f"https://198.51.100.1:6080/{NOVNC}"},
        ),
        (
            {"cloud_public_name": "cloud.example.org", "cloud_public_address": "198.51.100.1"},
            {
                "cloud_public_url": "https://cloud.example.org",
                "cloud_novncproxy_url": f"https://cloud.example.org:6080/{NOVNC}",
            },
        ),
        # Users and services come to one name.
        (
            {"cloud_api_address": "api.example.org"},
            {
                "cloud_public_url": "https://api.example.org",
                "cloud_keystone_url": "https://api.example.org:5000/v3",
                "cloud_glance_url": "https://api.example.org:9292",
                "cloud_novncproxy_url": f"https://api.example.org:6080/{NOVNC}",
            },
        ),
    ],
)
def test_a_name_for_users_is_not_that_of_services(site: dict[str, Any], differs: dict[str, Any], tmp_path: Path) -> None:
    assert computed(tmp_path, {}, site) == STANDARD | differs


def test_proxy_and_certificate_of_a_controller(tmp_path: Path) -> None:
    controller = {
        # What the roles say.
        "keystone_frontends": [{"name": "keystone", "port": 5000}],
        "nova_frontends": [{"name": "nova-api", "port": 8774}, {"name": "nova-novncproxy", "port": 6080}],
    }
    site = {
        "cloud_services": ["keystone", "nova"],
        "cloud_public_name": "cloud.example.org",
        "cloud_public_address": "198.51.100.1",
        "cloud_api_address": "api.example.org",
    }
    found = computed(tmp_path, controller, site, ["haproxy_frontends", "cloud_certificate"], "c")
    addresses = ["192.0.2.1", "198.51.100.1"]
    assert found["haproxy_frontends"] == [
        {"name": "keystone", "port": 5000, "addresses": addresses},
        {"name": "nova-api", "port": 8774, "addresses": addresses},
        {"name": "nova-novncproxy", "port": 6080, "addresses": addresses},
    ]
    (certificate, *_) = x509.load_pem_x509_certificates(found["cloud_certificate"]["certificate"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == {"cloud.example.org", "api.example.org", "c-real", *addresses}
    assert found["cloud_certificate"]["ca"] in AUTHORITY


def test_a_certificate_for_users(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text("certificate\n")
    (tmp_path / "key.pem").write_text("key\n")
    site = {
        "cloud_public_name": "Cloud.example.org",
        "cloud_public_address": "198.51.100.1",
        "cloud_tls": {"certificate": str(tmp_path / "chain.pem"), "private_key": str(tmp_path / "key.pem")},
    }
    names = ["haproxy_public_certificate", "cloud_public_ca", "cloud_public_ca_file", "cloud_certificate"]
    found = computed(tmp_path, {}, site, names, "c")
    assert found["haproxy_public_certificate"] == {"certificate": "certificate", "private_key": "key"}
    # Clients trust whom their system trusts.
    assert (found["cloud_public_ca"], found["cloud_public_ca_file"]) == ("", "")
    # HAProxy finds the name in one certificate only.
    (own, *_) = x509.load_pem_x509_certificates(found["cloud_certificate"]["certificate"].encode())
    alternative = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in alternative} == {"192.0.2.1", "198.51.100.1", "c-real"}


def test_without_a_certificate_for_users(tmp_path: Path) -> None:
    found = computed(tmp_path, {}, {}, ["haproxy_public_certificate", "cloud_public_ca", "cloud_public_ca_file"], "c")
    assert found["haproxy_public_certificate"] == {}
    assert found["cloud_public_ca"] in AUTHORITY
    assert found["cloud_public_ca_file"] == "/etc/mikumo/tls/ca.pem"


@pytest.mark.parametrize(
    ("site", "names"),
    [
        ({}, []),
        ({"cloud_public_address": "198.51.100.1"}, []),
        ({"cloud_public_name": "cloud.example.org"}, ["cloud.example.org"]),
        ({"cloud_api_address": "api.example.org"}, ["api.example.org"]),
        (
            {"cloud_api_address": "api.example.org", "cloud_public_name": "cloud", "cloud_public_address": "198.51.100.1"},
            ["api.example.org", "cloud"],
        ),
    ],
)
def test_names_in_urls_lead_to_the_controller(site: dict[str, Any], names: list[str], tmp_path: Path) -> None:
    site = {"time_sync_pending": False, "cloud_hosts_entries": True, **site}
    found = computed(tmp_path, {}, site, ["hosts_entries", "cloud_foundation_pending"])
    assert found["hosts_entries"] == ([{"address": "192.0.2.1", "names": names}] if names else [])
    # The role has to run on every node.
    assert found["cloud_foundation_pending"] is True
