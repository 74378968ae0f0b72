# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._catalog import Catalog
from ansible_collections.mikumo.openstack.plugins.module_utils._catalog_info import CatalogInfo
from ansible_collections.mikumo.openstack.plugins.module_utils._differences import Differences
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Api, CloudError, Nothing

REGION = "RegionOne"


class Keystone(Api):
    """As much of Keystone as the catalog needs, in memory."""

    def __init__(self, **records):
        self.records = {
            "domains": [{"id": "default", "name": "Default", "description": "", "enabled": True}],
            "projects": [],
            "roles": [{"id": "r-admin", "name": "admin"}, {"id": "r-member", "name": "member"}],
            "users": [],
            "services": [],
            "endpoints": [],
            "regions": [{"id": REGION}],
            "role_assignments": [],
            **copy.deepcopy(records),
        }
        self.passwords = {}
        self.written = []
        self.reads = []

    def list(self, path, key, what, **params):
        self.reads.append((path, params))
        found = self.records[key]
        for name, value in params.items():
            if name.startswith("scope."):
                kind = name.split(".")[1]
                found = [one for one in found if (one["scope"].get(kind) or {}) in ({"id": value}, {value: True})]
            else:
                found = [one for one in found if one.get(name) == value]
        return copy.deepcopy(found)

    def create(self, path, key, body, what):
        self.written.append(("POST", path))
        table = self.records[path.strip("/")]
        record = {"id": f"{key}-{len(self.written)}", "enabled": True, **body}
        if "password" in record:
            self.passwords[record["id"]] = record.pop("password")
        table.append(record)
        return copy.deepcopy(record)

    def update(self, path, key, body, what):
        self.written.append(("PATCH", path))
        _, kind, ident = path.split("/")
        record = next(one for one in self.records[kind] if one["id"] == ident)
        body = dict(body)
        if "password" in body:
            self.passwords[ident] = body.pop("password")
        record.update(body)
        return copy.deepcopy(record)

    def put(self, path, what):
        self.written.append(("PUT", path))
        self.records["role_assignments"].append(self._assignment(path))

    def delete(self, path, what):
        self.written.append(("DELETE", path))
        if "/users/" in path and "/roles/" in path:
            self.records["role_assignments"].remove(self._assignment(path))
            return
        _, kind, ident = path.split("/")
        self.records[kind] = [one for one in self.records[kind] if one["id"] != ident]
        if kind == "services":
            self.records["endpoints"] = [one for one in self.records["endpoints"] if one["service_id"] != ident]

    @staticmethod
    def _assignment(path):
        parts = path.strip("/").split("/")
        place = {"system": {"all": True}} if parts[0] == "system" else {parts[0][:-1]: {"id": parts[1]}}
        return {"user": {"id": parts[-3]}, "role": {"id": parts[-1]}, "scope": place}


def item(name, **more):
    return {"name": name, "state": "present", **more}


def user(name, **more):
    return item(name, **{"domain": "Default", "enabled": True, "update_password": "always", "roles": [], **more})


def project(name, **more):
    return item(name, **{"domain": "Default", "enabled": True, **more})


def service(name, kind, **endpoints):
    return item(name, type=kind, enabled=True, endpoints=endpoints)


def endpoint(ident, url, service_id="s1", *, interface="public", region=REGION, enabled=True):
    return {
        "id": ident,
        "service_id": service_id,
        "interface": interface,
        "region_id": region,
        "url": url,
        "enabled": enabled,
    }


def glance(ident="s1", name="glance"):
    return {"id": ident, "type": "image", "name": name, "description": "", "enabled": True}


NOVA = {"id": "u1", "name": "nova", "domain_id": "default", "enabled": True}
SERVICE = {"id": "p1", "name": "service", "domain_id": "default", "enabled": True}
GRANT = {"user": {"id": "u1"}, "role": {"id": "r-admin"}, "scope": {"project": {"id": "p1"}}}
EVERYTHING = {
    "domains": [item("class", description="Spring")],
    "projects": [project("service", description="x"), project("lab", domain="class")],
    "roles": [item("service")],
    "users": [
        user("nova", password="one", roles=[{"role": "admin", "project": "service"}, {"role": "admin", "system": "all"}]),
        user(
            "teacher",
            domain="class",
            password="two",
            default_project="lab",
            roles=[{"role": "service", "domain": "class"}, {"role": "member", "project": "lab"}],
        ),
    ],
    "services": [service("glance", "image", public="http://g", internal="http://g")],
}


