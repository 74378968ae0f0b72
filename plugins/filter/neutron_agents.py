# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: neutron_agents
version_added: 0.1.0
short_description: Files and units of Neutron's agents
description:
  - Describes for each agent one configuration that has everything, the file that names it to Debian's start script, and the unit.
    Neutron's API may live on the same node and owns C(neutron.conf) there.
  - What is given later goes over what is given earlier, option by option.
positional: _input
options:
  _input:
    description: Names of the agents.
    type: list
    elements: str
    required: true
  paths:
    description: Path of its configuration, by agent.
    type: dict
    required: true
  common:
    description: Sections that every agent has.
    type: dict
    default: {}
  special:
    description: Sections of one agent, by agent.
    type: dict
    default: {}
  contexts:
    description: Sections of the contexts of privileges, which get their C(helper_command).
    type: list
    elements: str
    default: []
  overrides:
    description: Sections of the site, by agent, and by C(neutron) for every agent.
    type: dict
    default: {}
author:
  - The Mikumo authors (@mikumo)
"""

EXAMPLES = r"""
- name: The agent of layer 3
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
  description: C(files) and C(units), as the module M(mikumo.openstack.service) takes them.
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
