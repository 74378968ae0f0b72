# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the oslo.config sections that all OpenStack services share."""

from __future__ import annotations

from typing import Any

from ansible_collections.mikumo.openstack.plugins.plugin_utils._credentials import literal
from ansible_collections.mikumo.openstack.plugins.plugin_utils._keystone_auth import keystone_auth

DOCUMENTATION = r"""
name: service_sections
short_description: Build the oslo.config sections that all OpenStack services share
description:
  - Converts the description of a service's environment into sections of its configuration file. Merge the service's own
    options over the result with P(ansible.builtin.combine#filter).
  - Omits sections whose input is missing.
positional: _input
options:
  _input:
    description:
      - Environment of the service.
      - C(keystone_url), C(region), C(username) and C(password) produce C([keystone_authtoken]) and C([service_user]).
        C(memcached_servers) and C(memcache_secret) add the token cache.
      - C(ca_file) is the file with the certificate authorities that sign for Keystone and the message queue. With it, both are
        reached through TLS only, and have to show a certificate with their own name or address.
      - C(database_url) produces C([database]). C(transport_url) produces C([DEFAULT]) and C([oslo_messaging_rabbit]).
      - C(lock_path) produces C([oslo_concurrency]).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show Glance's configuration
  ansible.builtin.debug:
    msg: "{{ surroundings | mikumo.openstack.service_sections | combine(special, recursive=true) }}"
  vars:
    surroundings:
      keystone_url: http://10.0.0.11:5000
      region: RegionOne
      username: glance
      password: "{{ glance_keystone_password }}"
    special:
      paste_deploy: {flavor: keystone}
"""

RETURN = r"""
_value:
  description: Sections and their options.
  type: dict
"""

_KNOWN = {
    "ca_file",
    "keystone_url",
    "region",
    "username",
    "password",
    "memcached_servers",
    "memcache_secret",
    "database_url",
    "transport_url",
    "lock_path",
}


def service_sections(surroundings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the oslo.config sections for a service in this environment."""
    unknown = sorted(set(surroundings) - _KNOWN)
    if unknown:
        raise ValueError(f"service_sections: unknown keys ({', '.join(unknown)}); allowed are {', '.join(sorted(_KNOWN))}")

    # The journal gets every service's log, even if the package's unit also writes a log file.
    sections: dict[str, dict[str, Any]] = {"DEFAULT": {"use_stderr": True}}
    ca_file = surroundings.get("ca_file")

    if "keystone_url" in surroundings:
        auth = keystone_auth(surroundings)
        sections["keystone_authtoken"] = {
            **auth,
            "www_authenticate_uri": surroundings["keystone_url"],
            "service_token_roles": "service",
            "service_token_roles_required": True,
        }
        # Send the service's token along with the user's: long operations outlive the user's token.
        sections["service_user"] = {**auth, "send_service_user_token": True}
        # Links in answers begin with the scheme that the client used, which only the proxy in front of the service knows.
        sections["oslo_middleware"] = {"enable_proxy_headers_parsing": True}
        if surroundings.get("memcached_servers"):
            sections["keystone_authtoken"].update(
                memcached_servers=surroundings["memcached_servers"],
                memcache_security_strategy="ENCRYPT",
                memcache_secret_key=literal(surroundings["memcache_secret"]),
            )

    if "database_url" in surroundings:
        sections["database"] = {"connection": literal(surroundings["database_url"]), "connection_recycle_time": 600}

    if "transport_url" in surroundings:
        sections["DEFAULT"]["transport_url"] = literal(surroundings["transport_url"])
        # RabbitMQ 4 has no mirrored queues. Using quorum queues from the start, even with one broker, avoids a later migration.
        sections["oslo_messaging_rabbit"] = {
            "rabbit_quorum_queue": True,
            "rabbit_transient_quorum_queue": True,
            "use_queue_manager": True,
        }
        if ca_file:
            sections["oslo_messaging_rabbit"].update(ssl=True, ssl_ca_file=ca_file, ssl_enforce_hostname_verification=True)

    if "lock_path" in surroundings:
        sections["oslo_concurrency"] = {"lock_path": surroundings["lock_path"]}

    return sections


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"service_sections": service_sections}
