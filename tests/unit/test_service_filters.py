"""Data shaping for the files of services."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
import yaml
from keystoneauth1.access.service_catalog import ServiceCatalogV3

from ansible_collections.mikumo.openstack.plugins.filter.catalogue_entries import catalogue_entries
from ansible_collections.mikumo.openstack.plugins.filter.rabbitmq_config import rabbitmq_config
from ansible_collections.mikumo.openstack.plugins.filter.rabbitmq_password_hash import rabbitmq_password_hash
from ansible_collections.mikumo.openstack.plugins.filter.service_sections import service_sections
from ansible_collections.mikumo.openstack.plugins.filter.uwsgi_config import uwsgi_config

ROLES = Path(__file__).resolve().parents[2] / "roles"
ACCOUNT = {"keystone_url": "http://k:5000/v3", "region": "R", "username": "glance", "password": "pw"}


@pytest.mark.parametrize(
    ("surroundings", "sections"),
    [
        ({}, {"DEFAULT"}),
        ({"database_url": "mysql://x"}, {"DEFAULT", "database"}),
        ({"transport_url": "rabbit://x"}, {"DEFAULT", "oslo_messaging_rabbit"}),
        ({"lock_path": "/l"}, {"DEFAULT", "oslo_concurrency"}),
        (ACCOUNT, {"DEFAULT", "keystone_authtoken", "service_user"}),
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


def test_unknown_surroundings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"databaseurl.*database_url"):
        service_sections({"databaseurl": "x"})


def test_uwsgi_closes_the_connection_and_keeps_the_length() -> None:
    text = uwsgi_config({"name": "nova", "application": "/a", "processes": 2, "threads": 1, "process_name": "nova-api"})
    assert "add-header = Connection: close\n" in text
    assert "rem-header" not in text
    assert "processes = 2\n" in text
    assert "PROCESSNAME=nova-api\n" in text


def test_hash_is_the_same_at_every_run_and_rabbitmqs_own() -> None:
    raw = base64.b64decode(rabbitmq_password_hash("secret"))
    assert raw[4:] == hashlib.sha256(raw[:4] + b"secret").digest()
    assert rabbitmq_password_hash("secret") == rabbitmq_password_hash("secret") != rabbitmq_password_hash("other")


def test_rabbitmq_config_leaves_out_what_is_null() -> None:
    assert rabbitmq_config({"a.b": 1, "c": None}).splitlines()[1:] == ["a.b = 1"]


def test_catalogue_entries() -> None:
    service = {"name": "glance", "type": "image", "description": "Image", "url": "http://g", "password": "pw"}
    entries = catalogue_entries([service], "demo", "dpw")
    assert [project["name"] for project in entries["projects"]] == ["service", "demo"]
    assert {role["role"] for role in entries["users"][0]["roles"]} == {"admin", "service"}
    assert entries["users"][1]["roles"] == [{"role": "member", "project": "demo"}]
    assert entries["services"][0]["endpoints"] == dict.fromkeys(("public", "internal", "admin"), "http://g")
    assert entries["domains"] == []


def test_catalogue_entries_of_a_service_with_users_of_its_own() -> None:
    service = {"name": "heat", "type": "orchestration", "description": "Orchestration", "url": "http://h", "password": "pw"}
    more = {"roles": ["stack_owner"], "domain": {"name": "heat", "admin": "heat_admin", "password": "apw"}}
    entries = catalogue_entries([service | more])
    assert entries["roles"] == ["service", "member", "stack_owner"]
    assert [domain["name"] for domain in entries["domains"]] == ["heat"]
    assert entries["users"][1]["domain"] == "heat"
    assert entries["users"][1]["roles"] == [{"role": "admin", "domain": "heat"}]


CINDER = {"name": "cinder", "type": "block-storage", "description": "Block Storage", "url": "http://c/v3", "password": "pw"}


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
    entries = catalogue_entries([{**CINDER, "aliases": aliases}])
    assert [(one["name"], one["type"], one.get("state")) for one in entries["services"]] == listed
    assert all(one["endpoints"] == dict.fromkeys(("public", "internal", "admin"), "http://c/v3") for one in entries["services"])
    assert [user["name"] for user in entries["users"]] == ["cinder"]


def test_what_cinder_publishes_is_found_by_clients_of_each_generation() -> None:
    """Keystoneauth serves openstacksdk, python-cinderclient, Nova, Heat and Horizon; other clients compare the type itself."""
    role = yaml.safe_load((ROLES / "cinder/defaults/main.yml").read_text())["cinder_catalogue"]
    services = catalogue_entries([{**role, "url": "http://c/v3", "password": "pw"}])["services"]
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
        assert [one.url for one in found] == ["http://c/v3"], wanted
