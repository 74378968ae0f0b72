# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the groups of an inventory. Hosts in none of a site's groups belong to somebody else."""

from __future__ import annotations

import difflib
import typing as t
from collections.abc import Collection, Iterator, Mapping

from ansible_collections.mikumo.openstack.plugins.plugin_utils._site import GROUPS

__all__ = ["REQUIRED_GROUPS", "group_problems", "site_hosts"]

REQUIRED_GROUPS = ("controller_nodes", "network_nodes", "compute_nodes")
# How alike a misspelt name is: compute_node, control_nodes and storage-nodes are, compute is not.
ALIKE = 0.8


def site_hosts(groups: Mapping[str, t.Any]) -> list[str]:
    """Hosts that are in a group of the site."""
    return list(dict.fromkeys(host for name in GROUPS for host in groups.get(name) or ()))


def _misspelt(groups: Mapping[str, t.Any], allowed: Collection[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Groups whose names are almost those of the site's, with the name that was meant and the hosts that it does not have."""
    for name, hosts in groups.items():
        # A name that has one of ours in it was chosen with ours in mind: old_compute_nodes.
        if name in ("all", "ungrouped", *GROUPS, *allowed) or any(ours in name for ours in GROUPS):
            continue
        near = difflib.get_close_matches(name.lower().replace("-", "_"), GROUPS, n=1, cutoff=ALIKE)
        # As the parent or a child of the right group it may have any name.
        strangers = [host for host in hosts or () if near and host not in (groups.get(near[0]) or ())]
        if strangers:
            yield name, near[0], strangers


def group_problems(groups: Mapping[str, t.Any], allowed: Collection[str] = ()) -> list[str]:
    """Sentences about the groups. Names in `allowed` are not taken for misspelt ones."""
    problems = [
        f"group {name} has no host; a cloud needs at least one there: add it to the inventory's hosts.yml"
        for name in REQUIRED_GROUPS
        if not groups.get(name)
    ]
    controllers = list(groups.get("controller_nodes") or ())
    if len(controllers) > 1:
        problems.append(
            f"group controller_nodes has {len(controllers)} hosts ({', '.join(controllers)}): one controller is supported; leave "
            "one there, and put the others into other groups in the inventory's hosts.yml"
        )
    for name, meant, hosts in _misspelt(groups, allowed):
        members = f"{', '.join(hosts[:5])}{' and others' if len(hosts) > 5 else ''}"
        problems.append(
            f"group {name} with {members} is not a group of the site: did you mean {meant}? Correct it in the inventory's "
            "hosts.yml, or name it in preflight_allowed_names if it is meant for something else"
        )
    return problems
