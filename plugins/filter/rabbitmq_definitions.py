# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: rabbitmq_definitions
version_added: 0.1.0
short_description: Build RabbitMQ's definitions from accounts
description:
  - Returns users, virtual hosts and permissions in the format that RabbitMQ loads at its start (C(load_definitions)).
  - RabbitMQ deletes nothing that the definitions lack. Closed accounts therefore get an empty password hash, with which nobody
    can log in, and lose their permissions.
positional: _input
options:
  _input:
    description:
      - Accounts with C(name) and C(password). C(vhost) defaults to C(/). The patterns C(configure), C(write) and C(read) default
        to everything.
    type: list
    elements: dict
    required: true
  closed:
    description: Accounts of the virtual host C(/) to close.
    type: list
    elements: str
    default: []
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show the definitions without their accounts
  ansible.builtin.debug:
    msg: "{{ (rabbitmq_users | mikumo.openstack.rabbitmq_definitions).vhosts }}"
"""

RETURN = r"""
_value:
  description: C(users), C(vhosts) and C(permissions).
  type: dict
"""

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.filter.rabbitmq_password_hash import rabbitmq_password_hash

RIGHTS = ("configure", "write", "read")
ALGORITHM = "rabbit_password_hashing_sha256"


def _user(name: str, password_hash: str) -> dict[str, t.Any]:
    return {"name": name, "password_hash": password_hash, "hashing_algorithm": ALGORITHM, "tags": [], "limits": {}}


def rabbitmq_definitions(users: Sequence[Mapping[str, str]], closed: Sequence[str] = ()) -> dict[str, list[t.Any]]:
    names = [user["name"] for user in users]
    twice = sorted({name for name in names if names.count(name) > 1})
    both = sorted(set(names) & set(closed))
    if twice or both:
        raise AnsibleFilterError(
            f"rabbitmq_definitions: {', '.join(twice or both)} {'appears twice' if twice else 'is both open and closed'}; "
            "remove one of the entries from rabbitmq_users" + ("" if twice else " or rabbitmq_closed_users")
        )
    vhosts = dict.fromkeys([*(user.get("vhost", "/") for user in users), *(["/"] if closed else [])])
    return {
        "users": [
            *(_user(user["name"], rabbitmq_password_hash(user["password"])) for user in users),
            *(_user(name, "") for name in closed),
        ],
        "vhosts": [{"name": vhost, "metadata": {"default_queue_type": "quorum"}} for vhost in vhosts],
        "permissions": [
            *(
                {"user": user["name"], "vhost": user.get("vhost", "/"), **{right: user.get(right, ".*") for right in RIGHTS}}
                for user in users
            ),
            *({"user": name, "vhost": "/", **dict.fromkeys(RIGHTS, "^$")} for name in closed),
        ],
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"rabbitmq_definitions": rabbitmq_definitions}
