# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options with which a service logs in to Keystone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.mikumo.openstack.plugins.plugin_utils._credentials import literal


def keystone_auth(surroundings: Mapping[str, Any], username: str | None = None) -> dict[str, Any]:
    """Return the options with which a service requests a token from Keystone, for its own or another account."""
    trusted = {"cafile": surroundings["ca_file"]} if surroundings.get("ca_file") else {}
    return {
        "auth_type": "password",
        "auth_url": surroundings["keystone_url"],
        "username": username or surroundings["username"],
        "password": literal(surroundings["password"]),
        "user_domain_name": "Default",
        "project_name": "service",
        "project_domain_name": "Default",
        "region_name": surroundings["region"],
        **trusted,
    }
