# Copyright: the Mikumo authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What RabbitMQ's own files need."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

DOCUMENTATION = r"""
name: rabbitmq
short_description: What RabbitMQ's own files need
description:
  - P(mikumo.openstack.rabbitmq_password_hash#filter) gives the salted hash of a password as a definitions file wants it.
  - P(mikumo.openstack.rabbitmq_config#filter) renders a dict as C(rabbitmq.conf).
"""


def rabbitmq_password_hash(password: str) -> str:
    """Base64 of a salt of four bytes and SHA-256 of salt and password, RabbitMQ's rabbit_password_hashing_sha256.

    The salt follows from the password instead of from chance: the same password must give the same file, or every run
    would restart the broker. It still differs from site to site, since passwords are generated.
    """
    secret = password.encode()
    salt = hashlib.sha256(b"mikumo.openstack rabbitmq salt" + secret).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + secret).digest()).decode()


def rabbitmq_config(options: dict[str, Any]) -> str:
    """Lines `key = value` of rabbitmq.conf."""
    lines = [f"{key} = {value}" for key, value in options.items() if value is not None]
    return "\n".join(["# Managed by Ansible (mikumo.openstack.rabbitmq).", *lines]) + "\n"


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"rabbitmq_password_hash": rabbitmq_password_hash, "rabbitmq_config": rabbitmq_config}
