# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_settings
version_added: 0.1.0
short_description: Settings that are probably misspelt
description:
  - Returns a message for each name that begins with V(cloud_) or the name of one of the collection's roles, but is not
    a setting. Ansible itself ignores such variables silently.
  - Known are the options in the roles' argument specs, the roles' defaults, and the variables of the example inventory
    and of the playbooks.
  - Internal variables, which begin with two underscores, do not matter.
positional: _input
options:
  _input:
    description: Names of variables.
    type: list
    elements: str
    required: true
  known:
    description: Further names that are settings.
    type: list
    elements: str
    default: []
  where:
    description: Where the names come from, for the messages.
    type: str
    default: the inventory
author:
  - The Mikumo authors
"""

EXAMPLES = r"""
- name: No setting is misspelt
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ hostvars[inventory_hostname] | list | mikumo.openstack.unknown_settings }}"
"""

RETURN = r"""
_value:
  description: Messages. None if all is well.
  type: list
  elements: str
  sample: ["cloud_regoin in the inventory: unknown setting, did you mean cloud_region?"]
"""

import functools
import typing as t
from collections.abc import Callable
from pathlib import Path

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._settings import SettingsError, read_collection
from ansible_collections.mikumo.openstack.plugins.plugin_utils._settings import unknown_settings as find

COLLECTION = Path(__file__).resolve().parents[2]


@functools.cache
def _collection() -> tuple[set[str], set[str]]:
    # once a run, not once a host
    return read_collection(COLLECTION)


def unknown_settings(names: t.Any, known: t.Any = (), where: str = "the inventory") -> list[str]:
    try:
        ours, prefixes = _collection()
        return find(names, known={*ours, *known}, prefixes=prefixes, where=where)
    except SettingsError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"unknown_settings": unknown_settings}
