# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

__all__ = ["ConfigError", "render"]

# A key with this suffix produces one line per element, for oslo.config's MultiStrOpt and for uWSGI.
REPEAT = "[]"


class ConfigError(ValueError):
    """A setting that an INI file cannot represent."""


def _scalar(where: str, value: t.Any) -> str:
    # bool is an int in Python, and must come first
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        if "\n" in value or "\r" in value:
            raise ConfigError(
                f"{where}: the value has more than one line, which an INI option cannot hold; "
                "give one line (in YAML, '>-' folds lines), or a list"
            )
        return value.strip()
    raise ConfigError(
        f"{where}: a value of type {type(value).__name__} cannot be written; "
        "give a string, a number, a boolean, a list or a flat dictionary of those"
    )


def _item(where: str, value: t.Any, forbidden: str) -> str:
    text = _scalar(where, value)
    for char in forbidden:
        if char in text:
            raise ConfigError(
                f"{where}: the element {text!r} contains {char!r}, which separates elements; "
                f"give the whole value as one string, or use the key suffix '{REPEAT}' for repeated lines"
            )
    return text


def _value(where: str, value: t.Any) -> str:
    if isinstance(value, Mapping):
        # A value may contain a colon, as URLs do: oslo.config splits only at the first one.
        return ",".join(f"{_item(where, k, ',:')}:{_item(where, v, ',')}" for k, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return ",".join(_item(where, element, ",") for element in value)
    return _scalar(where, value)


def _lines(section: str, option: t.Any, value: t.Any) -> list[str]:
    if not isinstance(option, str):
        raise ConfigError(
            f"section [{section}]: the option name {option!r} is of type {type(option).__name__}, not a string; "
            "quote it in YAML (which converts on, off, yes, no and numbers to other types)"
        )
    where = f"{section}.{option}"
    repeated = option.endswith(REPEAT)
    name = option.removesuffix(REPEAT)
    if not name or name != name.strip() or name[0] in "[#;" or any(char in name for char in "=:\r\n"):
        raise ConfigError(f"{where}: not a valid name for an INI option")
    if value is None:
        return []
    if repeated:
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
            raise ConfigError(f"{where}: the suffix '{REPEAT}' requires a list, with one line per element")
        return [f"{name} = {_scalar(where, element)}".rstrip() for element in value if element is not None]
    return [f"{name} = {_value(where, value)}".rstrip()]


def render(config: t.Any, header: str | None = None) -> str:
    """Render {section: {option: value}} as INI text. DEFAULT comes first, then the sections in the given order."""
    if not isinstance(config, Mapping):
        raise ConfigError(f"oslo_config expects a dictionary {{section: {{option: value}}}}, not {type(config).__name__}")
    blocks: list[str] = []
    if header:
        blocks.append("\n".join(f"# {line}".rstrip() for line in header.strip().splitlines()) + "\n")
    for section in sorted(config, key=lambda name: name != "DEFAULT"):
        options = config[section]
        if not isinstance(section, str) or not section.strip() or any(char in section for char in "[]\r\n"):
            raise ConfigError(f"{section!r} is not a valid name for an INI section")
        if options is None:
            continue
        if not isinstance(options, Mapping):
            raise ConfigError(
                f"section [{section}]: expected a dictionary of options, got {type(options).__name__}; "
                "an option outside any section belongs in DEFAULT"
            )
        lines = [line for option, value in options.items() for line in _lines(section, option, value)]
        if lines:
            blocks.append("\n".join([f"[{section}]", *lines]) + "\n")
    return "\n".join(blocks)
