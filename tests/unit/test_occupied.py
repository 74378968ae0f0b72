# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others hold on a node, told by its facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mikumo.openstack.plugins.plugin_utils._occupied import occupied
from ansible_collections.mikumo.openstack.plugins.plugin_utils._ports import PORTS, controller_ports, needed_ports

ROOT = Path(__file__).resolve().parents[2]

ALL = ["keystone", "glance", "placement", "nova", "neutron", "cinder", "heat", "horizon"]
CONTROLLER = ["controller_nodes"]


def held(port: int, unit: str | None, address: str = "*") -> dict[str, Any]:
    return {"port": port, "address": address, "unit": unit}


def problems(*listening: dict[str, Any], groups: list[str], services: list[str] | None = None, **facts: Any) -> list[str]:
    variables = facts.pop("variables", {})
    return occupied({"listening": list(listening), **facts}, groups, ALL if services is None else services, variables)


@pytest.mark.parametrize(
    ("found", "groups", "words"),
    [
        (
            held(80, "nginx.service"),
            CONTROLLER,
            ["port 80 (Horizon)", "held by nginx.service", "disable --now nginx.service"],
        ),
        (held(80, "nginx.service", "127.0.0.1"), CONTROLLER, ["port 80", "127.0.0.1"]),
        (held(5000, "docker.service"), CONTROLLER, ["port 5000 (Keystone)", "docker.service"]),
        (
            held(5000, "session-4.scope", "*"),
            CONTROLLER,
            ["held by session-4.scope", "controller_nodes of hosts.yml"],
        ),
        (held(3306, "mysql.service", "0.0.0.0"), CONTROLLER, ["port 3306 (MariaDB)", "mysql.service"]),  # noqa: S104
        (held(5671, "docker-1f.scope", "::"), CONTROLLER, ["port 5671 (RabbitMQ)"]),
        (held(4369, "ejabberd.service"), CONTROLLER, ["port 4369 (RabbitMQ (epmd))", "ejabberd.service"]),
        (held(25672, ""), CONTROLLER, ["port 25672", "held by a program without a unit, which", "ss -tlnp"]),
        (held(11211, "redis.service"), CONTROLLER, ["port 11211 (memcached)"]),
        # HAProxy has an API's port on the node's addresses, and the API has it on loopback.
        (held(9292, "nc.service", "10.0.0.11"), CONTROLLER, ["port 9292 (Glance)", "10.0.0.11"]),
        (held(9292, "nc.service", "127.0.0.1"), CONTROLLER, ["port 9292 (Glance)", "127.0.0.1"]),
        (held(6080, "nc.service", "::1"), CONTROLLER, ["port 6080 (consoles)"]),
        (held(443, "nginx.service"), CONTROLLER, ["port 443 (Horizon)", "nginx.service"]),
        # Apache with a site of its own for HTTPS. Ours listens on loopback, and leaves this port to HAProxy.
        (held(443, "apache2.service", "10.0.0.11"), CONTROLLER, ["port 443 (Horizon)", "apache2.service"]),
        (held(5000, "apache2.service", "127.0.0.1"), CONTROLLER, ["port 5000 (Keystone)"]),
        (held(8404, "x.service", "127.0.0.1"), CONTROLLER, ["port 8404 (HAProxy's metrics)"]),
        (held(4369, "ejabberd.service", "127.0.0.1"), CONTROLLER, ["port 4369 (RabbitMQ (epmd))"]),
        (held(25672, "x.service", "127.0.0.1"), CONTROLLER, ["port 25672 (RabbitMQ (distribution))"]),
        (held(11211, "docker.service", "127.0.0.1"), CONTROLLER, ["port 11211 (memcached)"]),
        (
            held(3260, "target.service"),
            ["storage_nodes"],
            ["port 3260 (iSCSI targets)", "storage_nodes of hosts.yml"],
        ),
        (held(6640, "other.service", "127.0.0.1"), ["compute_nodes"], ["port 6640", "compute_nodes of hosts.yml"]),
        (held(6633, "ryu.service"), ["network_nodes", "compute_nodes"], ["port 6633"]),
    ],
)
def test_a_port_that_others_hold(found: dict[str, Any], groups: list[str], words: list[str]) -> None:
    (problem,) = problems(found, groups=groups)
    assert [word for word in words if word not in problem] == [], problem


