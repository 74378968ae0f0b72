# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hash a password for RabbitMQ's definitions file."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

DOCUMENTATION = r"""
name: rabbitmq_password_hash
short_description: Hash a password for RabbitMQ's definitions file
version_added: 0.1.0
author: The Mikumo authors (@mikumo)
description:
  - Returns the salted hash of C(rabbit_password_hashing_sha256), in Base64.
  - The salt is derived from the password. The same password therefore produces the same file in every run.
positional: _input
options:
  _input:
    description: The password.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show an account for a definitions file
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
    """Return the Base64 of a four-byte salt and the SHA-256 of salt and password, as rabbit_password_hashing_sha256 does.

    The salt is derived from the password instead of being random: the same password must produce the same file, or every
    run would restart the broker. The salt still differs between sites, because passwords are generated.
    """
    secret = password.encode()
    salt = hashlib.sha256(b"mikumo.openstack rabbitmq salt" + secret).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + secret).digest()).decode()


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"rabbitmq_password_hash": rabbitmq_password_hash}
