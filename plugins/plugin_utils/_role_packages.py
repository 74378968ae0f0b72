# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t
from pathlib import Path

import yaml
from ansible.module_utils.common.yaml import yaml_load

__all__ = ["PackagesError", "packages"]

SUFFIX = "_packages"
# The lab's packages belong on the machine that hosts the nodes. Tempest's are only installed on request.
NOT_ON_NODES = frozenset({"lab", "tempest"})


class PackagesError(ValueError):
    """A package list that is not literal, or cannot be read."""


def _of_variable(path: Path, name: str, value: t.Any) -> list[str]:
    if isinstance(value, str):
        found = "a template" if "{{" in value or "{%" in value else f"the string {value!r}"
        raise PackagesError(f"{path}: {name} is {found}; give a literal list of package names")
    if not isinstance(value, list):
        raise PackagesError(f"{path}: {name} is of type {type(value).__name__}; give a literal list of package names")
    for element in value:
        if not isinstance(element, str):
            raise PackagesError(f"{path}: {name} contains {element!r}, which is not a package name")
        if "{{" in element or "{%" in element:
            raise PackagesError(f"{path}: {name} contains the template {element!r}; give literal package names")
    return value


def _of_role(path: Path) -> set[str]:
    try:
        defaults = yaml_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise PackagesError(f"{path}: invalid YAML: {error}") from error
    if not isinstance(defaults, dict):
        raise PackagesError(f"{path}: expected a dictionary of role defaults, got {type(defaults).__name__}")
    return {
        package
        for name, value in defaults.items()
        if isinstance(name, str) and name.endswith(SUFFIX)
        for package in _of_variable(path, name, value)
    }


def packages(roles: Path, names: list[str] | None = None) -> list[str]:
    """Return the sorted union of the `*_packages` lists of the roles in this directory."""
    known = {path.parent.parent.name: path for path in sorted(roles.glob("*/defaults/main.yml"))}
    wanted = names or [name for name in known if name not in NOT_ON_NODES]
    for name in wanted:
        if not (roles / name).is_dir():
            raise PackagesError(f"{roles}: there is no role {name}")
    return sorted(set().union(*(_of_role(known[name]) for name in wanted if name in known)))
