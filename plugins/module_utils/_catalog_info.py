# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads Keystone's catalog in the form that the module catalog takes."""

from __future__ import annotations

from typing import Any

from ansible_collections.mikumo.openstack.plugins.module_utils._catalog import INTERFACES, NEVER_LOCKED, label
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Api, CloudError, Record

KINDS = ("domains", "projects", "roles", "users", "services")


class CatalogInfo:
    """One list per kind of object, each read with one request."""

    def __init__(self, api: Api, region: str | None = None) -> None:
        self._api = api
        self._region = region
        self._records: dict[str, list[Record]] = {kind: api.list(f"/{kind}", kind, kind) for kind in (*KINDS, "endpoints")}
        self._names = {kind: {one["id"]: one["name"] for one in self._records[kind]} for kind in ("domains", "roles")}
        self._projects = {one["id"]: one for one in self._records["projects"]}

    def description(self) -> dict[str, list[Any]]:
        """Return a description with which mikumo.openstack.catalog changes nothing."""
        grants = self._grants()
        return {
            "domains": [_given(one, "name", "description") for one in self._records["domains"] if one["enabled"]],
            "projects": [{**self._member(one), **_given(one, "description", "enabled")} for one in self._records["projects"]],
            "roles": sorted(self._names["roles"].values()),
            "users": [self._user(one, grants.get(one["id"], [])) for one in self._records["users"]],
            "services": [self._service(one) for one in self._distinct_services()],
        }

    def ids(self) -> dict[str, dict[str, str]]:
        ids = {kind: {one["name"]: one["id"] for one in self._records[kind]} for kind in ("domains", "roles")}
        for kind in ("projects", "users"):
            ids[kind] = {label(one["name"], self._domain(one)): one["id"] for one in self._records[kind]}
        ids["services"] = {one.get("name", ""): one["id"] for one in self._distinct_services()}
        return {kind: ids[kind] for kind in KINDS}

    def _domain(self, member: Record) -> str:
        return str(self._names["domains"][member["domain_id"]])

    def _member(self, record: Record) -> Record:
        return {"name": record["name"], "domain": self._domain(record)}

    def _user(self, record: Record, roles: list[Record]) -> Record:
        user = {**self._member(record), **_given(record, "description", "email", "enabled"), "roles": roles}
        if (record.get("options") or {}).get(NEVER_LOCKED):
            user[NEVER_LOCKED] = True
        default = self._projects.get(record.get("default_project_id") or "")
        if default is not None and default["domain_id"] == record["domain_id"]:
            user["default_project"] = default["name"]
        return user

    def _grants(self) -> dict[str, list[Record]]:
        grants: dict[str, list[Record]] = {}
        for one in self._api.list("/role_assignments", "role_assignments", "role assignments"):
            scope = one["scope"]
            role = self._names["roles"].get(one["role"]["id"])
            # The module catalog does not describe roles of groups or inherited roles either.
            if "user" not in one or "OS-INHERIT:inherited_to" in scope or role is None:
                continue
            grants.setdefault(one["user"]["id"], []).append({"role": role, **self._place(scope)})
        for roles in grants.values():
            roles.sort(key=lambda grant: sorted(grant.items()))
        return grants

    def _place(self, scope: Record) -> dict[str, str]:
        if "project" in scope:
            project = self._projects[scope["project"]["id"]]
            return {"project": project["name"], "project_domain": self._domain(project)}
        if "domain" in scope:
            return {"domain": self._names["domains"][scope["domain"]["id"]]}
        return {"system": "all"}

    def _distinct_services(self) -> list[Record]:
        """Return the services without duplicates. Of two duplicates, keep the one with endpoints."""
        ordered = sorted(self._records["services"], key=lambda one: (-len(self._endpoints_of(one)), one["id"]))
        distinct: dict[tuple[str, str], Record] = {}
        for one in ordered:
            distinct.setdefault((one["type"], one.get("name", "")), one)
        return sorted(distinct.values(), key=lambda one: (one["type"], one.get("name", "")))

    def _endpoints_of(self, service: Record) -> list[Record]:
        return [one for one in self._records["endpoints"] if one["service_id"] == service["id"]]

    def _service(self, record: Record) -> Record:
        service = {"name": record.get("name", ""), "type": record["type"], **_given(record, "description", "enabled")}
        endpoints = self._endpoints_of(record)
        regions = sorted({one["region_id"] for one in endpoints})
        if self._region is None and len(regions) > 1:
            raise CloudError(
                f"Service {service['name']} has endpoints in several regions: {', '.join(regions)}. Choose one in region_name.",
                "described",
            )
        region = self._region or (regions or [None])[0]
        urls = {one["interface"]: one["url"] for one in endpoints if one["region_id"] == region}
        if urls:
            service["region_name"] = region
        return {**service, "endpoints": {interface: urls[interface] for interface in INTERFACES if interface in urls}}


def _given(record: Record, *names: str) -> Record:
    return {name: record[name] for name in names if record.get(name) is not None}
