# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: site_frontends
version_added: 0.1.0
short_description: Give the frontends of a site's services their addresses
description:
  - Completes the options C(X_frontends) of the services' roles to the option C(haproxy_frontends) of the role
    P(mikumo.openstack.haproxy#role).
positional: _input, own
options:
  _input:
    description: Frontends. Those with C(internal) are for the nodes of the cloud alone.
    type: list
    elements: dict
    required: true
  own:
    description: The node's address in the management network.
    type: str
    required: true
  public:
    description: The node's address in the users' network. Empty if users come to the management network.
    type: str
    default: ""
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Set HAProxy's frontends
  ansible.builtin.set_fact:
    haproxy_frontends: "{{ glance_frontends | mikumo.openstack.site_frontends('10.0.0.11', public='192.0.2.11') }}"
"""

RETURN = r"""
_value:
  description: Frontends with their C(addresses).
  type: list
  elements: dict
"""

import typing as t
from collections.abc import Callable, Mapping, Sequence


def site_frontends(frontends: Sequence[Mapping[str, t.Any]], own: str, *, public: str = "") -> list[dict[str, t.Any]]:
    everywhere = list(dict.fromkeys(address for address in (own, public) if address))
    return [
        {
            **{key: value for key, value in frontend.items() if key != "internal"},
            "addresses": [own] if frontend.get("internal") else everywhere,
        }
        for frontend in frontends
    ]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"site_frontends": site_frontends}
