# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A single record of changes, from which a module derives its changed, diff and messages.

A module that keeps these three apart sooner or later reports a change without a diff, or the other way round.
Do not pass secrets: the output shows all values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Attributes = Mapping[str, Any]


def differing(described: Attributes, found: Attributes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the attributes that differ: (as found, as described). None means: not described."""
    names = [name for name, value in described.items() if value is not None and found.get(name) != value]
    return {name: found.get(name) for name in names}, {name: described[name] for name in names}


def text(value: Any, indent: int = 0) -> str:
    """Return YAML-like text with one line per value. A line diff then shows exactly the changes."""
    pad = "  " * indent
    if not isinstance(value, Mapping):
        return f"{pad}{scalar(value)}\n"
    lines = []
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            lines.append(f"{pad}{key}:\n{text(item, indent + 1)}")
        elif isinstance(item, (list, tuple)) and item:
            lines.append(f"{pad}{key}:\n" + "".join(f"{pad}  - {scalar(one)}\n" for one in item))
        else:
            lines.append(f"{pad}{key}: {scalar(item)}\n")
    return "".join(lines)


def scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if value else '""'
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    return str(value)


class Differences:
    """Collects changes in the order in which the module makes them."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self._before: dict[str, dict[str, Any]] = {}
        self._after: dict[str, dict[str, Any]] = {}

    @property
    def changed(self) -> bool:
        return bool(self.changes)

    @property
    def diff(self) -> dict[str, str]:
        return {"before": text(self._before), "after": text(self._after)}

    def created(self, kind: str, name: str, attributes: Attributes, message: str = "") -> None:
        shown = {key: value for key, value in attributes.items() if value is not None}
        self._put(self._after, kind, name, shown)
        self.changes.append(f"{kind} {name}: {message or 'created'}")

    def updated(self, kind: str, name: str, before: Attributes, after: Attributes, message: str = "") -> None:
        """Record an update. Does nothing if before and after are the same."""
        names = [key for key in {**after, **before} if before.get(key) != after.get(key)]
        if not names:
            return
        self._put(self._before, kind, name, {key: before[key] for key in names if key in before})
        self._put(self._after, kind, name, {key: after[key] for key in names if key in after})
        steps = ", ".join(f"{key} {_brief(before.get(key))} -> {_brief(after.get(key))}" for key in names)
        self.changes.append(f"{kind} {name}: {message or steps}")

    def removed(self, kind: str, name: str, attributes: Attributes, message: str = "") -> None:
        shown = {key: value for key, value in attributes.items() if value is not None}
        self._put(self._before, kind, name, shown)
        self.changes.append(f"{kind} {name}: {message or 'removed'}")

    @staticmethod
    def _put(side: dict[str, dict[str, Any]], kind: str, name: str, attributes: Attributes) -> None:
        side.setdefault(kind, {}).setdefault(name, {}).update(attributes)


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {scalar(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(scalar(item) for item in value) + "]"
    return scalar(value)
