# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: plan_problems
version_added: 0.1.0
short_description: Validate the groups and settings of a site
description:
  - Checks the groups of an inventory and the settings C(cloud_*) of the hosts in them. Returns a message for everything that
    prevents a working cloud. A message says what was found, what is allowed and where to change it.
  - Handles any value that YAML can express. A template that cannot be evaluated gets a message too.
  - Skips templates that need facts of a node until these facts are available.
  - C(docs/settings.md) describes all settings.
positional: _input
options:
  _input:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  groups:
    description: Ansible's C(groups).
    type: dict
    required: true
  also:
    description: Hosts outside the groups that need the site's settings too, such as C(localhost), which creates the resources.
    type: list
    elements: str
    default: []
  host:
    description:
      - Check only the settings of this host, not the groups. If its facts are available, the interfaces in the settings must
        exist.
    type: str
    default: ""
  allowed:
    description: Group names that are correct although they resemble the names of a site's groups.
    type: list
    elements: str
    default: []
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Check the settings of the site
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ hostvars | mikumo.openstack.plan_problems(groups=groups) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: Messages. Empty if there are no problems.
  type: list
  elements: str
"""

import typing as t
from collections.abc import Callable, Mapping
from pathlib import Path

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._role_options import option_problems, role_options
from ansible_collections.mikumo.openstack.plugins.plugin_utils._secrets import different_secrets
from ansible_collections.mikumo.openstack.plugins.plugin_utils._settings import (
    OR_HOST,
    SettingsError,
    interface_problems,
    setting_problems,
)
from ansible_collections.mikumo.openstack.plugins.plugin_utils._settings import plan_problems as find
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_groups import site_hosts
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_settings import settings
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_values import raw_values, read_values

COLLECTION = Path(__file__).resolve().parents[2]


def _of_host(hostvars: t.Any, groups: t.Any, host: str) -> list[str]:
    values = read_values(hostvars, [host], settings())
    interfaces = (hostvars[host].get("ansible_facts") or {}).get("interfaces")
    return [
        *setting_problems(values, groups=groups, settings=settings()),
        *interface_problems(values, groups=groups, settings=settings(), interfaces={host: interfaces} if interfaces else {}),
    ]


def plan_problems(hostvars: t.Any, *, groups: t.Any, also: t.Any = (), host: str = "", allowed: t.Any = ()) -> list[str]:
    for name, value in (("hostvars", hostvars), ("groups", groups)):
        if not isinstance(value, Mapping):
            raise AnsibleFilterError(f"plan_problems expects {name} to be a dictionary, not {type(value).__name__}")
    try:
        if host:
            return _of_host(hostvars, groups, host)
        hosts, options = site_hosts(groups), role_options(COLLECTION)
        values = read_values(hostvars, [*hosts, *also], {**settings(), **options})
        found = find(
            values, groups=groups, settings=settings(), allowed=[allowed] if isinstance(allowed, str) else list(allowed or ())
        )
        return [
            *found,
            *option_problems(values, options, OR_HOST),
            *different_secrets(raw_values(hostvars, hosts, "cloud_secrets")),
        ]
    except SettingsError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"plan_problems": plan_problems}
