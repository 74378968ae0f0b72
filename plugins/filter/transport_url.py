# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: transport_url
version_added: 0.1.0
short_description: Build the oslo.messaging URL of a RabbitMQ broker
description:
  - Builds the transport URL with which services reach RabbitMQ. Percent-encodes user and password, which may therefore contain
    C(/), C(@), C(:), C(#) and similar characters.
  - Error messages never show the password.
positional: _input, user, host
options:
  _input:
    description: Password of the account.
    type: str
    required: true
  user:
    description: Name of the account.
    type: str
    required: true
  host:
    description: Host name or address of RabbitMQ. The filter adds brackets to an IPv6 address.
    type: str
    required: true
  port:
    description: Port of RabbitMQ.
    type: int
    default: 5671
  vhost:
    description: Virtual host.
    type: str
    default: /
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Set Nova's transport URL
  ansible.builtin.set_fact:
    nova_transport_url: "{{ rabbitmq_password | mikumo.openstack.transport_url('openstack', '10.0.0.11') }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: The URL.
  type: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils import _credentials


def transport_url(password: t.Any, user: str, host: str, port: t.Any = 5671, vhost: str = "/") -> str:
    try:
        return _credentials.transport_url(password, user, host, port, vhost)
    except _credentials.CredentialsError as error:
        raise AnsibleFilterError(f"URL of the RabbitMQ account {user}: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"transport_url": transport_url}
