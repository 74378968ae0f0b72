# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: served_problems
version_added: 0.1.0
short_description: Check the certificate that users get
description:
  - Checks a certificate of an authority outside of the site, its chain and its private key. Returns a message for everything that
    would keep users from the cloud. A message says what was found, what is allowed and where to change it.
  - Warns of a certificate that expires within 30 days.
  - No message shows any part of a key.
positional: _input
options:
  _input:
    description: The certificate of the server as PEM, followed by those of intermediate authorities.
    type: str
    required: true
  private_key:
    description: Its private key as PEM, without a passphrase.
    type: str
    required: true
  name:
    description: DNS name under which users reach the cloud.
    type: str
    required: true
  now:
    description: Time in ISO format, for tests. Defaults to the current time.
    type: str
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Check the certificate of the public authority
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ lookup('ansible.builtin.file', 'tls/fullchain.pem') | mikumo.openstack.served_problems(
      private_key=lookup('ansible.builtin.file', 'tls/privkey.pem'), name='cloud.example.org') }}"
"""

RETURN = r"""
_value:
  description: Messages. Empty if there are no problems.
  type: list
  elements: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.mikumo.openstack.plugins.plugin_utils._lazy import lazily

_certificates = lazily("_certificates")


def served_problems(certificate: t.Any, *, private_key: t.Any, name: t.Any, now: t.Any = None) -> list[str]:
    try:
        for sentence in _certificates.served_warnings(certificate, now):
            Display().warning(f"{sentence}.")
        return _certificates.served_problems(certificate, private_key, name, now)
    except _certificates.CertificatesError as error:
        raise AnsibleFilterError(f"served_problems: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"served_problems": served_problems}
