# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: haproxy_config
version_added: 0.1.0
short_description: Render haproxy.cfg from a list of frontends
description:
  - Renders the configuration of HAProxy 3.0, with a frontend and a backend for each entry and a frontend for Prometheus.
  - The same data always gives the same text. HAProxy listens only on the given addresses.
  - The filter refuses data that HAProxy would misunderstand. Error messages never show the private key.
positional: _input
options:
  _input:
    description:
      - Frontends, as O(mikumo.openstack.haproxy#role:main:haproxy_frontends) in the role P(mikumo.openstack.haproxy#role).
    type: list
    elements: dict
    required: true
  certificate:
    description:
      - Certificate and key of the site in PEM, as C({certificate, private_key}). The filter only checks them. HAProxy reads them
        from C(/etc/haproxy/tls/site.pem).
      - May be empty if no frontend has TLS.
    type: dict
    default: {}
  public_certificate:
    description:
      - A second certificate and key in PEM, as C({certificate, private_key}), for clients that ask for one of its names. The
        filter only checks them. HAProxy reads them from C(/etc/haproxy/tls/public.pem).
      - Clients that ask for no name, or for another one, get O(certificate).
    type: dict
    default: {}
  ca_file:
    description: Path of the CA certificates with which HAProxy verifies servers with TLS. May be empty if there are none.
    type: str
    default: ""
  metrics_address:
    description: Address of the frontend for Prometheus.
    type: str
    default: 127.0.0.1
  metrics_port:
    description: Port of the frontend for Prometheus.
    type: int
    default: 8404
  max_connections:
    description: Maximum number of concurrent connections of the process.
    type: int
    default: 4096
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Write the configuration
  mikumo.openstack.service:
    files:
      - path: /etc/haproxy/haproxy.cfg
        content: "{{ frontends | mikumo.openstack.haproxy_config }}"
  vars:
    frontends:
      - name: keystone
        addresses: [192.0.2.11]
        port: 5000
        tls: false
        check: /v3
        servers:
          - {name: controller, address: 127.0.0.1, port: 5000}
"""

RETURN = r"""
_value:
  description: Text of the file.
  type: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._lazy import lazily

_haproxy = lazily("_haproxy")


def haproxy_config(frontends: t.Any, **options: t.Any) -> str:
    try:
        return _haproxy.haproxy_config(frontends, **options)
    except _haproxy.HaproxyError as error:
        raise AnsibleFilterError(f"configuration of HAProxy: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"haproxy_config": haproxy_config}
