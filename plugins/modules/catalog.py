#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: manage a whole Keystone catalog in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: catalog
short_description: Manage a whole Keystone catalog in one call
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Manages domains, projects, roles, users with their passwords and roles, services and endpoints, with one call and one
    token.
  - Changes only objects that differ, and leaves objects alone that are not described, with two exceptions. Services of the
    same type and name, and endpoints of the same service, interface and region, are duplicates. The module removes all but
    one. If the only service of a described type has another name, the module renames it.
  - Run it on any host that can reach Keystone, for example a node or the control node.
extends_documentation_fragment:
  - mikumo.openstack.access
attributes:
  check_mode:
    support: full
    description:
      - Can run in C(check_mode) and return changed status prediction without modifying target.
      - If nothing answers at O(auth.auth_url), or the Python libraries are not installed yet, as on an empty host, the
        module warns and predicts that it creates everything.
  diff_mode:
    support: full
    description: Will return details on what has changed (or would in C(check_mode)), when in diff mode.
  idempotent:
    support: full
    description: A second run with the same arguments changes nothing.
options:
  bootstrap:
    description:
      - Keystone's own endpoints, if the module runs on Keystone's host. It then runs C(keystone-manage bootstrap) if Keystone
        rejects the administrator of O(auth), or if one of these endpoints is missing from the catalog. The command creates the
        administrator with its project and role as well as Keystone's endpoints, or sets the new password.
      - C(keystone-manage bootstrap) adds missing endpoints, but never changes the URL of an existing one.
      - Needs O(auth) and O(region_name).
    type: dict
    suboptions:
      public_url:
        description: Public endpoint of Keystone, including C(/v3).
        type: str
        required: true
      internal_url:
        description: Internal endpoint of Keystone, including C(/v3).
        type: str
        required: true
      admin_url:
        description: Admin endpoint of Keystone, including C(/v3). Defaults to O(bootstrap.internal_url).
        type: str
  domains:
    description: Domains to manage.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the domain.
        type: str
        required: true
      description:
        description: Description of the domain. Left unchanged by default.
        type: str
      state:
        description: Whether the domain exists. Removing a domain removes everything in it.
        type: str
        choices: [present, absent]
        default: present
  projects:
    description: Projects to manage.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the project.
        type: str
        required: true
      domain:
        description: Name of the project's domain.
        type: str
        default: Default
      description:
        description: Description of the project. Left unchanged by default.
        type: str
      enabled:
        description: Whether the project is enabled.
        type: bool
        default: true
      state:
        description: Whether the project exists.
        type: str
        choices: [present, absent]
        default: present
  roles:
    description: Roles to manage. An entry is a name, or a dictionary with C(name) and C(state) (V(present) or V(absent)).
    type: list
    elements: raw
    default: []
  users:
    description: Users to manage.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the user.
        type: str
        required: true
      domain:
        description: Name of the user's domain.
        type: str
        default: Default
      password:
        description:
          - Password of the user.
          - The module checks it by authenticating as the user, which costs one request, and sets it only if that fails. It
            does not check the password of a disabled user.
        type: str
      update_password:
        description: V(on_create) sets the password only for a new user, and saves the request that checks it.
        type: str
        choices: [always, on_create]
        default: always
      description:
        description: Description of the user. Left unchanged by default.
        type: str
      email:
        description: Email address of the user. Left unchanged by default.
        type: str
      enabled:
        description: Whether the user can log in.
        type: bool
        default: true
      default_project:
        description: Name of the user's default project, in the user's domain. Left unchanged by default.
        type: str
      ignore_lockout_failure_attempts:
        description:
          - Whether Keystone never locks the user, however many wrong passwords it is given. Meant for the accounts of services,
            which anybody could lock otherwise. Left unchanged by default.
          - It matters only if Keystone's C([security_compliance] lockout_failure_attempts) is set.
        type: bool
      roles:
        description: Roles of the user. The module leaves the user's other roles alone.
        type: list
        elements: dict
        default: []
        suboptions:
          role:
            description: Name of the role.
            type: str
            required: true
          project:
            description: Name of the project to grant the role on.
            type: str
          project_domain:
            description: Domain of O(users[].roles[].project). Defaults to the user's domain.
            type: str
          domain:
            description: Name of the domain to grant the role on.
            type: str
          system:
            description: V(all) grants the role on the whole system.
            type: str
            choices: [all]
          state:
            description: Whether the user has the role.
            type: str
            choices: [present, absent]
            default: present
      state:
        description: Whether the user exists.
        type: str
        choices: [present, absent]
        default: present
  services:
    description: Services to manage, with their endpoints.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the service, such as V(glance).
        type: str
        required: true
      type:
        description: Type of the service, such as V(image).
        type: str
        required: true
      description:
        description: Description of the service. Left unchanged by default.
        type: str
      enabled:
        description: Whether the service appears in the catalog.
        type: bool
        default: true
      region_name:
        description: Region of this service's endpoints. Defaults to O(region_name).
        type: str
      endpoints:
        description:
          - URLs of the service in the region, by interface.
          - The module leaves an omitted interface alone. An empty string removes the interface's endpoint.
        type: dict
        default: {}
        suboptions:
          public:
            description: URL for everyone.
            type: str
          internal:
            description: URL for the cloud's own services.
            type: str
          admin:
            description: URL for administration.
            type: str
      state:
        description: Whether the service exists. Removing a service removes its endpoints in all regions.
        type: str
        choices: [present, absent]
        default: present
