# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password as RabbitMQ's definitions file wants it."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

DOCUMENTATION = r"""
name: rabbitmq_password_hash
short_description: Salted hash of a password for RabbitMQ's definitions file
version_added: 0.1.0
author: The Mikumo authors (@mikumo)
description:
  - Gives the hash that C(rabbit_password_hashing_sha256) makes, in Base64.
  - The salt follows from the password, so that the same password gives the same file at every run.
positional: _input
options:
  _input:
    description: The password.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: An account in a definitions file
  ansible.builtin.debug:
    msg: "{{ {'users': [account]} | to_nice_json }}"
  vars:
    account:
      name: openstack
      password_hash: "{{ 'correct horse battery staple' | mikumo.openstack.rabbitmq_password_hash }}"
"""

RETURN = r"""
_value:
  description: Base64 of salt and hash.
  type: str
  sample: 9Ypg9dLCnCJcPEpXhW8oCZAI9kXs8FyDcYFh5ioTqwm2rbQ1
"""


def rabbitmq_password_hash(password: str) -> str:
    """Base64 of a salt of four bytes and SHA-256 of salt and password, RabbitMQ's rabbit_password_hashing_sha256.

    The salt follows from the password instead of from chance: the same password must give the same file, or every run
    would restart the broker. It still differs from site to site, since passwords are generated.
    """
    secret = password.encode()
    salt = hashlib.sha256(b"mikumo.openstack rabbitmq salt" + secret).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + secret).digest()).decode()


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"rabbitmq_password_hash": rabbitmq_password_hash}
