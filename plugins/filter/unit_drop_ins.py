# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: unit_drop_ins
version_added: 0.1.0
short_description: Describe the same drop-in for several units
description:
  - Returns a description of the same systemd drop-in for each unit.
positional: _input, name, content
options:
  _input:
    description: Names of the units, including their suffix.
    type: list
    elements: str
    required: true
  name:
    description: Name of the drop-in, without C(.conf).
    type: str
    required: true
  content:
    description: Text of the drop-in.
    type: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Let systemd restart two services, however they exit
  mikumo.openstack.service:
    files: "{{ ['nova-conductor.service', 'nova-scheduler.service'] | mikumo.openstack.unit_drop_ins('restart', text) }}"
  vars:
    text: |
      [Service]
      Restart=always
"""

RETURN = r"""
_value:
  description: The option C(files) for the module M(mikumo.openstack.service).
  type: list
  elements: dict
"""

import typing as t
from collections.abc import Callable, Sequence


def unit_drop_ins(units: Sequence[str], name: str, content: str) -> list[dict[str, str]]:
    return [
        {"path": f"/etc/systemd/system/{unit}.d/{name}.conf", "content": content, "group": "root", "mode": "0644"}
        for unit in units
    ]


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"unit_drop_ins": unit_drop_ins}