seealso:
  - module: mikumo.openstack.catalog_info
  - module: mikumo.openstack.images
  - module: openstack.cloud.identity_user
  - module: openstack.cloud.endpoint
"""

EXAMPLES = r"""
- name: Register the image service and create its user
  mikumo.openstack.catalog:
    auth:
      auth_url: http://controller:5000/v3
      username: admin
      password: "{{ keystone_admin_password }}"
    region_name: RegionOne
    projects:
      - name: service
        description: The services' own project
    roles:
      - service
    users:
      - name: glance
        password: "{{ glance_password }}"
        roles:
          - role: admin
            project: service
          - role: service
            project: service
    services:
      - name: glance
        type: image
        description: Images
        endpoints:
          public: https://cloud.example.org:9292
          internal: http://controller:9292
          admin: http://controller:9292

- name: Create a domain for a class, with an administrator who may change the initial password
  mikumo.openstack.catalog:
    cloud: admin
    domains:
      - name: class
        description: Spring term
    projects:
      - name: lab
        domain: class
    users:
      - name: teacher
        domain: class
        password: "{{ teacher_password }}"
        update_password: on_create
        default_project: lab
        roles:
          - role: admin
            domain: class
          - role: member
            project: lab

- name: Remove a service that was uninstalled
  mikumo.openstack.catalog:
    cloud: admin
    services:
      - name: heat
        type: orchestration
        state: absent
    users:
      - name: heat
        state: absent
"""

RETURN = r"""
changes:
  description: The changes that the module made, or in check mode would make, one line each, in order.
  returned: success
  type: list
  elements: str
  sample:
    - "user glance: password (another) -> (as described)"
    - "service glance: public endpoint in RegionOne http://old:9292 -> http://new:9292"
ids:
  description:
    - IDs of the described objects that are present, by kind (C(domains), C(projects), C(roles), C(users),
      C(services)) and name. A project or user outside the domain Default appears as C(NAME@DOMAIN).
    - In check mode the ID of an object that does not exist yet is null.
  returned: success
  type: dict
  sample:
    projects:
      service: 8ad9c0b1f4a24dd0a3b0f4f5c5a0a8b1
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._catalog import NEVER_LOCKED, Catalog
from ansible_collections.mikumo.openstack.plugins.module_utils._cloud_module import REQUIRED, empty_host, run_module
from ansible_collections.mikumo.openstack.plugins.module_utils._differences import Differences
from ansible_collections.mikumo.openstack.plugins.module_utils._keystone_bootstrap import bootstrap, missing
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import (
    Access,
    Api,
    Cloud,
    CloudError,
    Nothing,
)

STATE: dict[str, Any] = {"type": "str", "choices": ["present", "absent"], "default": "present"}


def a_list(options: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "list", "elements": "dict", "default": [], "options": options, **more}


