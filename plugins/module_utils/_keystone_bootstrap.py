# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keystone's first administrator and Keystone's own endpoints, with Keystone's own command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import last_lines, run

INTERFACES = ("public", "internal", "admin")
COMMAND = ["runuser", "-u", "keystone", "--", "keystone-manage", "bootstrap"]


def missing(interfaces: Iterable[str]) -> list[str]:
    """Return the interfaces without a Keystone endpoint. The bootstrap writes endpoints last, after the administrator's roles."""
    found = set(interfaces)
    return [interface for interface in INTERFACES if interface not in found]


def bootstrap(username: str, password: str, project: str, region_name: str, urls: Mapping[str, str | None]) -> str:
    """Create the administrator with its project and role and the endpoints, or set its password. Return the problem, if any.

    The command reads the password from its environment. Process lists therefore do not show it.
    """
    environment = {
        "OS_BOOTSTRAP_PASSWORD": password,
        "OS_BOOTSTRAP_USERNAME": username,
        "OS_BOOTSTRAP_PROJECT_NAME": project,
        "OS_BOOTSTRAP_SERVICE_NAME": "keystone",
        "OS_BOOTSTRAP_REGION_ID": region_name,
        "OS_BOOTSTRAP_PUBLIC_URL": urls["public_url"],
        "OS_BOOTSTRAP_INTERNAL_URL": urls["internal_url"],
        "OS_BOOTSTRAP_ADMIN_URL": urls["admin_url"] or urls["internal_url"],
    }
    rc, out, err = run(COMMAND, environment)
    if rc == 0:
        return ""
    return f"`keystone-manage bootstrap` exited with status {rc}: {last_lines(out + err)}"
