# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data shaping for the files of services."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from keystoneauth1.access.service_catalog import ServiceCatalogV3

from ansible_collections.mikumo.openstack.plugins.filter.catalog_entries import catalog_entries
from ansible_collections.mikumo.openstack.plugins.filter.keystone_auth import keystone_auth
from ansible_collections.mikumo.openstack.plugins.filter.neutron_agents import neutron_agents
from ansible_collections.mikumo.openstack.plugins.filter.privsep_sections import privsep_sections
from ansible_collections.mikumo.openstack.plugins.filter.rabbitmq_config import rabbitmq_config
from ansible_collections.mikumo.openstack.plugins.filter.rabbitmq_password_hash import rabbitmq_password_hash
from ansible_collections.mikumo.openstack.plugins.filter.service_sections import service_sections
from ansible_collections.mikumo.openstack.plugins.filter.tempest_patterns import tempest_patterns

ROLES = Path(__file__).resolve().parents[2] / "roles"
ACCOUNT = {"keystone_url": "http://k:5000/v3", "region": "R", "username": "glance", "password": "pw"}


@pytest.mark.parametrize(
    ("surroundings", "sections"),
    [
        ({}, {"DEFAULT"}),
        ({"database_url": "mysql://x"}, {"DEFAULT", "database"}),
        ({"transport_url": "rabbit://x"}, {"DEFAULT", "oslo_messaging_rabbit"}),
        ({"lock_path": "/l"}, {"DEFAULT", "oslo_concurrency"}),
        (ACCOUNT, {"DEFAULT", "keystone_authtoken", "service_user", "oslo_middleware"}),
        ({"ca_file": "/ca.pem"}, {"DEFAULT"}),
    ],
)
def test_a_section_is_there_if_what_it_is_made_from_is(surroundings: dict[str, str], sections: set[str]) -> None:
    assert set(service_sections(surroundings)) == sections


def test_region_and_account_reach_every_section_that_asks_keystone() -> None:
    sections = service_sections(ACCOUNT)
    for name in ("keystone_authtoken", "service_user"):
        assert sections[name]["region_name"] == "R"
        assert sections[name]["password"] == "pw"


def test_tokens_in_memcached_are_encrypted() -> None:
    section = service_sections({**ACCOUNT, "memcached_servers": ["m:11211"], "memcache_secret": "s"})["keystone_authtoken"]
    assert section["memcache_security_strategy"] == "ENCRYPT"
    assert section["memcache_secret_key"] == "s"


def test_links_begin_with_the_scheme_that_the_client_used() -> None:
    assert service_sections(ACCOUNT)["oslo_middleware"] == {"enable_proxy_headers_parsing": True}


def test_authorities_reach_every_section_that_verifies() -> None:
    sections = service_sections({**ACCOUNT, "transport_url": "rabbit://x", "ca_file": "/ca.pem"})
    for name in ("keystone_authtoken", "service_user"):
        assert sections[name]["cafile"] == "/ca.pem"
    queue = sections["oslo_messaging_rabbit"]
    assert (queue["ssl"], queue["ssl_ca_file"], queue["ssl_enforce_hostname_verification"]) == (True, "/ca.pem", True)


@pytest.mark.parametrize("none", [{}, {"ca_file": ""}, {"ca_file": None}])
def test_without_authorities_there_is_no_tls(none: dict[str, Any]) -> None:
    sections = service_sections({**ACCOUNT, "transport_url": "rabbit://x", **none})
    assert not [key for section in sections.values() for key in section if key == "cafile" or key.startswith("ssl")]


def test_another_account_verifies_as_well() -> None:
    assert keystone_auth({**ACCOUNT, "ca_file": "/ca.pem"}, "neutron")["cafile"] == "/ca.pem"
    assert "cafile" not in keystone_auth({**ACCOUNT, "ca_file": ""}, "neutron")


def test_unknown_surroundings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"databaseurl.*database_url"):
        service_sections({"databaseurl": "x"})


def test_hash_is_the_same_at_every_run_and_rabbitmqs_own() -> None:
    raw = base64.b64decode(rabbitmq_password_hash("secret"))
    assert raw[4:] == hashlib.sha256(raw[:4] + b"secret").digest()
    assert rabbitmq_password_hash("secret") == rabbitmq_password_hash("secret") != rabbitmq_password_hash("other")


def test_rabbitmq_config_leaves_out_what_is_null() -> None:
    assert rabbitmq_config({"a.b": 1, "c": None}).splitlines()[1:] == ["a.b = 1"]


