# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: firewall_ruleset
version_added: 0.1.0
short_description: Render a node's firewall for nftables
description:
  - Renders a file for C(nft -f). It replaces the table C(inet mikumo), with one chain for packets to the node itself, in one
    transaction, and touches no other table.
  - The filter refuses rules that nftables would refuse, or that would open more than they say.
positional: _input, ssh_ports
options:
  _input:
    description: Rules, as O(mikumo.openstack.firewall#role:main:firewall_rules) in the role P(mikumo.openstack.firewall#role).
    type: list
    elements: dict
    required: true
  ssh_ports:
    description: TCP ports of sshd, which stay open for everybody.
    type: list
    elements: int
    required: true
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Show the rules
  ansible.builtin.debug:
    msg: "{{ [{'protocol': 'tcp', 'ports': [443], 'purpose': 'Horizon'}] | mikumo.openstack.firewall_ruleset([22]) }}"
"""

RETURN = r"""
_value:
  description: Text of the file.
  type: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._lazy import lazily

_firewall_rules = lazily("_firewall_rules")


def firewall_ruleset(rules: t.Any, ssh_ports: t.Any) -> str:
    try:
        return _firewall_rules.firewall_ruleset(rules, ssh_ports)
    except _firewall_rules.FirewallError as error:
        raise AnsibleFilterError(f"firewall: {error}") from error


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"firewall_ruleset": firewall_ruleset}
