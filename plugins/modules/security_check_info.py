#!/usr/bin/python
# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: check a node against the OpenStack Security Guide."""

from __future__ import annotations

DOCUMENTATION = r"""
module: security_check_info
short_description: Check a node against the checklists of the OpenStack Security Guide
version_added: 0.1.0
author:
  - The Mikumo authors (@mikumo)
description:
  - Checks owners and modes of configuration files, options in them, HAProxy's listeners and Horizon's settings.
  - Covers the guide's checklists for Keystone, Horizon, Nova, Cinder, Glance and Neutron. The guide was written for Train. If an
    option has moved since then, the module checks the new one.
  - Needs root, because others cannot read the files. Horizon's settings are read by Django, which runs as V(www-data).
extends_documentation_fragment:
  - mikumo.openstack.reading
attributes:
  check_mode:
    support: full
    description: This module does not modify state.
options:
  roles:
    description:
      - Roles of this collection that the node has, such as V(keystone), V(nova_compute) or V(neutron_agents). They decide which
        items apply.
      - Each agent of Neutron counts as a role of its own, V(neutron_agents_openvswitch), V(neutron_agents_l3),
        V(neutron_agents_dhcp) or V(neutron_agents_metadata).
    type: list
    elements: str
    required: true
  catalog:
    description:
      - Services of the cloud, each with its C(type) and its C(endpoints) by interface, as M(mikumo.openstack.catalog_info)
        returns them. They show whether services reach each other through TLS.
    type: list
    elements: dict
    required: true
seealso:
  - module: mikumo.openstack.catalog_info
  - name: OpenStack Security Guide
    description: The guide with its checklists.
    link: https://docs.openstack.org/security-guide/
"""

EXAMPLES = r"""
- name: Read the catalog
  mikumo.openstack.catalog_info:
    cloud: admin
  register: cloud

- name: Check the controller
  mikumo.openstack.security_check_info:
    roles: [keystone, glance, nova, neutron]
    catalog: "{{ cloud.catalog.services }}"
  register: checked

- name: Show the items that fail
  ansible.builtin.debug:
    msg: "{{ checked.results | selectattr('outcome', 'eq', 'fail') }}"
"""

RETURN = r"""
results:
  description: The items that concern the node's roles, in the order of the guide.
  returned: success
  type: list
  elements: dict
  sample:
    - id: Check-Identity-08
      title: Keystone's tokens are Fernet tokens
      outcome: pass
      reason: "[token] provider is fernet"
  contains:
    id:
      description: The guide's identifier.
      type: str
    title:
      description: What the item demands.
      type: str
    outcome:
      description: V(pass), V(fail) or V(not applicable).
      type: str
    reason:
      description: Why. If the item fails, what was found, what is expected, and how to change it.
      type: str
"""

import functools
import grp
import json
import pwd
import stat
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import last_lines, run
from ansible_collections.mikumo.openstack.plugins.module_utils._security_checks import (
    DASHBOARD_CONFIG,
    DASHBOARD_SETTINGS,
    ChecksError,
    Entry,
    Node,
    checked,
)

ARGUMENTS: dict[str, Any] = {
    "roles": {"type": "list", "elements": "str", "required": True},
    "catalog": {"type": "list", "elements": "dict", "required": True},
}

# Settings are a program. Only Django knows what comes out of all their files.
READ_SETTINGS = f"""
import json
from django.conf import settings
found = {{name: getattr(settings, name, None) for name in {DASHBOARD_SETTINGS!r}}}
found.update({{name: settings.HORIZON_CONFIG.get(name) for name in {DASHBOARD_CONFIG!r}}})
print(json.dumps(found, default=str))
"""
# Like Horizon itself: root would own the lock of Horizon's secret key afterwards.
DJANGO = ["setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", "python3", "-c", READ_SETTINGS]
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "openstack_dashboard.settings", "PYTHONDONTWRITEBYTECODE": "1"}


def name_of(database: Any, number: int) -> str:
    """Return the name of a user or group, or its number if it has none."""
    try:
        return str(database(number)[0])
    except KeyError:
        return str(number)


def entry(path: str) -> Entry | None:
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ChecksError(f"{path} cannot be read: {error.strerror}") from error
    return Entry(name_of(pwd.getpwuid, found.st_uid), name_of(grp.getgrgid, found.st_gid), stat.S_IMODE(found.st_mode))


def read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ChecksError(f"{path} cannot be read: {error.strerror}") from error


@functools.cache
def dashboard() -> dict[str, Any]:
    rc, out, err = run(DJANGO, ENVIRONMENT)
    try:
        # Only the last line: a plugin of Horizon may print something of its own.
        found: dict[str, Any] = json.loads(out.strip().splitlines()[-1]) if rc == 0 else {}
    except (IndexError, ValueError):
        found = {}
    if not found:
        raise ChecksError(f"Django cannot read Horizon's settings: {last_lines(err, 1) or f'exit status {rc}'}")
    return found


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    node = Node(frozenset(module.params["roles"]), entry, read, module.params["catalog"], dashboard)
    module.exit_json(changed=False, results=checked(node))


if __name__ == "__main__":
    main()
