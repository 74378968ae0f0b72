# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: neutron_agents
version_added: 0.1.0
short_description: Describe the files and units of Neutron's agents
description:
  - Describes for each agent one complete configuration file, the file that passes its path to Debian's init script, and the
    unit. The agents do not use C(neutron.conf), which belongs to Neutron's API if that runs on the same node.
  - O(common), O(special) and O(overrides) are merged in this order. Later options override earlier ones.
positional: _input
options:
  _input:
    description: Names of the agents.
    type: list
    elements: str
    required: true
  paths:
    description: Path of the configuration file, by agent.
    type: dict
    required: true
  common:
    description: Sections for all agents.
    type: dict
    default: {}
  special:
    description: Sections for one agent, by agent, or for all agents under C(neutron).
    type: dict
    default: {}
  contexts:
    description: Sections of oslo.privsep contexts. The filter sets their C(helper_command).
    type: list
    elements: str
    default: []
  overrides:
    description: Sections from the site's settings, by agent, or under C(neutron) for all agents.
    type: dict
    default: {}
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: Configure the L3 agent
  mikumo.openstack.service:
    group: neutron
    files: "{{ agents.files }}"
    units: "{{ agents.units }}"
  vars:
    agents: "{{ ['l3'] | mikumo.openstack.neutron_agents({'l3': '/etc/neutron/l3_agent.ini'}, common=common) }}"
    common:
      DEFAULT: {interface_driver: openvswitch}
"""

RETURN = r"""
_value:
  description: C(files) and C(units) for the module M(mikumo.openstack.service).
  type: dict
"""

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible.utils.vars import merge_hash

from ansible_collections.mikumo.openstack.plugins.filter.oslo_config import oslo_config
from ansible_collections.mikumo.openstack.plugins.filter.privsep_sections import privsep_sections

Sections = Mapping[str, t.Any]
HELPER = "sudo /usr/bin/neutron-rootwrap /etc/neutron/rootwrap.conf privsep-helper --config-file {path}"
DEFAULTS = """\
# Managed by Ansible (mikumo.openstack.neutron_agents). Read by /etc/init.d/{unit}.
DAEMON_ARGS="--config-file={path}"
# The system's resolver instead of eventlet's own: 6 MB less, and a shorter start.
export EVENTLET_NO_GREENDNS=yes
"""


def neutron_agents(
    agents: Sequence[str],
    paths: Mapping[str, str],
    *,
    common: Sections | None = None,
    special: Mapping[str, Sections] | None = None,
    contexts: Sequence[str] = (),
    overrides: Mapping[str, Sections] | None = None,
) -> dict[str, list[dict[str, t.Any]]]:
    special, overrides = special or {}, overrides or {}
    files, units = [], []
    for agent in agents:
        path, unit = paths[agent], f"neutron-{agent}-agent"
        sections: dict[str, t.Any] = {}
        for layer in (
            common,
            special.get("neutron"),
            special.get(agent),
            overrides.get("neutron"),
            privsep_sections(contexts, HELPER.format(path=path)),
            overrides.get(agent),
        ):
            sections = merge_hash(sections, layer or {})
        files += [
            {"path": path, "content": oslo_config(sections)},
            {"path": f"/etc/default/{unit}", "content": DEFAULTS.format(unit=unit, path=path), "mode": "0644"},
        ]
        units.append({"name": f"{unit}.service", "files": [path, f"/etc/default/{unit}"]})
    return {"files": files, "units": units}


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"neutron_agents": neutron_agents}