GLANCE = {"name": "glance", "type": "image", "description": "Image"}
ENDPOINTS = {"public": "https://p", "internal": "https://i"}
EVERY = {**ENDPOINTS, "admin": "https://i"}


def test_catalog_entries() -> None:
    service = {**GLANCE, "endpoints": ENDPOINTS, "password": "pw"}
    entries = catalog_entries([service], "demo", "dpw")
    assert [project["name"] for project in entries["projects"]] == ["service", "demo"]
    assert {role["role"] for role in entries["users"][0]["roles"]} == {"admin", "service"}
    assert entries["users"][1]["roles"] == [{"role": "member", "project": "demo"}]
    assert entries["services"][0]["endpoints"] == EVERY
    assert entries["domains"] == []


def test_an_endpoint_for_administrators_of_its_own() -> None:
    endpoints = {**ENDPOINTS, "admin": "https://a"}
    entries = catalog_entries([{**GLANCE, "endpoints": endpoints, "password": "pw"}])
    assert entries["services"][0]["endpoints"] == endpoints


def test_a_service_without_a_password_has_no_account() -> None:
    keystone = {"name": "keystone", "type": "identity", "description": "Identity", "endpoints": ENDPOINTS}
    entries = catalog_entries([keystone, {**GLANCE, "endpoints": ENDPOINTS, "password": "pw"}])
    assert [service["name"] for service in entries["services"]] == ["keystone", "glance"]
    assert [user["name"] for user in entries["users"]] == ["glance"]


def test_catalog_entries_of_a_service_with_users_of_its_own() -> None:
    service = {"name": "heat", "type": "orchestration", "description": "Orchestration", "endpoints": ENDPOINTS, "password": "pw"}
    more = {"roles": ["stack_owner"], "domain": {"name": "heat", "admin": "heat_admin", "password": "apw"}}
    entries = catalog_entries([service | more])
    assert entries["roles"] == ["service", "member", "stack_owner"]
    assert [domain["name"] for domain in entries["domains"]] == ["heat"]
    assert entries["users"][1]["domain"] == "heat"
    assert entries["users"][1]["roles"] == [{"role": "admin", "domain": "heat"}]


def test_nobody_can_lock_the_account_of_a_service() -> None:
    domain = {"name": "heat", "admin": "heat_admin", "password": "apw"}
    entries = catalog_entries([{**GLANCE, "endpoints": ENDPOINTS, "password": "pw", "domain": domain}], "demo", "dpw")
    locked = {user["name"]: not user.get("ignore_lockout_failure_attempts", False) for user in entries["users"]}
    assert locked == {"glance": False, "heat_admin": False, "demo": True}


CINDER = {
    "name": "cinder",
    "type": "block-storage",
    "description": "Block Storage",
    "endpoints": ENDPOINTS,
    "password": "pw",
}


@pytest.mark.parametrize(
    ("aliases", "listed"),
    [
        ([], [("cinder", "block-storage", None)]),
        ([{"name": "cinderv3", "type": "volumev3"}], [("cinder", "block-storage", None), ("cinderv3", "volumev3", None)]),
        (
            [{"name": "cinderv3", "type": "volumev3", "state": "absent"}],
            [("cinder", "block-storage", None), ("cinderv3", "volumev3", "absent")],
        ),
    ],
)
def test_an_alias_is_a_service_with_the_same_endpoints_and_no_account(aliases, listed) -> None:
    entries = catalog_entries([{**CINDER, "aliases": aliases}])
    assert [(one["name"], one["type"], one.get("state")) for one in entries["services"]] == listed
    assert all(one["endpoints"] == EVERY for one in entries["services"])
    assert [user["name"] for user in entries["users"]] == ["cinder"]


def test_what_cinder_publishes_is_found_by_clients_of_each_generation() -> None:
    """Keystoneauth serves openstacksdk, python-cinderclient, Nova, Heat and Horizon; other clients compare the type itself."""
    role = yaml.safe_load((ROLES / "cinder/defaults/main.yml").read_text())["cinder_catalog"]
    services = catalog_entries([{**role, "endpoints": ENDPOINTS, "password": "pw"}])["services"]
    catalog = [
        {
            "name": one["name"],
            "type": one["type"],
            "endpoints": [{"interface": name, "url": url, "region_id": "R"} for name, url in one["endpoints"].items()],
        }
        for one in services
    ]
    assert [one["type"] for one in catalog] == ["block-storage", "volumev3"]
    # The same name twice, and the openstack command would ask for an ID.
    assert len({one["name"] for one in catalog}) == len(catalog)
    for wanted in ("block-storage", "block-store", "volume", "volumev3"):
        found = ServiceCatalogV3(catalog).get_endpoint_data_list(service_type=wanted, interface="public", region_name="R")
        assert [one.url for one in found] == ["https://p"], wanted


