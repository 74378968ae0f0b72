# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: certificate
version_added: 0.1.0
short_description: Derive a certificate and its private key from a certificate authority
description:
  - Returns a certificate for servers and clients, signed by the certificate authority (CA). The private key is an EC key (P-256)
    that follows from the key of the CA and O(common_name).
  - Needs no file and no state. Time is divided into windows of O(valid_days) minus O(renew_days). Within a window, the same input
    gives the same bytes.
  - A certificate is valid for at least another O(renew_days), unless the CA ends before.
  - Error messages never show any part of a key.
positional: _input, common_name, names
options:
  _input:
    description:
      - The private key and the certificate of the CA, as PEM. If the CA is not self-signed, its chain follows.
      - Further self-signed certificates are CAs that clients trust too.
    type: str
    required: true
  common_name:
    description: Common name of the certificate, at most 64 characters. Each one has its own private key.
    type: str
    required: true
  names:
    description: DNS names and IP addresses for which the certificate is valid. Duplicates are dropped.
    type: list
    elements: str
    required: true
  valid_days:
    description: Days from the begin of a window to the end of the certificate.
    type: int
    default: 397
  renew_days:
    description: Days before the end of the certificate when the next window begins.
    type: int
    default: 90
  now:
    description: Time in ISO format, for tests. Defaults to the current time.
    type: str
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Compute the certificate of the APIs
  ansible.builtin.set_fact:
    api: "{{ cloud_secrets.tls_ca | mikumo.openstack.certificate('api', ['api.example.org', '10.0.0.11']) }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: Certificate and key.
  type: dict
  contains:
    certificate:
      description: The certificate as PEM, followed by those of intermediate CAs.
      type: str
    private_key:
      description: Its private key as PEM (PKCS8, unencrypted).
      type: str
    ca:
      description: The certificates that clients trust, as PEM.
      type: str
    not_after:
      description: End of the certificate in ISO format.
      type: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._lazy import lazily

_certificates = lazily("_certificates")


def certificate(pem: t.Any, common_name: t.Any, names: t.Any, **options: t.Any) -> dict[str, str]:
    try:
        return t.cast("dict[str, str]", _certificates.certificate(pem, common_name, names, **options))
    except _certificates.CertificatesError as error:
        raise AnsibleFilterError(f"certificate: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"certificate": certificate}
