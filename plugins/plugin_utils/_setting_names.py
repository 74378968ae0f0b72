# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds variables that Ansible would silently ignore: misspelled ones, and those that the playbooks compute."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import typing as t
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import yaml

from ansible_collections.mikumo.openstack.plugins.plugin_utils._site_settings import settings as site_settings

__all__ = ["NamesError", "SettingNames", "load", "name_problems", "read_collection"]

# Settings that no file in the repository defines: the roles of a site generate them.
GENERATED = frozenset({"cloud_secrets"})
# Similarity of a misspelled name: one letter too few, too many, wrong or in the wrong place.
ALIKE = 0.88
# The same if the setting that was probably meant is required and missing.
ALIKE_IF_MISSING = 0.75
# Prefixes of Ansible's own names, and of internal ones.
FOREIGN = ("ansible_", "inventory_", "__", "molecule_")


class NamesError(ValueError):
    """A call with invalid arguments."""


@dataclasses.dataclass(frozen=True)
class SettingNames:
    """Names of all settings of the collection, of the required ones, and of variables that the playbooks compute."""

    known: frozenset[str]
    required: frozenset[str]
    computed: frozenset[str]


# libyaml's loader is ten times as fast, but not every build of PyYAML has it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def load(path: Path) -> Mapping[str, t.Any]:
    """Load a file of the collection that contains a mapping."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506  # both are safe
    except yaml.YAMLError as error:
        raise NamesError(f"{path}: invalid YAML: {error}") from error
    return content if isinstance(content, Mapping) else {}


def _options(spec: Mapping[str, t.Any]) -> set[str]:
    return {option for entry in (spec.get("argument_specs") or {}).values() for option in (entry.get("options") or {})}


def read_collection(root: Path) -> SettingNames:
    """Read the names in the files of a collection: options and defaults of roles, settings of a site, variables of playbooks."""
    described = site_settings()
    known = set(GENERATED) | set(described)
    for path in sorted((root / "roles").glob("*/meta/argument_specs.y*ml")):
        known |= _options(load(path))
    for path in sorted((root / "roles").glob("*/defaults/main.y*ml")):
        known |= set(load(path))
    computed = {name for path in sorted((root / "playbooks/vars").glob("*.y*ml")) for name in load(path)} - set(described)
    required = {name for name, setting in described.items() if setting.required is True}
    return SettingNames(frozenset(known | computed), frozenset(required), frozenset(computed))


def _near(name: str, known: Collection[str], alike: float) -> str:
    found = difflib.get_close_matches(name.lower(), known, n=1, cutoff=alike)
    return found[0] if found else ""


def name_problems(
    names: Iterable[str], *, of: SettingNames, allowed: Collection[str] = (), where: str = "the inventory"
) -> list[str]:
    """Return sentences about variables that are almost a setting, or that have no effect. Ignores all other names."""
    if isinstance(names, str):
        raise NamesError("the variable names must be a list, not a string")
    given = sorted({str(name) for name in names})
    missing = sorted(of.required - set(given))
    known = sorted(of.known - of.computed)
    consent = "name it in preflight_allowed_names if it is meant for something else"
    problems = []
    for name in given:
        if name in allowed or name.startswith(FOREIGN):
            continue
        if name in of.computed:
            problems.append(
                f"{name} in {where}: the playbooks compute it and would ignore this value; remove it and use the "
                f"settings in docs/settings.md, or {consent}"
            )
        elif name not in of.known and (near := _near(name, known, ALIKE) or _near(name, missing, ALIKE_IF_MISSING)):
            problems.append(f"{name} in {where}: unknown setting, did you mean {near}? Correct it, or {consent}")
    return problems
