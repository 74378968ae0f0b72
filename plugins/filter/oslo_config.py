# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: oslo_config
short_description: Render a dictionary as a configuration file for oslo.config or uWSGI
version_added: 0.1.0
description:
  - Renders a dictionary of sections as INI text for C(oslo.config).
  - The section V(DEFAULT) comes first, the others in the order of the dictionary.
  - Booleans become V(true) and V(false). The filter omits options that are V(null). An override can therefore remove an
    option. It also omits sections without options.
  - A list becomes one comma-separated value, a dictionary V(key:value,key:value).
  - For an option that may occur several times, append V([]) to its key. Its list becomes one line per element.
  - The filter keeps V($name) unchanged, because C(oslo.config) replaces it with the value of that option.
positional: _input
options:
  _input:
    description: Sections, each a dictionary of options.
    type: dict
    required: true
  header:
    description: Text of the comment at the top of the file.
    type: str
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Write Glance's configuration
  mikumo.openstack.service:
    files:
      - path: /etc/glance/glance-api.conf
        group: glance
        content: >-
          {{ glance_defaults | ansible.builtin.combine(glance_config, recursive=True)
             | mikumo.openstack.oslo_config(header=ansible_managed) }}

# [DEFAULT]
# enabled_backends = file:file,cinder:cinder
#
# [uwsgi]
# http-socket = 10.0.0.11:9292
# add-header = Connection: close
# add-header = X-Frame-Options: DENY
- name: Show a dictionary value and a repeated option
  ansible.builtin.debug:
    msg: "{{ config | mikumo.openstack.oslo_config }}"
  vars:
    config:
      uwsgi:
        http-socket: "10.0.0.11:9292"
        add-header[]: ["Connection: close", "X-Frame-Options: DENY"]
      DEFAULT:
        enabled_backends: {file: file, cinder: cinder}
        debug:
"""

RETURN = r"""
_value:
  description: The text of the file, ending in a newline.
  type: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._oslo_config import ConfigError, render


def oslo_config(config: t.Any, header: str | None = None) -> str:
    try:
        return render(config, header)
    except ConfigError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"oslo_config": oslo_config}