def converge(keystone, description, *, check=False, own="me", calls=None):
    differences = Differences()

    def accepts(user_id, name, password):
        if calls is not None:
            calls.append(user_id)
        return keystone.passwords.get(user_id) == password

    ids = Catalog(keystone, differences, accepts, region=REGION, own_user_id=own, check=check).converge(description)
    return differences, ids


# What there is, what is described, and the changes that are expected.
CASES = {
    "nothing described": ({}, {}, []),
    "everything new": (
        {},
        EVERYTHING,
        [
            "domain class: created",
            "project service: created",
            "project lab@class: created",
            "role service: created",
            "user nova: created",
            "user nova: role admin on project service granted",
            "user nova: role admin on system granted",
            "user teacher@class: created",
            "user teacher@class: role service on domain class granted",
            "user teacher@class: role member on project lab@class granted",
            "service glance: created",
            "service glance: public endpoint in RegionOne http://g created",
            "service glance: internal endpoint in RegionOne http://g created",
        ],
    ),
    "project disabled behind our back": (
        {"projects": [{**SERVICE, "enabled": False}]},
        {"projects": [project("service")]},
        ["project service: enabled false -> true"],
    ),
    "project in use under another domain is another project": (
        {"projects": [{**SERVICE, "domain_id": "other"}]},
        {"projects": [project("service")]},
        ["project service: created"],
    ),
    "user's mail": (
        {"users": [{**NOVA, "email": "old"}]},
        {"users": [user("nova", email="new")]},
        ["user nova: email old -> new"],
    ),
    "user that is never locked": (
        {"users": [{**NOVA, "options": {"lock_password": False}}]},
        {"users": [user("nova", ignore_lockout_failure_attempts=True)]},
        ["user nova: ignore_lockout_failure_attempts false -> true"],
    ),
    "user that may be locked again": (
        {"users": [{**NOVA, "options": {"ignore_lockout_failure_attempts": True}}]},
        {"users": [user("nova", ignore_lockout_failure_attempts=False)]},
        ["user nova: ignore_lockout_failure_attempts true -> false"],
    ),
    "user that is never locked, and nobody says so": (
        {"users": [{**NOVA, "options": {"ignore_lockout_failure_attempts": True}}]},
        {"users": [user("nova", ignore_lockout_failure_attempts=None)]},
        [],
    ),
    "what is not described is left alone": (
        {"users": [{**NOVA, "email": "old", "description": "x"}], "projects": [SERVICE], "role_assignments": [GRANT]},
        {"users": [user("nova")]},
        [],
    ),
    "role granted already": (
        {"users": [NOVA], "projects": [SERVICE], "role_assignments": [GRANT]},
        {"users": [user("nova", roles=[{"role": "admin", "project": "service"}])]},
        [],
    ),
    "role revoked": (
        {"users": [NOVA], "projects": [SERVICE], "role_assignments": [GRANT]},
        {"users": [user("nova", roles=[{"role": "admin", "project": "service", "state": "absent"}])]},
        ["user nova: role admin on project service revoked"],
    ),
    "an inherited role is not the role": (
        {
            "users": [NOVA],
            "projects": [SERVICE],
            "role_assignments": [
                {**GRANT, "scope": {"project": {"id": "p1"}, "OS-INHERIT:inherited_to": "projects"}},
                {"group": {"id": "g"}, "role": {"id": "r-admin"}, "scope": {"project": {"id": "p1"}}},
            ],
        },
        {"users": [user("nova", roles=[{"role": "admin", "project": "service"}])]},
        ["user nova: role admin on project service granted"],
    ),
    "changed URL": (
        {"services": [glance()], "endpoints": [endpoint("e1", "http://old")]},
        {"services": [service("glance", "image", public="http://new")]},
        ["service glance: public endpoint in RegionOne http://old -> http://new"],
    ),
    "endpoint switched off": (
        {"services": [glance()], "endpoints": [endpoint("e1", "http://g", enabled=False)]},
        {"services": [service("glance", "image", public="http://g")]},
        ["service glance: public endpoint in RegionOne enabled false -> true"],
    ),
    "duplicate endpoint, the right one is kept": (
        {"services": [glance()], "endpoints": [endpoint("e1", "http://stale"), endpoint("e2", "http://g")]},
        {"services": [service("glance", "image", public="http://g")]},
        ["service glance: duplicate public endpoint in RegionOne http://stale removed"],
    ),
    "endpoints of other regions and interfaces are left alone": (
        {
            "services": [glance()],
            "endpoints": [
                endpoint("e1", "http://g"),
                endpoint("e2", "http://x", region="Two"),
                endpoint("e3", "http://x", interface="admin"),
            ],
        },
        {"services": [service("glance", "image", public="http://g")]},
        [],
    ),
    "endpoint of an interface removed": (
        {"services": [glance()], "endpoints": [endpoint("e1", "http://g", interface="admin")]},
        {"services": [service("glance", "image", admin="")]},
        ["service glance: admin endpoint in RegionOne http://g removed"],
    ),
    "duplicate service, the one with the endpoints is kept": (
        {"services": [glance("s0"), glance()], "endpoints": [endpoint("e1", "http://g")]},
        {"services": [service("glance", "image", public="http://g")]},
        ["service glance: duplicate s0 removed"],
    ),
    "service under another name": (
        {"services": [glance(name="images")]},
        {"services": [service("glance", "image")]},
        ["service glance: name images -> glance"],
    ),
    "two services of one type are two": (
        {"services": [glance(name="images"), glance("s2", "pictures")]},
        {"services": [service("glance", "image")]},
        ["service glance: created"],
    ),
    "region that is not there yet": (
        {"regions": []},
        {"services": [service("glance", "image", public="http://g")]},
        [
            "service glance: created",
            "region RegionOne: created",
            "service glance: public endpoint in RegionOne http://g created",
        ],
    ),
    "everything absent": (
        {
            "domains": [{"id": "d1", "name": "class", "enabled": True}],
            "users": [NOVA],
            "projects": [SERVICE],
            "roles": [{"id": "r9", "name": "gone"}],
            "services": [glance()],
            "endpoints": [endpoint("e1", "http://g")],
        },
        {
            "domains": [item("class") | {"state": "absent"}],
            "users": [user("nova", state="absent")],
            "projects": [project("service", state="absent")],
            "roles": [{"name": "gone", "state": "absent"}],
            "services": [service("glance", "image") | {"state": "absent"}],
        },
        [
            "user nova: removed",
            "service glance: removed",
            "role gone: removed",
            "project service: removed",
            "domain class: removed",
        ],
    ),
    "absent, and has never been": (
        {},
        {
            "domains": [item("class") | {"state": "absent"}],
            "users": [user("x", domain="class", state="absent")],
            "projects": [project("x", domain="class", state="absent")],
            "roles": [{"name": "gone", "state": "absent"}],
            "services": [service("glance", "image") | {"state": "absent"}],
        },
        [],
    ),
}