@pytest.mark.parametrize(
    ("found", "groups", "services"),
    [
        # ours, on a second run
        *((held(port.number, unit), [port.group], ALL) for port in PORTS for unit in port.units),
        # not wanted of this node
        (held(80, "nginx.service"), ["compute_nodes"], ALL),
        (held(80, "nginx.service"), CONTROLLER, ["keystone"]),
        (held(443, "nginx.service"), CONTROLLER, ["keystone"]),
        (held(8776, "x.service"), CONTROLLER, ["keystone", "nova"]),
        (held(3260, "x.service"), CONTROLLER, ALL),
        (held(22, "ssh.service"), [*CONTROLLER, "network_nodes", "compute_nodes", "storage_nodes"], ALL),
        # other addresses than ours
        (held(11211, "docker.service", "10.0.0.11"), CONTROLLER, ALL),
        (held(25672, "docker.service", "10.0.0.11"), CONTROLLER, ALL),
        (held(8404, "docker.service", "10.0.0.11"), CONTROLLER, ALL),
        (held(5671, "docker.service", "::1"), CONTROLLER, ALL),
        (held(3306, "docker.service", "127.0.0.1"), CONTROLLER, ALL),
        (held(443, "docker.service", "127.0.0.1"), CONTROLLER, ALL),
        # RabbitMQ's port without TLS, which ours does not open
        (held(5672, "docker.service"), CONTROLLER, ALL),
        (held(6640, "x.service", "10.0.0.13"), ["compute_nodes"], ALL),
        # nobody can tell whose it is
        (held(80, None), CONTROLLER, ALL),
        # a group of the site's own
        (held(80, "nginx.service"), ["web"], ALL),
    ],
)
def test_what_is_in_nobodys_way(found: dict[str, Any], groups: list[str], services: list[str]) -> None:
    assert problems(found, groups=groups, services=services) == []


def test_a_port_of_the_sites_own_choice() -> None:
    nginx = held(9292, "nginx.service")
    assert problems(nginx, groups=CONTROLLER, variables={"glance_port": 9393}) == []
    (problem,) = problems(held(9393, "nginx.service"), groups=CONTROLLER, variables={"glance_port": "9393"})
    assert "port 9393 (Glance)" in problem


def test_both_families_are_one_problem() -> None:
    (problem,) = problems(held(80, "nginx.service"), held(80, "nginx.service", "::"), groups=CONTROLLER)
    assert "listens on *, ::" in problem


def test_a_database_that_does_not_let_root_in() -> None:
    refused = "ERROR 1698 (28000): Access denied for user 'root'@'localhost'"
    (problem,) = problems(groups=CONTROLLER, database_login=refused)
    assert [word for word in (refused, "unix_socket", "/root/.my.cnf", "hosts.yml") if word not in problem] == []
    assert problems(groups=CONTROLLER, database_login="") == []
    # others may run what they like
    assert problems(groups=["compute_nodes"], database_login=refused) == []


def test_a_broker_with_data_of_others() -> None:
    (problem,) = problems(groups=CONTROLLER, broker_data=["rabbit@shop"])
    assert [word for word in ("rabbit@shop", "rabbit@localhost", "hosts.yml", "apt-get purge") if word not in problem] == []
    assert problems(groups=["compute_nodes"], broker_data=["rabbit@shop"]) == []


def test_sites_of_others() -> None:
    (problem,) = problems(groups=CONTROLLER, apache_sites=["shop.conf"])
    assert [word for word in ("shop.conf", "a2dissite", "cloud_services", "hosts.yml") if word not in problem] == []
    assert problems(groups=CONTROLLER, services=["keystone"], apache_sites=["shop.conf"]) == []
    assert problems(groups=["compute_nodes"], apache_sites=["shop.conf"]) == []


def test_facts_that_were_not_gathered() -> None:
    assert occupied({}, CONTROLLER, ALL, {}) == []


def test_ports_are_the_roles_own() -> None:
    for port in PORTS:
        if port.setting:
            role = next(path for path in (ROOT / "roles").iterdir() if port.setting.startswith(f"{path.name}_"))
            assert yaml.safe_load((role / "defaults/main.yml").read_text())[port.setting] == port.number, port


def test_a_node_in_several_groups_needs_each_port_once() -> None:
    ports = needed_ports(["network_nodes", "compute_nodes"], ALL, {})
    assert sorted(ports) == [6633, 6640]


@pytest.mark.parametrize(
    ("variables", "differs"),
    [
        ({}, {}),
        ({"keystone_port": 5001, "other": 1}, {"keystone_port": 5001}),
        ({"rabbitmq_port": "5673"}, {"rabbitmq_port": 5673}),
    ],
)
def test_ports_that_clients_use(variables: dict[str, Any], differs: dict[str, int]) -> None:
    standard = {port.setting: port.number for port in PORTS if port.setting}
    assert controller_ports(variables) == standard | differs
