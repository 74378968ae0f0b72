# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: bus_accounts
version_added: 0.1.0
short_description: Describe the RabbitMQ accounts of a cloud's services
description:
  - Returns an account for each service and kind of host that uses the message queue, for the option C(rabbitmq_users) of the role
    P(mikumo.openstack.rabbitmq#role).
  - Each service has a virtual host of its own. Accounts of compute, network and storage nodes may use only their own queues in
    it, and the exchanges on which they publish.
positional: _input, services
options:
  _input:
    description: The site's secrets. The password of an account NAME is C(NAME_rabbitmq).
    type: dict
    required: true
  services:
    description: Services of the cloud.
    type: list
    elements: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Set the accounts
  ansible.builtin.set_fact:
    rabbitmq_users: "{{ cloud_secrets | mikumo.openstack.bus_accounts(['keystone', 'nova', 'neutron']) }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: Accounts with C(name), C(password), C(vhost), and the patterns C(configure), C(write) and C(read).
  type: list
  elements: dict
"""

import typing as t
from collections.abc import Callable, Collection, Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils import _bus


def bus_accounts(secrets: Mapping[str, str], services: Collection[str]) -> list[dict[str, str]]:
    try:
        return _bus.bus_accounts(secrets, services)
    except KeyError as error:
        raise AnsibleFilterError(f"bus_accounts: the secrets lack {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"bus_accounts": bus_accounts}