@pytest.mark.parametrize(("there", "described", "expected"), CASES.values(), ids=CASES.keys())
def test_converges(there, described, expected):
    keystone = Keystone(**there)
    if there.get("domains"):
        keystone.records["domains"].append({"id": "default", "name": "Default", "enabled": True})

    predicted, _ids = converge(keystone, described, check=True)
    assert keystone.written == []
    assert predicted.changes == expected

    real, ids = converge(keystone, described)
    assert real.changes == expected
    assert real.diff == predicted.diff
    assert all(ident for kind in ids.values() for ident in kind.values())

    keystone.written.clear()
    again, _ids = converge(keystone, described)
    assert again.changes == []
    assert keystone.written == []


# Password in Keystone, the user as found, as described, and whether it is checked and set.
PASSWORDS = [
    ("right", {}, {"password": "right"}, True, False),
    ("wrong", {}, {"password": "right"}, True, True),
    ("wrong", {}, {}, False, False),
    ("wrong", {}, {"password": "right", "update_password": "on_create"}, False, False),
    ("right", {"enabled": False}, {"password": "right"}, False, True),
    ("wrong", {"enabled": False}, {"password": "right", "enabled": False}, False, False),
    ("wrong", {}, {"password": "right", "enabled": False}, False, False),
]


@pytest.mark.parametrize("case", PASSWORDS)
@pytest.mark.parametrize("check", [True, False])
def test_passwords(case, check):
    password, found, described, checked, is_set = case
    keystone = Keystone(users=[{**NOVA, **found}])
    keystone.passwords["u1"] = password
    calls = []
    differences, _ids = converge(keystone, {"users": [user("nova", **described)]}, check=check, calls=calls)
    assert calls == (["u1"] if checked else [])
    assert keystone.passwords["u1"] == ("right" if is_set and not check else password)
    assert ("password" in str(differences.diff)) is is_set
    everything = f"{differences.changes} {differences.diff}"
    assert "right" not in everything
    assert "wrong" not in everything


