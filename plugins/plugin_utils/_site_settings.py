# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a site's settings, site_settings.yml, as objects."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible.module_utils.common.yaml import yaml_load

__all__ = ["FILE", "Section", "Setting", "sections", "settings"]

FILE = Path(__file__).with_name("site_settings.yml")


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting, or a value inside one. site_settings.yml explains the fields."""

    type: str
    elements: str = ""
    options: Mapping[str, Setting] = dataclasses.field(default_factory=dict)
    format: str = ""
    choices: tuple[str, ...] = ()
    must_have: tuple[str, ...] = ()
    empty: bool = False
    required: bool | Mapping[str, str] = False
    hosts: tuple[str, ...] = ()
    default: str = ""
    description: str = ""
    example: t.Any = None
    file: str = "cloud.yml"

    @classmethod
    def read(cls, fields: Mapping[str, t.Any]) -> Setting:
        given: dict[str, t.Any] = {
            name: tuple(value) if isinstance(value, list) and name != "example" else value for name, value in fields.items()
        }
        given["options"] = {name: cls.read(option) for name, option in fields.get("options", {}).items()}
        return cls(**given)

    def is_required(self, values: Mapping[str, t.Any]) -> bool:
        """Return whether a host with these values needs the setting."""
        if isinstance(self.required, bool):
            return self.required
        for name, value in self.required.items():
            has = values.get(name)
            if has == value or (isinstance(has, (list, tuple)) and value in has):
                return True
        return False


@dataclasses.dataclass(frozen=True)
class Section:
    title: str
    settings: Mapping[str, Setting]


@functools.cache
def sections() -> tuple[Section, ...]:
    content = yaml_load(FILE.read_text(encoding="utf-8"))
    return tuple(
        Section(part["title"], {name: Setting.read(fields) for name, fields in part["settings"].items()}) for part in content
    )


@functools.cache
def settings() -> Mapping[str, Setting]:
    return {name: setting for section in sections() for name, setting in section.settings.items()}
