# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_settings
version_added: 0.1.0
short_description: Find variables that are probably misspelled settings or have no effect
description:
  - Returns a message for each variable of a site's hosts whose name is almost, but not quite, that of a setting of the
    collection. Ansible itself ignores such variables silently.
  - Also returns a message for each variable that the collection's playbooks compute, because they ignore a value from the
    inventory.
  - Ignores all other names, and all variables of hosts outside the site's groups, because these may not belong to the
    collection.
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
  allowed:
    description: Variable names that are correct as they are.
    type: list
    elements: str
    default: []
  where:
    description: Origin of the names, for the messages.
    type: str
    default: the inventory
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Check for misspelled settings
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ hostvars | mikumo.openstack.unknown_settings(groups=groups) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: Messages. Empty if there are no problems.
  type: list
  elements: str
  sample:
    - "cloud_regoin in the inventory: unknown setting, did you mean cloud_region? Correct it, or name it in
      preflight_allowed_names if it is meant for something else"
"""

import functools
import typing as t
from collections.abc import Callable, Mapping
from pathlib import Path

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._setting_names import (
    NamesError,
    SettingNames,
    name_problems,
    read_collection,
)
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_groups import site_hosts
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_values import inventory_names

COLLECTION = Path(__file__).resolve().parents[2]


@functools.cache
def _collection() -> SettingNames:
    # cached: once per run, not once per host
    return read_collection(COLLECTION)


def unknown_settings(hostvars: t.Any, *, groups: t.Any, allowed: t.Any = (), where: str = "the inventory") -> list[str]:
    for name, value in (("hostvars", hostvars), ("groups", groups)):
        if not isinstance(value, Mapping):
            raise AnsibleFilterError(f"unknown_settings expects {name} to be a dictionary, not {type(value).__name__}")
    try:
        names = inventory_names(hostvars, site_hosts(groups))
        return name_problems(
            names, of=_collection(), allowed=[allowed] if isinstance(allowed, str) else list(allowed or ()), where=where
        )
    except NamesError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"unknown_settings": unknown_settings}
