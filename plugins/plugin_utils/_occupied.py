# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds software on a node that conflicts with the site's services, from the node's facts."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterator, Mapping

from ansible_collections.mikumo.openstack.plugins.plugin_utils._ports import CONTROLLER, Port, needed_ports

__all__ = ["occupied"]

Facts = Mapping[str, t.Any]


EVERYWHERE = frozenset({"*", "0.0.0.0", "::"})  # noqa: S104  # addresses of other programs


def occupied(facts: Facts, groups: Collection[str], services: Collection[str], variables: Mapping[str, t.Any]) -> list[str]:
    """Return sentences about resources that other software uses, or would lose."""
    needed = needed_ports(groups, services, variables)
    return [*_ports(facts, needed), *_database(facts, groups), *_broker(facts, groups), *_sites(facts, needed)]


def _ports(facts: Facts, needed: Mapping[int, Port]) -> Iterator[str]:
    holders: dict[tuple[int, str], list[str]] = {}
    for found in facts.get("listening") or ():
        number, unit = int(found["port"]), found["unit"]
        port = needed.get(number)
        # If the kernel does not report the unit, the port may be ours.
        if port is None or unit is None or unit in port.units or not _in_the_way(port, found["address"]):
            continue
        holders.setdefault((number, unit), []).append(found["address"])
    for (number, unit), addresses in sorted(holders.items()):
        port = needed[number]
        how = f" with `systemctl disable --now {unit}`" if unit.endswith((".service", ".socket")) else ""
        yield (
            f"port {number} ({port.purpose}) is held by {unit or 'a program without a unit'}, which listens on "
            f"{', '.join(sorted(set(addresses)))} (`ss -tlnp` shows more): stop and disable it{how}, let it listen on another "
            f"port, or put another machine into {port.group} of hosts.yml"
        )


def _in_the_way(port: Port, address: str) -> bool:
    """Return whether another program's address conflicts with the port. A program on one address may leave the others free."""
    if port.listens == "any" or address in EVERYWHERE:
        return True
    loopback = address.startswith("127.") or address == "::1"
    return bool(loopback == (port.listens == "loopback"))


def _database(facts: Facts, groups: Collection[str]) -> Iterator[str]:
    trouble = str(facts.get("database_login") or "")
    if trouble and CONTROLLER in groups:
        yield (
            f"MariaDB or MySQL rejects root's login through /run/mysqld/mysqld.sock ({trouble}): enable socket authentication "
            "for root (`ALTER USER root@localhost IDENTIFIED VIA unix_socket`), write user and password into [client] of "
            f"/root/.my.cnf, or put another machine into {CONTROLLER} of hosts.yml"
        )


def _broker(facts: Facts, groups: Collection[str]) -> Iterator[str]:
    names = facts.get("broker_data") or ()
    if names and CONTROLLER in groups:
        yield (
            f"another RabbitMQ broker has data in /var/lib/rabbitmq ({', '.join(names)}). The cloud's broker, rabbit@localhost, "
            f"would ignore it: put another machine into {CONTROLLER} of hosts.yml, or remove the other broker (`apt-get purge "
            "rabbitmq-server`) if nobody needs it"
        )


def _sites(facts: Facts, needed: Mapping[int, Port]) -> Iterator[str]:
    sites = facts.get("apache_sites") or ()
    if sites and any(port.service == "horizon" for port in needed.values()):
        yield (
            f"Apache serves other sites ({', '.join(sites)}), and Horizon would take over /, /static and /horizon in each "
            "of them: disable them (`a2dissite NAME`), remove horizon from cloud_services, or put another machine into "
            f"{CONTROLLER} of hosts.yml"
        )
