# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: bus_urls
version_added: 0.1.0
short_description: Build the oslo.messaging URLs of a cloud's services
description:
  - Returns the URL of each account that P(mikumo.openstack.bus_accounts#filter) describes.
positional: _input, host, port, services
options:
  _input:
    description: The site's secrets. The password of an account NAME is C(NAME_rabbitmq).
    type: dict
    required: true
  host:
    description: Host name or address of RabbitMQ.
    type: str
    required: true
  port:
    description: Port of RabbitMQ.
    type: int
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
- name: Set Nova's transport URL
  ansible.builtin.set_fact:
    nova_transport_url: "{{ (cloud_secrets | mikumo.openstack.bus_urls('10.0.0.11', 5671, ['nova'])).nova }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: URLs by account name.
  type: dict
"""

import typing as t
from collections.abc import Callable, Collection, Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils import _bus, _credentials


def bus_urls(secrets: Mapping[str, t.Any], host: str, port: t.Any, services: Collection[str]) -> dict[str, str]:
    try:
        return _bus.bus_urls(secrets, host, port, services)
    except KeyError as error:
        raise AnsibleFilterError(f"bus_urls: the secrets lack {error}") from error
    except _credentials.CredentialsError as error:
        raise AnsibleFilterError(f"bus_urls: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"bus_urls": bus_urls}
