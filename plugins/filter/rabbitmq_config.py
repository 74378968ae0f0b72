# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render rabbitmq.conf from a dictionary."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = r"""
name: rabbitmq_config
short_description: Render rabbitmq.conf from a dictionary
version_added: 0.1.0
author: The Mikumo authors (@mikumo)
description:
  - Renders options in RabbitMQ's new-style configuration format, C(name = value).
positional: _input
options:
  _input:
    description: Options and their values. The filter omits options that are V(null).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the file
  ansible.builtin.debug:
    msg: "{{ options | mikumo.openstack.rabbitmq_config }}"
  vars:
    options:
      listeners.tcp.default: 10.0.0.11:5672
      vm_memory_high_watermark.relative: 0.4
"""

RETURN = r"""
_value:
  description: Text of the file.
  type: str
"""


def rabbitmq_config(options: dict[str, Any]) -> str:
    """Render the options as lines `key = value`."""
    lines = [f"{key} = {value}" for key, value in options.items() if value is not None]
    return "\n".join(["# Managed by Ansible (mikumo.openstack.rabbitmq).", *lines]) + "\n"


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Any]:
        return {"rabbitmq_config": rabbitmq_config}
