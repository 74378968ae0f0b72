# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds problems with the groups of an inventory. Hosts outside a site's groups are not part of the site."""

from __future__ import annotations

import difflib
import typing as t
from collections.abc import Collection, Iterator, Mapping

from ansible_collections.mikumo.openstack.plugins.plugin_utils._site import GROUPS

__all__ = ["REQUIRED_GROUPS", "group_problems", "site_hosts"]

REQUIRED_GROUPS = ("controller_nodes", "network_nodes", "compute_nodes")
# Similarity of a misspelled name: enough for compute_node, control_nodes and storage-nodes, not for compute.
ALIKE = 0.8


def site_hosts(groups: Mapping[str, t.Any]) -> list[str]:
    """Return the hosts in the site's groups."""
    return list(dict.fromkeys(host for name in GROUPS for host in groups.get(name) or ()))


def _misspelt(groups: Mapping[str, t.Any], allowed: Collection[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield groups with almost the name of a site's group, the probable correct name, and the hosts missing from that group."""
    for name, hosts in groups.items():
        # A name that contains one of ours was chosen deliberately: old_compute_nodes.
        if name in ("all", "ungrouped", *GROUPS, *allowed) or any(ours in name for ours in GROUPS):
            continue
        near = difflib.get_close_matches(name.lower().replace("-", "_"), GROUPS, n=1, cutoff=ALIKE)
        # A parent or child of the right group may have any name.
        strangers = [host for host in hosts or () if near and host not in (groups.get(near[0]) or ())]
        if strangers:
            yield name, near[0], strangers


def group_problems(groups: Mapping[str, t.Any], allowed: Collection[str] = ()) -> list[str]:
    """Return sentences about the groups. Names in `allowed` do not count as misspelled."""
    problems = [
        f"group {name} has no hosts, but a cloud needs at least one: add it to the inventory's hosts.yml"
        for name in REQUIRED_GROUPS
        if not groups.get(name)
    ]
    controllers = list(groups.get("controller_nodes") or ())
    if len(controllers) > 1:
        problems.append(
            f"group controller_nodes has {len(controllers)} hosts ({', '.join(controllers)}): only one controller is supported; "
            "keep one there, and move the others to other groups in the inventory's hosts.yml"
        )
    for name, meant, hosts in _misspelt(groups, allowed):
        members = f"{', '.join(hosts[:5])}{' and others' if len(hosts) > 5 else ''}"
        problems.append(
            f"group {name} with {members} is not a group of the site: did you mean {meant}? Correct it in the inventory's "
            "hosts.yml, or name it in preflight_allowed_names if it is meant for something else"
        )
    return problems
