# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RabbitMQ's accounts: who may do what with which queue."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.filter.bus_accounts import bus_accounts
from ansible_collections.mikumo.openstack.plugins.filter.bus_urls import bus_urls
from ansible_collections.mikumo.openstack.plugins.filter.rabbitmq_definitions import rabbitmq_definitions
from ansible_collections.mikumo.openstack.plugins.filter.site_frontends import site_frontends
from ansible_collections.mikumo.openstack.plugins.module_utils._secrets_file import UNASKED
from ansible_collections.mikumo.openstack.plugins.plugin_utils._bus import ACCOUNTS

SECRETS = {account.secret: f"pw-{account.name}" for account in ACCOUNTS}
PERMITTED = {account.name: re.compile(account.permitted) for account in ACCOUNTS}


def test_accounts_follow_from_the_services() -> None:
    assert [one["name"] for one in bus_accounts(SECRETS, ["keystone", "nova"])] == ["nova", "nova_compute"]
    assert bus_accounts(SECRETS, ["heat"]) == [
        {"name": "heat", "password": "pw-heat", "vhost": "heat", "configure": ".*", "write": ".*", "read": ".*"}
    ]
    assert bus_urls(SECRETS, "10.0.0.11", 5671, ["nova"]) == {
        "nova": "rabbit://nova:pw-nova@10.0.0.11:5671/nova",
        "nova_compute": "rabbit://nova_compute:pw-nova_compute@10.0.0.11:5671/nova",
    }


def test_passwords_of_accounts_are_added_without_consent() -> None:
    # Modules cannot read the table: they name the accounts themselves.
    assert {name for name in UNASKED if name.endswith("_rabbitmq")} == set(SECRETS)


def test_a_secret_that_is_missing_is_named() -> None:
    for call in (lambda: bus_accounts({}, ["nova"]), lambda: bus_urls({}, "h", 5671, ["nova"])):
        with pytest.raises(AnsibleFilterError, match="the secrets lack 'nova_rabbitmq'"):
            call()


# Names as oslo.messaging makes them.
@pytest.mark.parametrize(
    ("account", "name"),
    [
        ("nova_compute", "compute"),
        ("nova_compute", "compute.compute7"),
        ("nova_compute", "compute_fanout_compute7:nova-compute:2"),
        ("nova_compute", "compute_fanout"),
        ("nova_compute", "reply_compute7:nova-compute:1"),
        ("nova_compute", "nova"),
        ("nova_compute", "conductor_fanout"),
        ("nova_compute", "amq.default"),
        ("neutron_agents", "neutron-vo-Port-1.10.compute7"),
        ("neutron_agents", "neutron-vo-Port-1.10_fanout"),
        ("neutron_agents", "q-agent-notifier-tunnel-update_fanout_network:neutron-openvswitch-agent:8"),
        ("neutron_agents", "dhcp_agent.network"),
        ("neutron_agents", "l3_agent_fanout_network:neutron-l3-agent:3"),
        ("neutron_agents", "reply_network:neutron-metadata-agent:1"),
        ("neutron_agents", "q-reports-plugin_fanout"),
        ("cinder_volume", "cinder-volume.storage1@lvm.storage1"),
        ("cinder_volume", "cinder-volume.storage1@lvm_fanout_storage1:cinder-volume:2"),
        ("cinder_volume", "cinder-scheduler_fanout"),
        ("cinder_volume", "openstack"),
        ("nova", "conductor"),
    ],
)
def test_what_an_account_may_use(account: str, name: str) -> None:
    assert PERMITTED[account].search(name)


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ("nova_compute", "conductor"),
        ("nova_compute", "conductor.controller"),
        ("nova_compute", "scheduler"),
        ("nova_compute", "computer"),
        ("nova_compute", "amq.topic"),
        ("nova_compute", "amqXdefault"),
        ("neutron_agents", "q-plugin"),
        ("neutron_agents", "q-plugin.controller"),
        ("neutron_agents", "q-reports-plugin"),
        ("neutron_agents", "neutron-other"),
        ("cinder_volume", "cinder-scheduler"),
        ("cinder_volume", "cinder-scheduler.controller"),
    ],
)
def test_what_an_account_may_not_use(account: str, name: str) -> None:
    assert not PERMITTED[account].search(name)


def test_definitions_of_accounts() -> None:
    found = rabbitmq_definitions(bus_accounts(SECRETS, ["nova"]), closed=["openstack"])
    users = {user["name"]: user["password_hash"] for user in found["users"]}
    assert list(users) == ["nova", "nova_compute", "openstack"]
    assert users["openstack"] == ""
    assert users["nova"] != users["nova_compute"]
    assert [vhost["name"] for vhost in found["vhosts"]] == ["nova", "/"]
    assert found["permissions"][-1] == {"user": "openstack", "vhost": "/", "configure": "^$", "write": "^$", "read": "^$"}
    assert found["permissions"][1]["read"] == PERMITTED["nova_compute"].pattern
    assert "pw-nova" not in str(found)


def test_an_account_alone_has_everything_in_the_first_virtual_host() -> None:
    found = rabbitmq_definitions([{"name": "one", "password": "pw"}])
    assert found["permissions"] == [{"user": "one", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}]


@pytest.mark.parametrize(
    ("users", "closed", "message"),
    [
        ([{"name": "a", "password": "x"}] * 2, [], "a appears twice; remove one of the entries from rabbitmq_users"),
        ([{"name": "a", "password": "x"}], ["a"], "a is both open and closed"),
    ],
)
def test_accounts_that_contradict_each_other(users: list[dict[str, str]], closed: list[str], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        rabbitmq_definitions(users, closed)


@pytest.mark.parametrize(
    ("frontend", "public", "addresses"),
    [
        ({"name": "a"}, "", ["10.0.0.11"]),
        ({"name": "a"}, "192.0.2.11", ["10.0.0.11", "192.0.2.11"]),
        ({"name": "a"}, "10.0.0.11", ["10.0.0.11"]),
        ({"name": "a", "internal": True}, "192.0.2.11", ["10.0.0.11"]),
        ({"name": "a", "internal": False}, "192.0.2.11", ["10.0.0.11", "192.0.2.11"]),
    ],
)
def test_where_a_frontend_listens(frontend: dict[str, Any], public: str, addresses: list[str]) -> None:
    assert site_frontends([frontend], "10.0.0.11", public=public) == [{"name": "a", "addresses": addresses}]