def test_secrets_of_new_users_do_not_show():
    differences, _ids = converge(Keystone(), {"users": [user("nova", password="hush-hush")]})
    assert "hush-hush" not in f"{differences.changes} {differences.diff}"


def test_own_password_comes_last():
    keystone = Keystone(users=[{**NOVA, "id": "me", "name": "admin"}])
    keystone.passwords["me"] = "old"
    converge(keystone, {"users": [user("admin", password="new")], "services": [service("glance", "image", public="u")]})
    assert keystone.written[-1] == ("PATCH", "/users/me")
    assert keystone.passwords["me"] == "new"


def test_endpoints_of_other_regions_survive_the_removal_of_a_duplicate():
    keystone = Keystone(
        services=[glance("s0"), glance()],
        endpoints=[
            endpoint("e1", "http://g"),
            endpoint("e2", "http://g", interface="internal"),
            endpoint("e3", "http://two", "s0", region="Two"),
        ],
    )
    converge(keystone, {"services": [service("glance", "image", public="http://g")]})
    assert [one["id"] for one in keystone.records["services"]] == ["s1"]
    assert {one["id"]: one["service_id"] for one in keystone.records["endpoints"]} == {
        "e1": "s1",
        "e2": "s1",
        "e3": "s1",
    }


@pytest.mark.parametrize(("places", "requests"), [(1, 1), (2, 2), (3, 1), (6, 1)])
def test_many_places_are_read_with_one_request(places, requests):
    keystone = Keystone(
        users=[NOVA],
        projects=[{"id": f"p{n}", "name": f"n{n}", "domain_id": "default", "enabled": True} for n in range(places)],
    )
    roles = [{"role": "admin", "project": f"n{n}"} for n in range(places)]
    converge(keystone, {"users": [user("nova", roles=roles)]})
    assert sum(path == "/role_assignments" for path, _params in keystone.reads) == requests


