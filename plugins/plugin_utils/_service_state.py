# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derives the complete state of a service from its role's description."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.mikumo.openstack.plugins.plugin_utils._keys import wrong_keys
from ansible_collections.mikumo.openstack.plugins.plugin_utils._uwsgi_apis import uwsgi_apis

__all__ = ["service_looks", "service_state"]

Entry = dict[str, t.Any]
Description = Mapping[str, t.Any]
REQUIRED = ("name", "packages")
OPTIONAL = (
    "user",
    "ca_file",
    "files",
    "units",
    "apis",
    "daemons",
    "later_units",
    "privileged",
    "databases",
    "database_user",
    "database_password",
    "database_login",
    "schemas",
    "before_schema",
)
# Name of the drop-in for the units in each of these lists.
DROP_INS = {"daemons": "mikumo-restart", "later_units": "mikumo-later"}
SOCKET = {"login_unix_socket": "/run/mysqld/mysqld.sock"}
PRIVILEGED: Entry = {"contexts": [], "config_files": [], "modules": []}


def _check(description: Description) -> None:
    wrong = wrong_keys(description, REQUIRED, OPTIONAL)
    if wrong:
        raise ValueError(
            f"service_description: {description.get('name', '')!r} has {wrong}; required are {', '.join(REQUIRED)}; optional "
            f"are {', '.join(OPTIONAL)}"
        )


def _drop_ins(units: Iterable[str], name: str, content: str) -> list[Entry]:
    return [
        {"path": f"/etc/systemd/system/{unit}.d/{name}.conf", "content": content, "group": "root", "mode": "0644"}
        for unit in units
    ]


def _privileged(description: Description, user: str, shared: Iterable[Entry]) -> list[Entry]:
    """Return the files that let the service request privileged helpers: those of the launcher, and its own permissions."""
    text = json.dumps({**PRIVILEGED, **description["privileged"], "user": user}, indent=4, sort_keys=True)
    own = {"path": f"/etc/mikumo/privsep.d/{description['name']}.json", "content": f"{text}\n", "mode": "0644"}
    return [{**file, "group": "root"} for file in (*shared, own)]


def service_state(description: Description, parts: Mapping[str, t.Any]) -> Entry:
    """Return the description with its defaults, and with all files and units that follow from it.

    parts: texts of the drop-ins, and files and units of the launcher for privileged helpers.
    """
    _check(description)
    name = description["name"]
    user = description.get("user") or name
    apis = uwsgi_apis(description.get("apis") or (), name)
    files = [*(description.get("files") or ()), *apis["files"]]
    units = [*(description.get("units") or ()), *apis["units"]]
    for key, drop_in in DROP_INS.items():
        files += _drop_ins(description.get(key) or (), drop_in, parts["drop_ins"][key])
    if description.get("privileged"):
        files += _privileged(description, user, parts["privileged"]["files"])
        units = [*parts["privileged"]["units"], *units]
    elif "privileged" in description:
        # The service had them once. Its helpers start through sudo again.
        files.append({"path": f"/etc/mikumo/privsep.d/{name}.json", "state": "absent"})
        units = [{"name": unit["name"], "state": "stopped", "enabled": False} for unit in parts["privileged"]["units"]] + units
    # A program reads the authorities that it trusts when it starts.
    trusted = [description["ca_file"]] if description.get("ca_file") else []
    units = [{**unit, "files": [*unit["files"], *trusted]} if unit.get("files") else unit for unit in units]
    return {
        "name": name,
        "packages": list(description["packages"]),
        "files": [{"group": user, **file} for file in files],
        "units": units,
        "databases": list(description.get("databases") or ()),
        "database_user": description.get("database_user") or name,
        "database_password": description.get("database_password") or "",
        "database_login": description.get("database_login") or SOCKET,
        "schemas": list(description.get("schemas") or ()),
        "before_schema": description.get("before_schema") or {},
    }


def service_looks(
    roles: Sequence[str], descriptions: Sequence[Description], parts: Mapping[str, t.Any], installed: Iterable[str]
) -> list[Entry]:
    """Return the files, schemas and units to examine, by role.

    Returns an empty list if a package is missing, because its installation may change any other service.
    """
    there = set(installed)
    for description in descriptions:
        _check(description)
    # Before the states: each takes a while, and a node that lacks a package needs none.
    if any(not there.issuperset(description["packages"]) for description in descriptions):
        return []
    states = [service_state(description, parts) for description in descriptions]
    keys = ("files", "schemas", "units")
    return [{"name": role, **{key: state[key] for key in keys}} for role, state in zip(roles, states, strict=True)]
