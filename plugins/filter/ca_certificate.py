# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: ca_certificate
version_added: 0.1.0
short_description: Return the certificates of a certificate authority that clients trust
description:
  - Returns the self-signed certificate at the end of the chain, and any further self-signed ones. The private key is left out.
  - Error messages never show any part of a key.
positional: _input
options:
  _input:
    description:
      - The private key and the certificate of the certificate authority, as PEM. If it is not self-signed, its chain follows.
    type: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Write what clients trust
  ansible.builtin.copy:
    content: "{{ cloud_secrets.tls_ca | mikumo.openstack.ca_certificate }}"
    dest: /etc/ssl/mikumo-ca.pem
    mode: "0644"
"""

RETURN = r"""
_value:
  description: One or more certificates as PEM.
  type: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._lazy import lazily

_certificates = lazily("_certificates")


def ca_certificate(pem: t.Any) -> str:
    try:
        return _certificates.ca_certificate(pem)
    except _certificates.CertificatesError as error:
        raise AnsibleFilterError(f"ca_certificate: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"ca_certificate": ca_certificate}
