# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections of oslo.config that every OpenStack service has alike."""

from __future__ import annotations

from typing import Any

from ansible_collections.mikumo.openstack.plugins.plugin_utils._credentials import literal
from ansible_collections.mikumo.openstack.plugins.plugin_utils._keystone_auth import keystone_auth

DOCUMENTATION = r"""
name: service_sections
short_description: The sections of oslo.config that every OpenStack service has alike
description:
  - Renders what a service has to know of its surroundings into the sections of its configuration file. What is special to
    the service is merged over the result with P(ansible.builtin.combine#filter).
  - A section is only there if what it is made from was given.
positional: _input
options:
  _input:
    description:
      - Surroundings of the service.
      - C(keystone_url), C(region), C(username) and C(password) make C([keystone_authtoken]) and C([service_user]);
        C(memcached_servers) and C(memcache_secret) make its token cache.
      - C(database_url) makes C([database]), C(transport_url) C([DEFAULT]) and C([oslo_messaging_rabbit]).
      - C(lock_path) makes C([oslo_concurrency]).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: The configuration of Glance
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
    """Sections of oslo.config for a service in these surroundings."""
    unknown = sorted(set(surroundings) - _KNOWN)
    if unknown:
        raise ValueError(f"service_sections: unknown {', '.join(unknown)}; known are {', '.join(sorted(_KNOWN))}")

    # The journal has everything that a service says, also where the package's unit writes a file besides.
    sections: dict[str, dict[str, Any]] = {"DEFAULT": {"use_stderr": True}}

    if "keystone_url" in surroundings:
        auth = keystone_auth(surroundings)
        sections["keystone_authtoken"] = {
            **auth,
            "www_authenticate_uri": surroundings["keystone_url"],
            "service_token_roles": "service",
            "service_token_roles_required": True,
        }
        # A token of the service beside the user's: long operations outlive the user's token.
        sections["service_user"] = {**auth, "send_service_user_token": True}
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
        # RabbitMQ 4 has no mirrored queues. Quorum queues from the first day, also with one broker, spare the migration.
        sections["oslo_messaging_rabbit"] = {
            "rabbit_quorum_queue": True,
            "rabbit_transient_quorum_queue": True,
            "use_queue_manager": True,
        }

    if "lock_path" in surroundings:
        sections["oslo_concurrency"] = {"lock_path": surroundings["lock_path"]}

    return sections


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"service_sections": service_sections}