def test_each_context_of_privileges_asks_for_its_helper() -> None:
    command = {"helper_command": "/usr/local/lib/mikumo/privsep-helper sudo privsep-helper"}
    assert privsep_sections(["a", "b"], "sudo privsep-helper") == {"a": command, "b": command}
    assert privsep_sections(["a"], "sudo privsep-helper", shared=False) == {"a": {"helper_command": "sudo privsep-helper"}}


PATHS = {"l3": "/etc/neutron/l3_agent.ini", "dhcp": "/etc/neutron/dhcp_agent.ini"}


@pytest.mark.parametrize(
    ("layers", "lines"),
    [
        ({"common": {"DEFAULT": {"debug": "no"}}}, {"debug = no"}),
        (
            {"common": {"DEFAULT": {"a": 1, "b": 1}}, "special": {"l3": {"DEFAULT": {"a": 2}}, "dhcp": {"x": {"a": 3}}}},
            {"a = 2", "b = 1"},
        ),
        ({"special": {"l3": {"DEFAULT": {"a": 1}}}, "overrides": {"neutron": {"DEFAULT": {"a": 2}}}}, {"a = 2"}),
        ({"overrides": {"neutron": {"DEFAULT": {"a": 2}}, "l3": {"DEFAULT": {"a": 3}}, "dhcp": {"x": {"a": 4}}}}, {"a = 3"}),
        ({"contexts": ["privsep"], "overrides": {"l3": {"privsep": {"user": "root"}}}}, {"user = root"}),
        ({"special": {"neutron": {"DEFAULT": {"a": 1, "b": 1}}, "l3": {"DEFAULT": {"a": 2}}}}, {"a = 2", "b = 1"}),
        # What the site says of a helper goes over the role's own.
        ({"contexts": ["privsep"], "overrides": {"l3": {"privsep": {"helper_command": "sudo x"}}}}, {"helper_command = sudo x"}),
    ],
)
def test_later_layers_of_an_agent_go_over_earlier_ones(layers: dict[str, Any], lines: set[str]) -> None:
    described = neutron_agents(["l3"], PATHS, **layers)
    options = {line for line in described["files"][0]["content"].splitlines() if " = " in line}
    assert {line for line in options if "privsep-helper" not in line} == lines


def test_an_agent_has_one_file_that_its_start_script_knows() -> None:
    described = neutron_agents(["dhcp", "l3"], PATHS, contexts=["privsep"])
    files = {file["path"]: file["content"] for file in described["files"]}
    assert set(files) == {*PATHS.values(), "/etc/default/neutron-dhcp-agent", "/etc/default/neutron-l3-agent"}
    assert 'DAEMON_ARGS="--config-file=/etc/neutron/l3_agent.ini"\n' in files["/etc/default/neutron-l3-agent"]
    assert "privsep-helper --config-file /etc/neutron/l3_agent.ini" in files["/etc/neutron/l3_agent.ini"]
    assert described["units"][1] == {
        "name": "neutron-l3-agent.service",
        "files": ["/etc/neutron/l3_agent.ini", "/etc/default/neutron-l3-agent"],
    }
    assert neutron_agents([], {}) == {"files": [], "units": []}


@pytest.mark.parametrize(
    ("test", "selected"),
    [
        ("a.b.C.test_x[id-1,smoke]", True),
        ("a.b.C.test_y[id-2]", True),
        ("a.b.C.test_xx[id-3]", False),
        ("a.b.CC.test_x[id-4]", False),
        ("a-b.C.test_x[id-5]", False),
        ("z.a.b.C.test_x[id-6]", False),
        ("d.E.test_z[id-7]", True),
        ("d.E.test_x[id-8]", False),
    ],
)
def test_tempest_runs_the_tests_that_are_named(test: str, selected: bool) -> None:
    patterns = tempest_patterns({"a.b.C": ["test_x", "test_y"], "d.E": ["test_z"]})
    assert any(re.search(pattern, test) for pattern in patterns) is selected
