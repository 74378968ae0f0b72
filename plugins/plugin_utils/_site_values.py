# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads each host's values for a site's settings, with a placeholder for each template that cannot be evaluated."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible.errors import AnsibleError
from ansible.template import Templar
from jinja2 import Undefined

__all__ = ["Unknown", "Unreadable", "inventory_names", "raw_values", "read_values"]


# Variables that look like facts, but configure Ansible's connection to a node.
CONNECTION = re.compile(
    r"ansible_(host|port|user|password|connection|ssh|become|private_key|python|shell|remote|playbook|config)"
)
# Variables that are only available later in a run.
EARLY = frozenset({"ansible_facts", "cloud_secrets"})


@dataclasses.dataclass(frozen=True)
class Unreadable:
    """The template cannot be evaluated."""

    reason: str


@dataclasses.dataclass(frozen=True)
class Unknown:
    """The template needs facts of the node, or secrets of a new site, that are not available yet."""


def _raw(hostvars: t.Any, host: str) -> Mapping[str, t.Any]:
    """Return the variables of a host before templating. Empty for a host that is not in the inventory."""
    found = hostvars.raw_get(host) if hasattr(hostvars, "raw_get") else hostvars.get(host, {})
    return found if isinstance(found, Mapping) else {}


def _plain(value: t.Any) -> t.Any:
    """Convert to plain containers recursively: Ansible's own containers evaluate their values lazily, and may fail then."""
    if isinstance(value, Undefined):
        raise AnsibleError(str(value))
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def _strings(value: t.Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _strings(one)


def _comes_early(value: t.Any, raw: Mapping[str, t.Any]) -> bool:
    """Return whether a template, or a variable that it uses, reads facts of a node or secrets."""
    pending, seen = [value], set[str]()
    while pending:
        for text in _strings(pending.pop()):
            for name in set(re.findall(r"[A-Za-z_]\w*", text)) - seen if "{{" in text or "{%" in text else ():
                seen.add(name)
                if name in EARLY or (name.startswith("ansible_") and name not in raw and not CONNECTION.match(name)):
                    return True
                if name in raw:
                    pending.append(raw[name])
    return False


def _reason(error: Exception) -> str:
    """Return the cause in one line."""
    text = str(error.__cause__ or error) if not isinstance(error, AnsibleError) else error.message
    return " ".join(text.split()).removeprefix("A captured exception marker was tripped: ").rstrip(".")


def read_values(hostvars: t.Any, hosts: Iterable[str], names: Iterable[str]) -> dict[str, dict[str, t.Any]]:
    """Return the values by host and name. Omits names that a host does not have."""
    wanted = list(names)
    found: dict[str, dict[str, t.Any]] = {}
    for host in hosts:
        raw = _raw(hostvars, host)
        # Do not use hostvars[host][name]: unlike those of a play, its templates cannot access hostvars.
        templar = Templar(loader=getattr(hostvars, "_loader", None), variables={**raw, "hostvars": hostvars})
        own = found[host] = {}
        for name in wanted:
            if name not in raw:
                continue
            try:
                own[name] = _plain(templar.template(raw[name]))
            except Exception as error:  # lookups and filters in a template may raise anything
                early = not raw.get("ansible_facts") and _comes_early(raw[name], raw)
                own[name] = Unknown() if early else Unreadable(_reason(error))
    return found


def raw_values(hostvars: t.Any, hosts: Iterable[str], name: str) -> dict[str, t.Any]:
    """Return each host's value of a variable before templating. None if it has none."""
    return {host: _raw(hostvars, host).get(name) for host in hosts}


def inventory_names(hostvars: t.Any, hosts: Iterable[str]) -> dict[str, list[str]]:
    """Return, for each variable name, the hosts that have the variable."""
    found: dict[str, list[str]] = {}
    for host in hosts:
        for name in _raw(hostvars, host):
            found.setdefault(str(name), []).append(host)
    return found
