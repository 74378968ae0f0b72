# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert the entries that the services' roles publish into options of the module catalog."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = r"""
name: catalog_entries
short_description: Convert the services' published entries into options of the module catalog
description:
  - Returns the options C(domains), C(projects), C(roles), C(users) and C(services) of M(mikumo.openstack.catalog).
positional: _input, demo_project, demo_password
options:
  _input:
    description:
      - Services, each with C(name), C(type), C(description), the C(password) of its account, and C(endpoints) with the URLs
        C(public), C(internal) and C(admin). The last one defaults to the internal one. Without a password, the service has no
        account.
      - Optionally, C(roles) lists the names of roles that the service requires. C(domain) is a domain for users that the
        service creates itself, with its C(name), the C(admin) that creates the users, and the C(password) of that account.
      - C(aliases) lists further types under which clients look up the service, each with C(type) and the C(name) of its entry
        in the catalog. They get the same endpoints. C(state=absent) removes such an entry.
    type: list
    elements: dict
    required: true
  demo_project:
    description: Name of an ordinary project and of its user. Empty for none.
    type: str
    default: ""
  demo_password:
    description: Password of that user.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the service accounts
  ansible.builtin.debug:
    msg: "{{ ([glance_catalog] | mikumo.openstack.catalog_entries).users }}"
"""

RETURN = r"""
_value:
  description: C(domains), C(projects), C(roles), C(users) and C(services).
  type: dict
"""


def _accounts(service: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the account of a service, and the administrator of its domain if it has one."""
    if "password" not in service:
        return []
    account = {
        "name": service["name"],
        "password": service["password"],
        "description": f"Account of {service['description']}",
        # "service" covers requests on behalf of users, "admin" the service's own requests.
        "roles": [{"role": role, "project": "service"} for role in ("admin", "service")],
        # A stranger could lock it otherwise, and with it the service.
        "ignore_lockout_failure_attempts": True,
    }
    if "domain" not in service:
        return [account]
    domain = service["domain"]
    admin = {
        "name": domain["admin"],
        "domain": domain["name"],
        "password": domain["password"],
        "description": f"Makes the users of {service['description']}",
        "roles": [{"role": "admin", "domain": domain["name"]}],
        "ignore_lockout_failure_attempts": True,
    }
    return [account, admin]


def _listed(service: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the service under its own type and under each of its aliases."""
    own = {"name": service["name"], "type": service["type"]}
    endpoints = {"admin": service["endpoints"]["internal"], **service["endpoints"]}
    return [
        {**entry, "description": service["description"], "endpoints": endpoints} for entry in (own, *service.get("aliases", []))
    ]


def catalog_entries(
    services: list[dict[str, Any]], demo_project: str = "", demo_password: str = ""
) -> dict[str, list[dict[str, Any]]]:
    """Return the catalog entries for these services."""
    projects = [{"name": "service", "description": "Accounts of OpenStack's services"}]
    users = [user for service in services for user in _accounts(service)]
    if demo_project:
        projects.append({"name": demo_project, "description": "Ordinary project"})
        users.append(
            {
                "name": demo_project,
                "password": demo_password,
                "description": "Ordinary user",
                "roles": [{"role": "member", "project": demo_project}],
            }
        )
    return {
        "domains": [
            {"name": service["domain"]["name"], "description": f"Users of {service['description']}"}
            for service in services
            if "domain" in service
        ],
        "projects": projects,
        "roles": ["service", "member", *(role for service in services for role in service.get("roles", []))],
        "users": users,
        "services": [entry for service in services for entry in _listed(service)],
    }


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"catalog_entries": catalog_entries}