def test_a_list_that_may_have_been_cut_is_not_trusted():
    keystone = Keystone(
        users=[{"id": f"x{n}", "name": f"n{n}", "domain_id": "default", "enabled": True} for n in range(100)] + [NOVA]
    )
    whole = keystone.list

    def cut(path, key, what, **params):
        return whole(path, key, what, **params)[:100]

    keystone.list = cut
    differences, _ids = converge(keystone, {"users": [user("nova")]})
    assert differences.changes == []


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({"users": [user("x", domain="nowhere")]}, r"user x@nowhere refers to domain 'nowhere'.*Existing domains: Default"),
        ({"users": [user("x", default_project="none")]}, r"user x refers to project 'none'.*Existing projects: none"),
        ({"users": [user("x", roles=[{"role": "boss", "system": "all"}])]}, r"role 'boss'.*Existing roles: admin, member"),
        ({"users": [user("x"), user("x")]}, "described twice"),
        ({"users": [user("nova", state="absent")]}, "another administrator"),
        ({"domains": [item("Default") | {"state": "absent"}]}, "default domain"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_descriptions_that_cannot_be(described, words, check):
    with pytest.raises(CloudError, match=words):
        converge(Keystone(users=[NOVA]), described, check=check, own="u1")


def test_endpoints_need_a_region():
    with pytest.raises(CloudError, match="Set region"):
        Catalog(Keystone(), Differences(), lambda *_: True).converge({"services": [service("glance", "image", public="u")]})


def test_empty_host_is_predicted_to_get_everything():
    differences = Differences()
    catalog = Catalog(Nothing(), differences, lambda *_: False, region=REGION, check=True, assume=True)
    ids = catalog.converge(EVERYTHING)
    real = CASES["everything new"][2]
    assert [line for line in differences.changes if line != "region RegionOne: created"] == real
    assert ids["users"] == {"nova": None, "teacher@class": None}


# Reading


def as_described(description):
    """The module's own argument spec puts in the defaults that are missing here."""
    return {
        kind: [one if isinstance(one, str) else {"state": "present", **one} for one in items]
        for kind, items in description.items()
    }


def test_what_is_read_is_what_was_described():
    keystone = Keystone()
    converge(keystone, EVERYTHING)
    info = CatalogInfo(keystone)
    found = info.description()
    assert found["domains"] == [{"name": "Default", "description": ""}, {"name": "class", "description": "Spring"}]
    assert found["roles"] == ["admin", "member", "service"]
    teacher = next(one for one in found["users"] if one["name"] == "teacher")
    assert teacher == {
        "name": "teacher",
        "domain": "class",
        "enabled": True,
        "default_project": "lab",
        "roles": [
            {"role": "service", "domain": "class"},
            {"role": "member", "project": "lab", "project_domain": "class"},
        ],
    }
    assert found["services"] == [
        {
            "name": "glance",
            "type": "image",
            "enabled": True,
            "region_name": REGION,
            "endpoints": {"public": "http://g", "internal": "http://g"},
        }
    ]
    assert info.ids()["projects"].keys() == {"service", "lab@class"}


def test_other_options_of_a_user_stay():
    keystone = Keystone(users=[{**NOVA, "options": {"lock_password": True}}])
    converge(keystone, {"users": [user("nova", ignore_lockout_failure_attempts=True)]})
    assert keystone.records["users"][0]["options"] == {"lock_password": True, "ignore_lockout_failure_attempts": True}


def test_a_new_user_that_is_never_locked():
    keystone = Keystone()
    converge(keystone, {"users": [user("nova", ignore_lockout_failure_attempts=True)]})
    (found,) = CatalogInfo(keystone).description()["users"]
    assert found["ignore_lockout_failure_attempts"] is True


def test_what_is_read_changes_nothing():
    keystone = Keystone()
    converge(keystone, EVERYTHING)
    found = as_described(CatalogInfo(keystone).description())
    found["roles"] = [item(name) for name in found["roles"]]
    differences, _ids = converge(keystone, found)
    assert differences.changes == []


@pytest.mark.parametrize(
    ("left_out", "kind"),
    [
        ({"domains": [{"id": "d2", "name": "old", "enabled": False}]}, "domains"),
        ({"role_assignments": [GRANT | {"scope": {"project": {"id": "p1"}, "OS-INHERIT:inherited_to": "projects"}}]}, "users"),
        ({"role_assignments": [{"group": {"id": "g1"}, "role": {"id": "r-admin"}, "scope": {"project": {"id": "p1"}}}]}, "users"),
        ({"role_assignments": [GRANT | {"role": {"id": "of-a-domain"}}]}, "users"),
        ({"services": [glance(), glance("s2")], "endpoints": [endpoint("e1", "http://g", "s2")]}, "services"),
    ],
    ids=["disabled domain", "inherited role", "role of a group", "role of a domain", "duplicate service"],
)
def test_what_cannot_be_described_is_left_out(left_out, kind):
    records = {"projects": [SERVICE], "users": [NOVA], **left_out}
    records["domains"] = [{"id": "default", "name": "Default", "enabled": True}, *records.get("domains", [])]
    found = CatalogInfo(Keystone(**records)).description()
    assert (
        found[kind]
        == {
            "domains": [{"name": "Default"}],
            "users": [{"name": "nova", "domain": "Default", "enabled": True, "roles": []}],
            "services": [
                {
                    "name": "glance",
                    "type": "image",
                    "description": "",
                    "enabled": True,
                    "region_name": REGION,
                    "endpoints": {"public": "http://g"},
                }
            ],
        }[kind]
    )


def test_a_region_has_to_be_chosen_where_there_are_several():
    keystone = Keystone(services=[glance()], endpoints=[endpoint("e1", "http://a"), endpoint("e2", "http://b", region="Two")])
    with pytest.raises(CloudError, match="glance has endpoints in several regions: RegionOne, Two"):
        CatalogInfo(keystone).description()
    assert CatalogInfo(keystone, "Two").description()["services"][0]["endpoints"] == {"public": "http://b"}


def test_a_catalog_that_is_not_there_is_empty():
    info = CatalogInfo(Nothing())
    assert set(map(len, info.description().values())) == set(map(len, info.ids().values())) == {0}
