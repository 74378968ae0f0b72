# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: firewall_rules
version_added: 0.1.0
short_description: Derive the rules of a node's firewall from its groups
description:
  - Returns what others may connect to on the node, from the collection's table of ports. SSH is not among the rules, because the
    role P(mikumo.openstack.firewall#role) always accepts it.
  - Rules for the controllers have their addresses. Rules for other groups of nodes have the networks of the site, so that they
    are the same in every run, whichever nodes take part.
positional: _input
options:
  _input:
    description: Names of the node's groups, C(group_names).
    type: list
    elements: str
    required: true
  services:
    description: Services of the cloud, C(cloud_services).
    type: list
    elements: str
    required: true
  tenant_network_type:
    description: Network type that separates tenant networks on the wire.
    type: str
    choices: [vxlan, gre, vlan]
    required: true
  variables:
    description: Variables of the node, C(hostvars[inventory_hostname]), for the numbers of ports that the site has set.
    type: dict
    required: true
  controllers:
    description: Addresses of the controllers.
    type: list
    elements: str
    required: true
  management:
    description: Networks in which nodes reach each other's services.
    type: list
    elements: str
    required: true
  tunnel:
    description: Networks of the tunnels.
    type: list
    elements: str
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show what a compute node accepts
  ansible.builtin.debug:
    msg: "{{ ['compute_nodes'] | mikumo.openstack.firewall_rules(services=cloud_services, tenant_network_type='vxlan',
      variables=hostvars[inventory_hostname], controllers=['10.0.0.11'], management=['10.0.0.0/24'], tunnel=['10.0.1.0/24']) }}"
"""

RETURN = r"""
_value:
  description: Rules, each with C(protocol), C(ports), C(sources) and C(purpose).
  type: list
  elements: dict
  sample:
    - {protocol: udp, ports: ["4789"], sources: [10.0.1.0/24], purpose: VXLAN tunnels of the tenants' networks}
"""

import typing as t
from collections.abc import Callable

from ansible_collections.mikumo.openstack.plugins.plugin_utils._lazy import lazily

_firewall_rules = lazily("_firewall_rules")


def firewall_rules(groups: t.Any, **options: t.Any) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", _firewall_rules.firewall_rules(groups, **options))


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"firewall_rules": firewall_rules}
