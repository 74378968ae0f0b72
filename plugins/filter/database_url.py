# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: database_url
version_added: 0.1.0
short_description: Build the SQLAlchemy URL of a MariaDB database
description:
  - Builds the URL of a MariaDB database for PyMySQL. Percent-encodes user and password, which may therefore contain C(/), C(@),
    C(:), C(#) and similar characters.
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
    description: Host name or address of MariaDB. The filter adds brackets to an IPv6 address.
    type: str
    required: true
  database:
    description: Name of the database. Defaults to the name of the account.
    type: str
  port:
    description: Port of MariaDB. By default the URL has no port.
    type: int
  ca_file:
    description:
      - File with the certificate authorities that sign for MariaDB. With it, connections use TLS, and the server has to show a
        certificate with its name or address. By default, connections use no TLS.
    type: path
    default: ""
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Set the URL of Glance's database
  ansible.builtin.set_fact:
    surroundings:
      database_url: "{{ glance_database_password | mikumo.openstack.database_url('glance', '10.0.0.11') }}"
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


def database_url(
    password: t.Any, user: str, host: str, database: str | None = None, port: t.Any = None, *, ca_file: str = ""
) -> str:
    try:
        return _credentials.database_url(password, user, host, database, port, ca_file=ca_file)
    except _credentials.CredentialsError as error:
        raise AnsibleFilterError(f"URL of the database account {user}: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"database_url": database_url}
