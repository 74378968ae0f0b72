# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: plan_problems
version_added: 0.1.0
short_description: What is wrong with the settings of a site
description:
  - Looks at a site's settings, hosts and, as far as they are gathered, facts, and returns a message for everything
    with which a cloud cannot work. A message says what was found, what is allowed and where to change it.
  - Settings that are not in the dictionary are not checked, unless O(required_settings) names them. Those that are looked at are
    C(cloud_region), C(cloud_services), C(cloud_management_network), C(cloud_tunnel_network), C(cloud_external_network),
    C(cloud_project_network), C(cloud_external_gateway), C(cloud_external_pool), C(cloud_external_interface),
    C(cloud_tenant_network_type), C(cloud_vlan_range), C(cloud_vlan_interface), C(cloud_volume_gb) and C(cloud_volume_device).
positional: _input
options:
  _input:
    description: Settings of the site by name.
    type: dict
    required: true
  groups:
    description: Ansible's C(groups).
    type: dict
    required: true
  hostvars:
    description: Ansible's C(hostvars). Without it no host is looked at.
    type: dict
  required_groups:
    description: Groups that need a host.
    type: list
    elements: str
    default: [controller_nodes, network_nodes, compute_nodes]
  optional_groups:
    description: Further groups that a host may be in.
    type: list
    elements: str
    default: [storage_nodes]
  services:
    description: All services that there are, each with a list of those it needs. The collection's own if not given.
    type: dict
  tenant_network_types:
    description: Allowed values of C(cloud_tenant_network_type).
    type: list
    elements: str
    default: [vxlan, gre, vlan]
  required_settings:
    description: Settings that have to be there, those of VLAN besides if O(_input) asks for it.
    type: list
    elements: str
    default: []
author:
  - The Mikumo authors
"""

EXAMPLES = r"""
- name: The site makes sense
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    settings: "{{ dict(query('ansible.builtin.varnames', '^cloud_(?!secrets)')
      | zip(query('ansible.builtin.vars', *query('ansible.builtin.varnames', '^cloud_(?!secrets)')))) }}"
    problems: "{{ settings | mikumo.openstack.plan_problems(groups=groups, hostvars=hostvars) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: Messages. None if all is well.
  type: list
  elements: str
"""

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.plugin_utils._settings import (
    OPTIONAL_GROUPS,
    REQUIRED_GROUPS,
    TENANT_NETWORK_TYPES,
    SettingsError,
)
from ansible_collections.mikumo.openstack.plugins.plugin_utils._settings import plan_problems as find


def plan_problems(
    settings: t.Any,
    *,
    groups: t.Any,
    hostvars: t.Any = None,
    required_groups: t.Any = REQUIRED_GROUPS,
    optional_groups: t.Any = OPTIONAL_GROUPS,
    services: t.Any = None,
    tenant_network_types: t.Any = TENANT_NETWORK_TYPES,
    required_settings: t.Any = (),
) -> list[str]:
    try:
        return find(
            settings,
            groups=groups,
            hostvars=hostvars,
            required_groups=required_groups,
            optional_groups=optional_groups,
            services=services,
            tenant_network_types=tenant_network_types,
            required_settings=required_settings,
        )
    except SettingsError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"plan_problems": plan_problems}
