# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: units_in_the_way
version_added: 0.1.0
short_description: Find the units that hold HAProxy's ports
description:
  - Returns the units that must stop before HAProxy can listen on its ports. Before there was an HAProxy, services listened on
    all addresses.
  - A unit is in the way if a frontend names it, and if it holds a port of that frontend on one of its addresses or on all
    addresses. A unit that listens on a loopback address is never in the way, and neither is software that no frontend names.
positional: _input, listening
options:
  _input:
    description:
      - Frontends, as O(mikumo.openstack.haproxy#role:main:haproxy_frontends) in the role P(mikumo.openstack.haproxy#role).
    type: list
    elements: dict
    required: true
  listening:
    description: Listening sockets, as in the fact C(listening) of M(mikumo.openstack.node_facts).
    type: list
    elements: dict
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Stop the units
  mikumo.openstack.service:
    units: "{{ haproxy_frontends | mikumo.openstack.units_in_the_way(ansible_facts['listening']) }}"
"""

RETURN = r"""
_value:
  description: Units for the module M(mikumo.openstack.service). They stay enabled.
  type: list
  elements: dict
  sample: [{name: keystone.service, state: stopped, enabled: true}]
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._lazy import lazily

_haproxy = lazily("_haproxy")


def units_in_the_way(frontends: t.Any, listening: t.Any) -> list[dict[str, t.Any]]:
    try:
        return _haproxy.units_in_the_way(frontends, listening)
    except _haproxy.HaproxyError as error:
        raise AnsibleFilterError(f"units that hold ports of HAProxy: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"units_in_the_way": units_in_the_way}