ARGUMENTS: dict[str, Any] = {
    "bootstrap": {"type": "dict", "options": {"public_url": REQUIRED, "internal_url": REQUIRED, "admin_url": {"type": "str"}}},
    "domains": a_list({"name": REQUIRED, "description": {"type": "str"}, "state": STATE}),
    "projects": a_list(
        {
            "name": REQUIRED,
            "domain": {"type": "str", "default": "Default"},
            "description": {"type": "str"},
            "enabled": {"type": "bool", "default": True},
            "state": STATE,
        }
    ),
    "roles": {"type": "list", "elements": "raw", "default": []},
    "users": a_list(
        {
            "name": REQUIRED,
            "domain": {"type": "str", "default": "Default"},
            "password": {"type": "str", "no_log": True},
            "update_password": {
                "type": "str",
                "choices": ["always", "on_create"],
                "default": "always",
                "no_log": False,
            },
            "description": {"type": "str"},
            "email": {"type": "str"},
            "enabled": {"type": "bool", "default": True},
            "default_project": {"type": "str"},
            NEVER_LOCKED: {"type": "bool"},
            "roles": a_list(
                {
                    "role": REQUIRED,
                    "project": {"type": "str"},
                    "project_domain": {"type": "str"},
                    "domain": {"type": "str"},
                    "system": {"type": "str", "choices": ["all"]},
                    "state": STATE,
                },
                required_one_of=[("project", "domain", "system")],
                mutually_exclusive=[("project", "domain", "system")],
            ),
            "state": STATE,
        }
    ),
    "services": a_list(
        {
            "name": REQUIRED,
            "type": REQUIRED,
            "description": {"type": "str"},
            "enabled": {"type": "bool", "default": True},
            "region_name": {"type": "str"},
            "endpoints": {
                "type": "dict",
                "default": {},
                "options": {"public": {"type": "str"}, "internal": {"type": "str"}, "admin": {"type": "str"}},
            },
            "state": STATE,
        }
    ),
}


def roles(entries: list[Any]) -> list[Mapping[str, Any]]:
    """Expand roles that are given as a plain name."""
    described: list[Mapping[str, Any]] = []
    for entry in entries:
        item = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or set(item) - {"name", "state"}:
            raise CloudError(f"roles: expected a name, or a dictionary with name and state, but found {entry!r}.")
        if item.get("state", "present") not in STATE["choices"]:
            raise CloudError(f"roles: the state of {item['name']} is {item['state']!r}, expected present or absent.")
        described.append(item)
    return described


def lacking(cloud: Cloud) -> str:
    """Return what the bootstrap would bring, or an empty string if the administrator and all endpoints are there."""
    try:
        cloud.identity()
    except CloudError as error:
        if error.kind == "unauthorized":
            return "the administrator cannot log in"
        raise
    absent = missing(cloud.interfaces("identity"))
    return f"Keystone's {', '.join(absent)} endpoint is missing" if absent else ""


def opened(options: Mapping[str, Any], check: bool, differences: Differences) -> Cloud:
    """Return the cloud. Repairs what only Keystone's own command can repair, if the options allow it."""
    access = Access.from_options(options, check)
    cloud, urls, auth = Cloud(access), options["bootstrap"], options["auth"]
    if urls is None:
        return cloud
    if auth is None or not options["region_name"]:
        raise CloudError("bootstrap needs auth and region_name: it passes them to keystone-manage.", "described")
    reason = lacking(cloud)
    if not reason:
        return cloud
    differences.created("bootstrap", auth["username"], {"reason": reason}, f"because {reason}")
    if check:
        return cloud
    problem = bootstrap(auth["username"], auth["password"], auth["project_name"], options["region_name"], urls)
    if problem:
        raise CloudError(problem)
    return Cloud(access)


def run(module: AnsibleModule) -> dict[str, Any]:
    options, check = module.params, module.check_mode
    description = {kind: options[kind] for kind in ("domains", "projects", "users", "services")}
    description["roles"] = roles(options["roles"])
    differences = Differences()
    api: Api
    try:
        cloud = opened(options, check, differences)
        api = cloud.identity()
    except CloudError as error:
        if differences.changed and check and error.kind == "unauthorized":
            # Nothing else can be read before the bootstrap.
            return {"changed": True, "changes": differences.changes, "ids": {}, "diff": differences.diff}
        empty_host(module, error, "predicts a first run, which creates everything")
        if options["bootstrap"] and not differences.changed:
            reason = "Keystone is not there yet"
            differences.created("bootstrap", options["auth"]["username"], {"reason": reason}, f"because {reason}")
        catalog = Catalog(Nothing(), differences, lambda *_: False, region=options["region_name"], check=True, assume=True)
    else:
        catalog = Catalog(
            api,
            differences,
            lambda user_id, name, password: cloud.accepts(api, user_id, name, password),
            region=options["region_name"],
            own_user_id=cloud.user_id(),
            check=check,
        )
    ids = catalog.converge(description)
    return {"changed": differences.changed, "changes": differences.changes, "ids": ids, "diff": differences.diff}


def main() -> None:
    run_module(ARGUMENTS, run)


if __name__ == "__main__":
    main()
