#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: keystone_bootstrap
short_description: Bootstrap Keystone so that its first administrator can log in
version_added: 0.1.0
description:
  - Requests a token from the running Keystone as the administrator. Runs C(keystone-manage bootstrap) if Keystone rejects the
    login, or if one of Keystone's own endpoints (public, internal and admin) is missing from the catalog. The command
    creates the administrator with its project and role as well as Keystone's endpoints, or sets the new password.
  - C(keystone-manage bootstrap) adds missing endpoints, but never changes the URL of an existing one.
  - The command reads the password from its environment. Process lists therefore do not show it.
author: The Mikumo authors (@mikumo)
options:
  username:
    description: Name of the administrator.
    type: str
    default: admin
  password:
    description: Password of the administrator. Change it to rotate the password.
    type: str
    required: true
  project:
    description: Name of the administrator's project.
    type: str
    default: admin
  region_name:
    description: Region of Keystone's endpoints.
    type: str
    required: true
  public_url:
    description: Public endpoint of Keystone, including C(/v3).
    type: str
    required: true
  internal_url:
    description: Internal endpoint of Keystone, including C(/v3). The module uses this one itself.
    type: str
    required: true
  admin_url:
    description: Admin endpoint of Keystone, including C(/v3). Defaults to O(internal_url).
    type: str
  api_timeout:
    description: Seconds to wait for Keystone's answer to one request.
    type: int
    default: 60
attributes:
  check_mode:
    description: Can run in check mode. Predicts a bootstrap if Keystone does not answer yet.
    support: full
  diff_mode:
    description: Shows whether the administrator can log in.
    support: full
  idempotent:
    description: Does nothing if the administrator can log in and all three of Keystone's endpoints exist.
    support: full
"""

EXAMPLES = r"""
- name: Bootstrap the first administrator
  mikumo.openstack.keystone_bootstrap:
    password: "{{ keystone_admin_password }}"
    region_name: RegionOne
    public_url: http://10.0.0.11:5000/v3
    internal_url: http://10.0.0.11:5000/v3
"""

RETURN = r"""
found:
  description: Result of the administrator's login before the bootstrap.
  type: str
  returned: always
  sample: logged in
"""

import json
from urllib.error import HTTPError

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

from ansible_collections.mikumo.openstack.plugins.module_utils._keystone_bootstrap import bootstrap, missing

LOGGED_IN = "logged in"


def interfaces(token: dict, region: str) -> set[str]:
    """Return the interfaces of Keystone's endpoints in the catalog of the token."""
    identity = [endpoint for service in token["catalog"] if service["type"] == "identity" for endpoint in service["endpoints"]]
    return {endpoint["interface"] for endpoint in identity if endpoint["region_id"] == region}


def probe(options: dict) -> str:
    """Try to log in: "logged in", the same with a list of missing endpoints, "refused", or why Keystone gave no answer."""
    domain = {"id": "default"}
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": options["username"], "domain": domain, "password": options["password"]}},
            },
            "scope": {"project": {"name": options["project"], "domain": domain}},
        }
    }
    url, headers = f"{options['internal_url']}/auth/tokens", {"Content-Type": "application/json"}
    try:
        with open_url(
            url, data=json.dumps(body), headers=headers, method="POST", timeout=options["api_timeout"], use_proxy=False
        ) as answer:
            lacking = missing(interfaces(json.load(answer)["token"], options["region_name"]))
            return f"{LOGGED_IN}, but Keystone's {', '.join(lacking)} endpoint is missing" if lacking else LOGGED_IN
    except HTTPError as error:
        if error.code in (401, 403, 404):
            return "refused"
        return f"HTTP status {error.code}"
    except OSError as error:
        return f"no answer ({error})"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "username": {"type": "str", "default": "admin"},
            "password": {"type": "str", "required": True, "no_log": True},
            "project": {"type": "str", "default": "admin"},
            "region_name": {"type": "str", "required": True},
            "public_url": {"type": "str", "required": True},
            "internal_url": {"type": "str", "required": True},
            "admin_url": {"type": "str"},
            "api_timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    p = module.params
    found = probe(p)
    if found == LOGGED_IN:
        module.exit_json(changed=False, found=found)
    if found != "refused" and not found.startswith(LOGGED_IN) and not module.check_mode:
        module.fail_json(
            msg=f"The login to Keystone at {p['internal_url']} as {p['username']} failed: {found}. Keystone must be running"
            " before its bootstrap; see `journalctl -u keystone` on this node.",
            found=found,
        )
    diff = {"before": f"{p['username']}: {found}\n", "after": f"{p['username']}: {LOGGED_IN}\n"}
    if module.check_mode:
        module.exit_json(changed=True, found=found, diff=diff)

    problem = bootstrap(p["username"], p["password"], p["project"], p["region_name"], p)
    if problem:
        module.fail_json(msg=problem, found=found)
    after = probe(p)
    if after != LOGGED_IN:
        module.fail_json(
            msg=f"The login check as {p['username']} after `keystone-manage bootstrap` failed: {after}. Either the password in"
            " the secrets file does not match Keystone's database, or Keystone uses a different database than the command.",
            found=after,
        )
    module.exit_json(changed=True, found=found, diff=diff)


if __name__ == "__main__":
    main()
