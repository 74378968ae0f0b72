# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the roles' options in an inventory before the first role starts."""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mikumo.openstack.plugins.plugin_utils._setting_names import load
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_values import Unknown, Unreadable

__all__ = ["option_problems", "role_options"]

# Roles that are not part of a site, or whose options have generic names that other variables may share.
APART = frozenset({"lab", "packages", "service", "tempest", "verify"})
# Keys that do not concern the type of a value. The role itself checks for required values.
BESIDE = frozenset({"default", "required", "description", "version_added"})

Spec = Mapping[str, t.Any]
Values = Mapping[str, Mapping[str, t.Any]]


@functools.cache
def role_options(root: Path) -> dict[str, tuple[str, dict[str, t.Any]]]:
    """Return the role and the specification of each option, from the files of a collection."""
    found: dict[str, tuple[str, dict[str, t.Any]]] = {}
    for path in sorted((root / "roles").glob("*/meta/argument_specs.yml")):
        role = path.parents[1].name
        if role in APART:
            continue
        for entry in load(path)["argument_specs"].values():
            for name, spec in (entry.get("options") or {}).items():
                found.setdefault(name, (role, {key: value for key, value in spec.items() if key not in BESIDE}))
    return found


def option_problems(values: Values, options: Mapping[str, tuple[str, Spec]], where: str) -> list[str]:
    """Return a sentence for each value that its role would reject. The role itself checks values that are not available yet."""
    problems: dict[str, None] = {}
    # Most values are the same for all hosts.
    seen: set[tuple[str, str]] = set()
    for own in values.values():
        for name in sorted(own.keys() & options.keys()):
            value, (role, spec) = own[name], options[name]
            if value is None or isinstance(value, (Unknown, Unreadable)) or (name, repr(value)) in seen:
                continue
            seen.add((name, repr(value)))
            for error in ArgumentSpecValidator({name: dict(spec)}).validate({name: value}).error_messages:
                told = "its value has the wrong type" if spec.get("no_log") else " ".join(str(error).split()).rstrip(".")
                problems.setdefault(f"{name} is not valid for the role {role}: {told}; change it {where}")
    return list(problems)
