# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings Keystone's catalog into a described state.

Check mode takes the same path as the real run and skips only the requests that write. Its predictions therefore match the
real run. An object that a real run would already have created has an ID that begins with NEW.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.mikumo.openstack.plugins.module_utils._differences import Differences, differing
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Api, CloudError, Record

Item = Mapping[str, Any]

NEW = "new:"
INTERFACES = ("public", "internal", "admin")
# From this length on, Keystone's list_limit may have truncated a list. Missing objects are then queried by name.
LONG = 100
# If roles are needed in more places than this, one request reads them for all places.
FEW = 2

# Keystone's name of the option that exempts a user from lockout.
NEVER_LOCKED = "ignore_lockout_failure_attempts"

# Arguments: ID, name and password of the user.
PasswordCheck = Callable[[str, str, str], bool]


def label(name: str, domain: str) -> str:
    return name if domain == "Default" else f"{name}@{domain}"


class Catalog:
    """Keystone's contents, read on first use, and the steps to the described state.

    assume: no service answers. Objects that are referenced but not described (the domain Default, the role admin) are
    assumed to exist.
    """

    def __init__(
        self,
        api: Api,
        differences: Differences,
        accepts: PasswordCheck,
        *,
        region: str | None = None,
        own_user_id: str | None = None,
        check: bool = False,
        assume: bool = False,
    ) -> None:
        self._api = api
        self._differences = differences
        self._accepts = accepts
        self._region = region
        self._own_user_id = own_user_id
        self._check = check
        self._assume = assume
        self._domains_read: dict[str, Record] | None = None
        self._roles_read: dict[str, Record] | None = None
        self._members: dict[tuple[str, str], dict[str, Record]] = {}
        self._grants: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self._grants_complete = False
        self._places = 0
        self._services_read: list[Record] | None = None
        self._endpoints_read: list[Record] | None = None
        self._last: list[Callable[[], None]] = []

    def converge(self, description: Mapping[str, Iterable[Item]]) -> dict[str, dict[str, str | None]]:
        """Return the IDs, by name, of all described objects that are present."""
        lists = {kind: list(description.get(kind) or ()) for kind in ("domains", "projects", "roles", "users", "services")}
        _unambiguous(lists)
        present = {kind: [item for item in items if not _absent(item)] for kind, items in lists.items()}
        absent = {kind: [item for item in items if _absent(item)] for kind, items in lists.items()}
        ids: dict[str, dict[str, str | None]] = {kind: {} for kind in lists}
        grants = [(item["domain"], grant) for item in present["users"] for grant in item.get("roles") or ()]
        self._places = len(
            {(grant.get("project"), grant.get("project_domain") or domain, grant.get("domain")) for domain, grant in grants}
        )

        def keep(kind: str, name: str, record: Record) -> None:
            ids[kind][name] = None if _is_new(record["id"]) else record["id"]

        for item in present["domains"]:
            keep("domains", item["name"], self._domain_present(item))
        for item in present["projects"]:
            keep("projects", label(item["name"], item["domain"]), self._project_present(item))
        for item in present["roles"]:
            keep("roles", item["name"], self._role_present(item))
        for item in present["users"]:
            keep("users", label(item["name"], item["domain"]), self._user_present(item))
        for item in present["services"]:
            alone = sum(other["type"] == item["type"] for other in lists["services"]) == 1
            keep("services", item["name"], self._service_present(item, alone))
        # Remove referring objects before the objects that they refer to.
        for item in absent["users"]:
            self._user_absent(item)
        for item in absent["services"]:
            self._service_absent(item)
        for item in absent["roles"]:
            self._role_absent(item)
        for item in absent["projects"]:
            self._project_absent(item)
        for item in absent["domains"]:
            self._domain_absent(item)
        for step in self._last:
            step()
        return ids

    # Writing. Check mode sends nothing, and gives a created record a made-up ID.

    def _create(self, path: str, key: str, body: Item, what: str) -> Record:
        if self._check:
            shown = {name: value for name, value in body.items() if name != "password"}
            return {**shown, "id": f"{NEW}{path}/{what}"}
        return self._api.create(path, key, body, what)

    def _update(self, path: str, key: str, record: Record, body: Item, what: str) -> None:
        if not self._check:
            self._api.update(f"{path}/{record['id']}", key, body, what)
        record.update({name: value for name, value in body.items() if name != "password"})

    def _delete(self, path: str, what: str) -> None:
        if not self._check:
            self._api.delete(path, what)

    # Domains, projects, roles

    def _domains(self) -> dict[str, Record]:
        if self._domains_read is None:
            self._domains_read = {one["name"]: one for one in self._api.list("/domains", "domains", "domains")}
        return self._domains_read

    def _domain_id(self, name: str, needed_by: str) -> str:
        domains = self._domains()
        if name in domains:
            return str(domains[name]["id"])
        for record in domains.values():
            if record["id"] == name:
                return name
        if self._assume:
            return f"{NEW}/domains/{name}"
        raise _unknown("domain", name, needed_by, domains)

    def _domain_present(self, item: Item) -> Record:
        name = item["name"]
        record = self._domains().get(name)
        described = {"description": item.get("description"), "enabled": True}
        if record is None:
            body = {"name": name, **_given(described)}
            record = self._create("/domains", "domain", body, f"domain {name}")
            self._domains()[name] = record
            self._differences.created("domain", name, _given(described))
            return record
        before, after = differing(described, record)
        if after:
            self._update("/domains", "domain", record, after, f"domain {name}")
            self._differences.updated("domain", name, before, after)
        return record

    def _domain_absent(self, item: Item) -> None:
        name = item["name"]
        record = self._domains().get(name)
        if record is None:
            return
        if record["id"] == "default":
            raise CloudError(
                f"Domain {name} is Keystone's default domain, which this module never removes. Set its state to present, or "
                "remove it from domains.",
                "described",
            )
        if record.get("enabled"):
            # Keystone deletes a domain, with everything in it, only if the domain is disabled.
            self._update("/domains", "domain", record, {"enabled": False}, f"domain {name}")
        self._delete(f"/domains/{record['id']}", f"domain {name}")
        del self._domains()[name]
        self._differences.removed("domain", name, {"description": record.get("description")})

    def _member(self, kind: str, domain_id: str, name: str) -> Record | None:
        """Return the project or user of that name in the domain. kind is projects or users."""
        if _is_new(domain_id):
            return self._members.setdefault((kind, domain_id), {}).get(name)
        members = self._members.get((kind, domain_id))
        if members is None:
            found = self._api.list(f"/{kind}", kind, kind, domain_id=domain_id)
            members = self._members[(kind, domain_id)] = {one["name"]: one for one in found}
        if name not in members and len(members) >= LONG:
            for one in self._api.list(f"/{kind}", kind, kind, domain_id=domain_id, name=name):
                members[one["name"]] = one
        return members.get(name)

    def _project_id(self, name: str, domain: str, needed_by: str) -> str:
        domain_id = self._domain_id(domain, needed_by)
        record = self._member("projects", domain_id, name)
        if record is not None:
            return str(record["id"])
        if self._assume:
            return f"{NEW}/projects/{label(name, domain)}"
        raise _unknown("project", name, needed_by, self._members[("projects", domain_id)])

    def _project_present(self, item: Item) -> Record:
        name, shown = item["name"], label(item["name"], item["domain"])
        domain_id = self._domain_id(item["domain"], f"project {shown}")
        record = self._member("projects", domain_id, name)
        described = {"description": item.get("description"), "enabled": item.get("enabled")}
        if record is None:
            body = {"name": name, "domain_id": domain_id, **_given(described)}
            record = self._create("/projects", "project", body, f"project {shown}")
            self._members[("projects", domain_id)][name] = record
            self._differences.created("project", shown, described)
            return record
        before, after = differing(described, record)
        if after:
            self._update("/projects", "project", record, after, f"project {shown}")
            self._differences.updated("project", shown, before, after)
        return record

    def _project_absent(self, item: Item) -> None:
        name, shown = item["name"], label(item["name"], item["domain"])
        record = self._existing_member("projects", item)
        if record is None:
            return
        self._delete(f"/projects/{record['id']}", f"project {shown}")
        del self._members[("projects", record["domain_id"])][name]
        self._differences.removed("project", shown, {"description": record.get("description")})

    def _existing_member(self, kind: str, item: Item) -> Record | None:
        """Like _member, for objects that should be absent. An object without its domain is absent too."""
        if item["domain"] not in self._domains() and not any(one["id"] == item["domain"] for one in self._domains().values()):
            return None
        return self._member(kind, self._domain_id(item["domain"], kind), item["name"])

    def _roles(self) -> dict[str, Record]:
        if self._roles_read is None:
            self._roles_read = {one["name"]: one for one in self._api.list("/roles", "roles", "roles")}
        return self._roles_read

    def _role_id(self, name: str, needed_by: str) -> str:
        if name in self._roles():
            return str(self._roles()[name]["id"])
        if self._assume:
            return f"{NEW}/roles/{name}"
        raise _unknown("role", name, needed_by, self._roles())

    def _role_present(self, item: Item) -> Record:
        name = item["name"]
        record = self._roles().get(name)
        if record is None:
            record = self._roles()[name] = self._create("/roles", "role", {"name": name}, f"role {name}")
            self._differences.created("role", name, {"name": name})
        return record

    def _role_absent(self, item: Item) -> None:
        record = self._roles().pop(item["name"], None)
        if record is not None:
            self._delete(f"/roles/{record['id']}", f"role {item['name']}")
            self._differences.removed("role", item["name"], {"name": item["name"]})

    # Users

    def _user_present(self, item: Item) -> Record:
        name, shown = item["name"], label(item["name"], item["domain"])
        needed_by = f"user {shown}"
        domain_id = self._domain_id(item["domain"], needed_by)
        record = self._member("users", domain_id, name)
        described: dict[str, Any] = {key: item.get(key) for key in ("description", "email", "enabled")}
        if item.get("default_project"):
            described["default_project_id"] = self._project_id(item["default_project"], item["domain"], needed_by)
        password = item.get("password")
        secret = {"password": password} if password is not None else {}
        if record is None:
            options = {"options": {NEVER_LOCKED: True}} if item.get(NEVER_LOCKED) else {}
            body = {"name": name, "domain_id": domain_id, **_given(described), **options, **secret}
            record = self._create("/users", "user", body, f"user {shown}")
            self._members[("users", domain_id)][name] = record
            self._differences.created("user", shown, {**_readable(described, item), **({NEVER_LOCKED: True} if options else {})})
        else:
            self._user_update(record, shown, item, described, secret)
        for grant in item.get("roles") or ():
            self._grant(record, shown, item, grant)
        return record

    def _user_update(self, record: Record, shown: str, item: Item, described: Item, secret: Item) -> None:
        before, after = differing(described, record)
        options = record.get("options") or {}
        was, becomes = differing({NEVER_LOCKED: item.get(NEVER_LOCKED)}, {NEVER_LOCKED: bool(options.get(NEVER_LOCKED))})
        if becomes:
            after = {**after, "options": {**options, **becomes}}
        if secret and item.get("update_password", "always") == "always":
            secret = self._secret_to_set(record, shown, item, secret)
        else:
            secret = {}
        if secret and record["id"] == self._own_user_id:
            # A new password revokes the user's tokens. Our own token is needed until the end.
            self._last.append(lambda: self._update("/users", "user", record, secret, f"password of user {shown}"))
            if after:
                self._update("/users", "user", record, after, f"user {shown}")
        elif after or secret:
            self._update("/users", "user", record, {**after, **secret}, f"user {shown}")
        if secret:
            before, after = {**before, "password": "(another)"}, {**after, "password": "(as described)"}
        # One line for the option itself, not for the dictionary that holds it.
        after = {name: value for name, value in after.items() if name != "options"}
        self._differences.updated("user", shown, {**before, **was}, {**_readable(after, item), **becomes})

    def _secret_to_set(self, record: Record, shown: str, item: Item, secret: Item) -> Item:
        if item.get("enabled") is False:
            # A disabled user cannot authenticate, whatever the password.
            return {}
        if record.get("enabled") is False:
            # The password of a disabled user cannot be checked. Set it along with enabling the user.
            return secret
        return {} if self._accepts(record["id"], shown, secret["password"]) else secret

    def _grant(self, user: Record, shown: str, item: Item, grant: Item) -> None:
        needed_by = f"user {shown}"
        if grant.get("project"):
            domain = grant.get("project_domain") or item["domain"]
            place, place_id = "projects", self._project_id(grant["project"], domain, needed_by)
            where = f"project {label(grant['project'], domain)}"
        elif grant.get("domain"):
            place, place_id = "domains", self._domain_id(grant["domain"], needed_by)
            where = f"domain {grant['domain']}"
        else:
            place, place_id, where = "system", "all", "system"
        name = f"{grant['role']} on {where}"
        if _absent(grant) and grant["role"] not in self._roles():
            return
        role_id = self._role_id(grant["role"], needed_by)
        key = (user["id"], role_id)
        granted = not any(_is_new(one) for one in (*key, place_id)) and key in self._granted(place, place_id)
        if granted is not _absent(grant):
            return
        base = "/system" if place == "system" else f"/{place}/{place_id}"
        path = f"{base}/users/{user['id']}/roles/{role_id}"
        if _absent(grant):
            self._delete(path, f"role {name} of user {shown}")
            self._differences.removed("user", shown, {f"role {name}": "granted"}, f"role {name} revoked")
        else:
            if not self._check:
                self._api.put(path, f"grant role {name} to user {shown}")
            self._differences.created("user", shown, {f"role {name}": "granted"}, f"role {name} granted")

    def _granted(self, place: str, place_id: str) -> set[tuple[str, str]]:
        """Return the users and their roles in that place. One request covers all users."""
        if self._grants_complete or (place, place_id) in self._grants:
            return self._grants.setdefault((place, place_id), set())
        query = {"projects": "scope.project.id", "domains": "scope.domain.id", "system": "scope.system"}[place]
        # Another request costs Keystone more than a longer answer.
        self._grants_complete = self._places > FEW
        only = {} if self._grants_complete else {query: place_id}
        known = self._grants
        known.setdefault((place, place_id), set())
        for one in self._api.list("/role_assignments", "role_assignments", "role assignments", **only):
            scope = one.get("scope", {})
            # An inherited role applies below the place, not to the place itself.
            if "user" not in one or "OS-INHERIT:inherited_to" in scope:
                continue
            for kind, key in (("projects", "project"), ("domains", "domain"), ("system", "system")):
                if key in scope:
                    where = "all" if kind == "system" else scope[key]["id"]
                    known.setdefault((kind, where), set()).add((one["user"]["id"], one["role"]["id"]))
        return self._grants[(place, place_id)]

    def _user_absent(self, item: Item) -> None:
        shown = label(item["name"], item["domain"])
        record = self._existing_member("users", item)
        if record is None:
            return
        if record["id"] == self._own_user_id:
            raise CloudError(
                f"User {shown} is described as absent, but this module logs in as this user. Log in as another administrator to "
                "remove it.",
                "described",
            )
        self._delete(f"/users/{record['id']}", f"user {shown}")
        del self._members[("users", record["domain_id"])][item["name"]]
        self._differences.removed("user", shown, {"description": record.get("description")})

    # Services and endpoints

    def _services(self) -> list[Record]:
        if self._services_read is None:
            self._services_read = self._api.list("/services", "services", "services")
        return self._services_read

    def _endpoints(self) -> list[Record]:
        if self._endpoints_read is None:
            self._endpoints_read = self._api.list("/endpoints", "endpoints", "endpoints")
        return self._endpoints_read

    def _service_present(self, item: Item, alone: bool) -> Record:
        name, kind = item["name"], item["type"]
        same_type = [one for one in self._services() if one["type"] == kind]
        same = [one for one in same_type if one.get("name") == name]
        if not same and alone and len(same_type) == 1:
            # Clients look up a service by its type. This is the same service under another name: do not duplicate it.
            same = same_type
        described = {"name": name, "description": item.get("description"), "enabled": item.get("enabled")}
        if not same:
            body = {"type": kind, **_given(described)}
            record = self._create("/services", "service", body, f"service {name}")
            self._services().append(record)
            self._differences.created("service", name, {"type": kind, **_given(described)})
        else:
            # Of two duplicates, the one with more endpoints is most likely in use.
            record = min(same, key=lambda one: (-len(self._endpoints_of(one)), one["id"]))
            before, after = differing(described, record)
            if after:
                self._update("/services", "service", record, after, f"service {name}")
                self._differences.updated("service", name, before, after)
            for duplicate in same:
                if duplicate is not record:
                    self._merge(duplicate, record, name)
        urls = {key: url for key, url in (item.get("endpoints") or {}).items() if url is not None}
        region = item.get("region_name") or self._region
        if urls and not region:
            raise CloudError(f"Service {name} has endpoints but no region. Set region_name.", "described")
        if urls and region and any(urls.values()):
            self._region_present(region)
        for interface in INTERFACES:
            if interface in urls and region:
                self._endpoint(record, name, interface, region, urls[interface])
        return record

    def _endpoints_of(self, service: Record) -> list[Record]:
        return [one for one in self._endpoints() if one["service_id"] == service["id"]]

    def _merge(self, duplicate: Record, record: Record, name: str) -> None:
        """Remove a duplicate. Keystone deletes its endpoints too, so first move those that the other service lacks."""
        taken = {(one["interface"], one["region_id"]) for one in self._endpoints_of(record)}
        for endpoint in self._endpoints_of(duplicate):
            place = (endpoint["interface"], endpoint["region_id"])
            if place in taken:
                self._endpoints().remove(endpoint)
                continue
            taken.add(place)
            self._update("/endpoints", "endpoint", endpoint, {"service_id": record["id"]}, f"endpoint of {name}")
        self._delete(f"/services/{duplicate['id']}", f"duplicate {duplicate['id']} of service {name}")
        self._services().remove(duplicate)
        shown = {f"duplicate {duplicate['id']}": duplicate["type"]}
        self._differences.removed("service", name, shown, f"duplicate {duplicate['id']} removed")

    def _region_present(self, region: str) -> None:
        if any(one["region_id"] == region for one in self._endpoints()):
            return
        found = self._api.list("/regions", "regions", "regions")
        if all(one["id"] != region for one in found):
            if not self._check:
                self._api.create("/regions", "region", {"id": region}, f"region {region}")
            self._differences.created("region", region, {"id": region})

    def _endpoint(self, service: Record, name: str, interface: str, region: str, url: str) -> None:
        shown = f"{interface} endpoint in {region}"
        same = [one for one in self._endpoints_of(service) if one["interface"] == interface and one["region_id"] == region]
        same.sort(key=lambda one: (one["url"] != url, not one["enabled"], one["id"]))
        if url and not same:
            body = {
                "service_id": service["id"],
                "interface": interface,
                "region_id": region,
                "url": url,
                "enabled": True,
            }
            self._endpoints().append(self._create("/endpoints", "endpoint", body, f"{shown} of service {name}"))
            self._differences.created("service", name, {shown: url}, f"{shown} {url} created")
        elif url:
            kept = same.pop(0)
            before, after = differing({"url": url, "enabled": True}, kept)
            if after:
                self._update("/endpoints", "endpoint", kept, after, f"{shown} of service {name}")
                self._differences.updated(
                    "service",
                    name,
                    {(shown if key == "url" else f"{shown} {key}"): value for key, value in before.items()},
                    {(shown if key == "url" else f"{shown} {key}"): value for key, value in after.items()},
                )
        for stale in same:
            self._delete(f"/endpoints/{stale['id']}", f"{shown} of service {name}")
            self._endpoints().remove(stale)
            why = f"duplicate {shown} {stale['url']} removed" if url else f"{shown} {stale['url']} removed"
            self._differences.removed("service", name, {f"{shown} ({stale['id']})": stale["url"]}, why)

    def _service_absent(self, item: Item) -> None:
        for record in [one for one in self._services() if one["type"] == item["type"]]:
            if record.get("name") != item["name"]:
                continue
            attributes = {"type": record["type"], "id": record["id"]}
            for endpoint in self._endpoints_of(record):
                attributes[f"{endpoint['interface']} endpoint in {endpoint['region_id']}"] = endpoint["url"]
                self._endpoints().remove(endpoint)
            # Keystone deletes the endpoints with their service.
            self._delete(f"/services/{record['id']}", f"service {item['name']}")
            self._services().remove(record)
            self._differences.removed("service", item["name"], attributes)


def _absent(item: Item) -> bool:
    return item.get("state") == "absent"


def _is_new(object_id: str) -> bool:
    return object_id.startswith(NEW)


def _given(attributes: Item) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _readable(attributes: Item, item: Item) -> dict[str, Any]:
    """Show the project's name instead of its ID: a new project has no ID in check mode, and the diffs should match."""
    shown = dict(attributes)
    if "default_project_id" in shown:
        shown["default_project_id"] = f"(of project {item['default_project']})"
    return shown


def _unknown(kind: str, name: str, needed_by: str, found: Iterable[str]) -> CloudError:
    there = ", ".join(sorted(found)) or "none"
    return CloudError(
        f"{needed_by} refers to {kind} {name!r}, which does not exist in Keystone. Existing {kind}s: {there}. "
        f"Describe it under {kind}s, or correct the name.",
        "described",
    )


def _unambiguous(lists: Mapping[str, list[Item]]) -> None:
    for kind, items in lists.items():
        seen = set()
        for item in items:
            second = item["type"] if kind == "services" else item.get("domain")
            key = (item["name"], second)
            if key in seen:
                raise CloudError(f"{kind}: {item['name']} is described twice. Describe it once.", "described")
            seen.add(key)
