# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RabbitMQ accounts of a cloud's services: one for each service and kind of host, each in the virtual host of its service.

A service's own daemons use all of its virtual host. Accounts on other machines use what oslo.messaging declares there: queues
for their own topics and for replies to them, and exchanges on which they publish. They cannot read the requests that other
daemons get.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ansible_collections.mikumo.openstack.plugins.plugin_utils._credentials import transport_url

__all__ = ["ACCOUNTS", "Account", "bus_accounts", "bus_urls"]


@dataclass(frozen=True)
class Account:
    """An account. `resources`: queues and exchanges that it may use, as regular expressions; all if there are none."""

    name: str
    vhost: str
    resources: tuple[str, ...] = ()

    @property
    def secret(self) -> str:
        """Return the name of the secret with its password."""
        return f"{self.name}_rabbitmq"

    @property
    def permitted(self) -> str:
        # RabbitMQ calls the exchange without a name, which delivers to a queue by its name, amq.default.
        return f"^({'|'.join((*self.resources, *SHARED))})$" if self.resources else ".*"


SHARED = ("reply_.*", r"amq\.default")
ACCOUNTS = (
    Account("nova", "nova"),
    Account("nova_compute", "nova", ("nova", "openstack", r"compute([._].*)?", "conductor_fanout", "scheduler_fanout")),
    Account("neutron", "neutron"),
    Account(
        "neutron_agents",
        "neutron",
        (
            "neutron",
            "openstack",
            "neutron-vo-.*",
            "q-agent-notifier-.*",
            r"(dhcp|l3)_agent([._].*)?",
            r"q-(plugin|l3-plugin|reports-plugin|server-resource-versions)_fanout",
        ),
    ),
    Account("cinder", "cinder"),
    Account("cinder_volume", "cinder", ("cinder", "openstack", r"cinder-volume([._].*)?", r"cinder-(scheduler|backup)_fanout")),
    Account("heat", "heat"),
)


def bus_accounts(secrets: Mapping[str, str], services: Collection[str]) -> list[dict[str, str]]:
    """Return the accounts that the services need, as items of the role rabbitmq's option rabbitmq_users."""
    return [
        {
            "name": account.name,
            "password": secrets[account.secret],
            "vhost": account.vhost,
            **dict.fromkeys(("configure", "write", "read"), account.permitted),
        }
        for account in ACCOUNTS
        if account.vhost in services
    ]


def bus_urls(secrets: Mapping[str, t.Any], host: str, port: int, services: Collection[str]) -> dict[str, str]:
    """Return the transport URLs of these accounts, by account name."""
    return {
        account.name: transport_url(secrets[account.secret], account.name, host, port, account.vhost)
        for account in ACCOUNTS
        if account.vhost in services
    }
