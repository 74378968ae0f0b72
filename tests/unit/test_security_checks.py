# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of the OpenStack Security Guide, and their report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import jinja2.nativetypes
import pytest
import yaml

from ansible_collections.mikumo.openstack.plugins.module_utils import _security_checks as checks
from ansible_collections.mikumo.openstack.plugins.module_utils._security_checks import (
    FAIL,
    ITEMS,
    NOT_APPLICABLE,
    PASS,
    ChecksError,
    Entry,
    Node,
    checked,
)
from ansible_collections.mikumo.openstack.plugins.plugin_utils._junit import parse
from ansible_collections.mikumo.openstack.plugins.plugin_utils._oslo_config import render
from ansible_collections.mikumo.openstack.plugins.plugin_utils._security_report import report, rows

ROOT = Path(__file__).resolve().parents[2]
AUTH = "[keystone_authtoken]\nauth_url = https://k:5000/v3\nwww_authenticate_uri = https://k:5000/v3\n"
HAPROXY = """
frontend keystone
    bind 192.0.2.1:5000 ssl crt /etc/haproxy/tls/site.pem
    default_backend keystone

backend keystone
    server keystone 127.0.0.1:5000 check

frontend neutron-api
    bind 192.0.2.1:9696 ssl crt /etc/haproxy/tls/site.pem
    default_backend neutron-api

backend neutron-api
    server neutron-api [::1]:9696 check
"""
PASTE = "[composite:openstack_volume_api_v3]\nkeystone = cors sizelimit authtoken apiv3\n"
# A node as the roles leave it.
FILES: dict[str, str] = {
    "/etc/keystone/keystone.conf": "[token]\nprovider = fernet\n",
    "/etc/openstack-dashboard/local_settings.py": "",
    "/etc/nova/nova.conf": AUTH,
    "/etc/nova/nova-compute.conf": AUTH,
    "/etc/nova/rootwrap.conf": "",
    "/etc/cinder/cinder.conf": AUTH,
    "/etc/cinder/cinder-volume.conf": "[DEFAULT]\nenabled_backends = lvm\n[lvm]\nvolume_driver = x.LVMVolumeDriver\n" + AUTH,
    "/etc/cinder/api-paste.ini": PASTE,
    "/etc/glance/glance-api.conf": "[paste_deploy]\nflavor = keystone\n" + AUTH,
    "/etc/neutron/neutron.conf": AUTH,
    "/etc/neutron/rootwrap.conf": "",
    "/etc/neutron/plugins/ml2/openvswitch_agent.ini": "",
    "/etc/haproxy/haproxy.cfg": HAPROXY,
}
GROUPS = {"keystone": "keystone", "openstack-dashboard": "www-data"}
ROLES = frozenset({"keystone", "horizon", "nova", "nova_compute", "cinder", "cinder_volume", "glance", "neutron", "haproxy"}) | {
    "neutron_agents",
    "neutron_agents_openvswitch",
}
CATALOG = [
    {"type": kind, "endpoints": {"public": f"https://c:{port}", "internal": f"https://i:{port}"}}
    for kind, port in (("identity", 5000), ("image", 9292), ("compute", 8774), ("network", 9696), ("block-storage", 8776))
]
DASHBOARD: dict[str, Any] = {
    "DISALLOW_IFRAME_EMBED": True,
    "CSRF_COOKIE_SECURE": True,
    "SESSION_COOKIE_SECURE": True,
    "SESSION_COOKIE_HTTPONLY": True,
    "ENFORCE_PASSWORD_CHECK": True,
    "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
    "password_autocomplete": None,
    "disable_password_reveal": True,
    "password_validator": {"regex": "^.{8,}$", "help_text": "x"},
}


def entries() -> dict[str, Entry]:
    directories = {f"/etc/{path.split('/')[2]}" for path in FILES}
    found = {path: Entry("root", path.split("/")[2], 0o640) for path in FILES}
    found |= {path: Entry("root", path.split("/")[2], 0o750) for path in directories}
    return {path: Entry(one.owner, GROUPS.get(one.group, one.group), one.mode) for path, one in found.items()}


def node(
    *,
    roles: frozenset[str] = ROLES,
    files: dict[str, str | None] | None = None,
    modes: dict[str, Entry] | None = None,
    catalog: list[dict[str, Any]] | None = None,
    dashboard: dict[str, Any] | None = None,
) -> Node:
    """The node of above, with something else in places. None as a file's content removes it."""
    texts = {path: text for path, text in {**FILES, **(files or {})}.items() if text is not None}
    stats = {path: one for path, one in entries().items() if path in texts or path not in FILES} | (modes or {})
    settings = {**DASHBOARD, **(dashboard or {})}
    return Node(roles, stats.get, texts.get, CATALOG if catalog is None else catalog, lambda: settings)


def outcome(number: str, **change: Any) -> tuple[str, str]:
    (found,) = [one for one in checked(node(**change)) if one["id"] == f"Check-{number}"]
    return found["outcome"], found["reason"]


NEVER = {"Check-Identity-04", "Check-Image-05"}
NOT_HERE = {"Check-Block-07", "Check-Block-09"}


def test_a_node_as_the_roles_leave_it_passes() -> None:
    found = {one["id"]: one for one in checked(node())}
    assert found.keys() == {item.id for item in ITEMS} - NEVER
    assert {name: one["reason"] for name, one in found.items() if one["outcome"] == FAIL} == {}
    assert {name for name, one in found.items() if one["outcome"] == NOT_APPLICABLE} == NOT_HERE


def conf(service: str, text: str) -> dict[str, Any]:
    paths = {"glance": "/etc/glance/glance-api.conf", "cinder-volume": "/etc/cinder/cinder-volume.conf"}
    paths["nova-compute"] = "/etc/nova/nova-compute.conf"
    return {"files": {paths.get(service, f"/etc/{service}/{service}.conf"): text}}


def mode(path: str, who: str, bits: int) -> dict[str, Any]:
    return {"modes": {path: Entry(*who.split(":"), bits)}}


def http(kind: str) -> dict[str, Any]:
    return {"catalog": [{**one, "endpoints": {"public": "http://c"}} if one["type"] == kind else one for one in CATALOG]}


PLAIN = AUTH.replace("https", "http")
NFS = "[DEFAULT]\nenabled_backends = share\n[share]\nvolume_driver = cinder.volume.drivers.nfs.NfsDriver\n"
BARBICAN = {"catalog": [*CATALOG, {"type": "key-manager", "endpoints": {"public": "https://b"}}]}

# The item, what is different from above, the outcome, and words of the reason.
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("Identity-01", mode("/etc/keystone", "keystone:keystone", 0o750), PASS, "root or keystone"),
    ("Identity-01", mode("/etc/keystone/keystone.conf", "nobody:keystone", 0o640), FAIL, "keystone.conf is nobody:keystone"),
    ("Identity-01", mode("/etc/keystone/policy.yaml", "root:users", 0o640), FAIL, "policy.yaml is root:users"),
    ("Identity-01", {"files": {"/etc/keystone/keystone.conf": None}}, FAIL, "keystone.conf does not exist"),
    ("Identity-02", mode("/etc/keystone/logging.conf", "root:root", 0o644), PASS, "closed to others"),
    ("Identity-02", mode("/etc/keystone/logging.conf", "root:root", 0o664), FAIL, "0664"),
    ("Identity-02", mode("/etc/keystone", "root:keystone", 0o755), PASS, "0640"),
    ("Identity-03", http("identity"), FAIL, "Keystone's endpoint is http://c"),
    ("Identity-03", {"catalog": []}, FAIL, "no endpoint in the catalog"),
    ("Identity-03", {"files": {checks.HAPROXY: None}}, FAIL, "no frontend keystone"),
    ("Identity-03", {"files": {checks.HAPROXY: HAPROXY.replace(":5000 ssl", ":5000")}}, FAIL, "192.0.2.1:5000 without TLS"),
    ("Identity-03", {"files": {checks.HAPROXY: HAPROXY.replace("127.0.0.1", "192.0.2.2")}}, FAIL, "192.0.2.2:5000 without TLS"),
    ("Identity-03", {"files": {checks.HAPROXY: HAPROXY.replace("127.0.0.1:5000", "192.0.2.2:5000 ssl")}}, PASS, ""),
    ("Identity-05", conf("keystone", "[oslo_middleware]\nmax_request_body_size = 114688\n"), PASS, "114688"),
    ("Identity-05", conf("keystone", "[oslo_middleware]\nmax_request_body_size = 9999999\n"), FAIL, "9999999"),
    ("Identity-05", conf("keystone", "[oslo_middleware]\nmax_request_body_size = 0\n"), FAIL, "0 bytes"),
    ("Identity-06", conf("keystone", "[DEFAULT]\nadmin_token = ADMIN\n"), FAIL, "sets [DEFAULT] admin_token"),
    ("Identity-06", {"files": {"/etc/keystone/keystone-paste.ini": "[filter:admin_token_auth]\n"}}, FAIL, "admin_token_auth"),
    ("Identity-07", conf("keystone", "[DEFAULT]\ninsecure_debug = True\n"), FAIL, "insecure_debug = true"),
    ("Identity-08", conf("keystone", ""), PASS, "fernet"),
    ("Identity-08", conf("keystone", "[token]\nprovider = uuid\n"), FAIL, "is uuid"),
    ("Dashboard-01", mode("/etc/openstack-dashboard", "root:root", 0o755), FAIL, "root:www-data"),
    (
        "Dashboard-02",
        {
            "modes": {
                "/etc/openstack-dashboard": Entry("root", "root", 0o755),
                "/etc/openstack-dashboard/local_settings.py": Entry("root", "root", 0o644),
            }
        },
        FAIL,
        "local_settings.py has the mode 0644; expected 0640 or stricter, or 0750 for /etc/openstack-dashboard",
    ),
    ("Dashboard-02", mode("/etc/openstack-dashboard/local_settings.py", "root:root", 0o644), PASS, ""),
    ("Dashboard-03", {"dashboard": {"DISALLOW_IFRAME_EMBED": False}}, FAIL, "is False; expected True"),
    ("Dashboard-03", {"dashboard": {"DISALLOW_IFRAME_EMBED": None}}, PASS, "True"),
    ("Dashboard-04", {"dashboard": {"CSRF_COOKIE_SECURE": None}}, FAIL, "CSRF_COOKIE_SECURE is False"),
    ("Dashboard-05", {"dashboard": {"SESSION_COOKIE_SECURE": False}}, FAIL, "SESSION_COOKIE_SECURE"),
    ("Dashboard-06", {"dashboard": {"SESSION_COOKIE_HTTPONLY": False}}, FAIL, "SESSION_COOKIE_HTTPONLY"),
    ("Dashboard-07", {"dashboard": {"password_autocomplete": "on"}}, FAIL, "password_autocomplete is 'on'"),
    ("Dashboard-08", {"dashboard": {"disable_password_reveal": None}}, FAIL, "disable_password_reveal is False"),
    ("Dashboard-09", {"dashboard": {"ENFORCE_PASSWORD_CHECK": None}}, FAIL, "ENFORCE_PASSWORD_CHECK is False"),
    ("Dashboard-10", {"dashboard": {"password_validator": {"regex": ".*"}}}, FAIL, "horizon_password_regex"),
    ("Dashboard-10", {"dashboard": {"password_validator": None}}, FAIL, "horizon_password_regex"),
    ("Dashboard-11", {"dashboard": {"SECURE_PROXY_SSL_HEADER": None}}, FAIL, "horizon_url"),
    ("Compute-01", mode("/etc/nova", "nova:nova", 0o750), FAIL, "/etc/nova is nova:nova; expected root:nova"),
    ("Compute-01", mode("/etc/nova/rootwrap.conf", "root:root", 0o644), PASS, ""),
    ("Compute-02", mode("/etc/nova/nova-compute.conf", "root:nova", 0o660), FAIL, "nova-compute.conf has the mode 0660"),
    ("Compute-03", conf("nova", "[api]\nauth_strategy = noauth2\n"), FAIL, "auth_strategy = noauth2"),
    ("Compute-04", conf("nova-compute", PLAIN), FAIL, "auth_url = http://k:5000/v3"),
    ("Compute-04", conf("nova", "[placement]\nauth_url = http://k\n"), FAIL, "[placement] auth_url = http://k"),
    ("Compute-04", conf("nova", AUTH + "insecure = yes\n"), FAIL, "insecure = true"),
    ("Compute-05", http("image"), FAIL, "Glance's endpoint is http://c"),
    ("Compute-05", conf("nova", "[glance]\napi_insecure = true\n"), FAIL, "[glance] insecure = true"),
    ("Compute-05", conf("nova", "[glance]\napi_servers = https://a, http://b\n"), FAIL, "http://b"),
    ("Block-01", mode("/etc/cinder", "cinder:cinder", 0o750), FAIL, "root:cinder"),
    ("Block-02", mode("/etc/cinder/cinder-volume.conf", "root:cinder", 0o664), FAIL, "no writing for the group"),
    ("Block-02", mode("/etc/cinder", "root:cinder", 0o770), PASS, "0640"),
    ("Block-03", conf("cinder", "[DEFAULT]\nauth_strategy = noauth\n"), FAIL, "noauth"),
    ("Block-04", conf("cinder", PLAIN), FAIL, "http://k:5000"),
    ("Block-05", conf("cinder", "[nova]\ninsecure = true\n"), FAIL, "[nova] insecure"),
    ("Block-05", http("compute"), FAIL, "Nova's endpoint is http://c"),
    ("Block-06", conf("cinder", "[DEFAULT]\nglance_api_insecure = true\n"), FAIL, "glance_api_insecure"),
    ("Block-06", conf("cinder-volume", "[DEFAULT]\nglance_api_servers = http://g:9292\n"), FAIL, "http://g:9292"),
    ("Block-07", {}, NOT_APPLICABLE, "lvm is x.LVMVolumeDriver"),
    ("Block-07", conf("cinder-volume", NFS), PASS, "share uses secure"),
    ("Block-07", conf("cinder-volume", NFS + "nas_secure_file_operations = false\n"), FAIL, "nas_secure_file_operations = false"),
    (
        "Block-07",
        conf("cinder-volume", NFS + "[backend_defaults]\nnas_secure_file_permissions = false\n"),
        FAIL,
        "nas_secure_file_permissions = false",
    ),
    ("Block-08", {"files": {"/etc/cinder/api-paste.ini": "[composite:a]\nkeystone = apiv3\n"}}, FAIL, "has no sizelimit"),
    ("Block-08", {"files": {"/etc/cinder/api-paste.ini": None}}, FAIL, "has no sizelimit"),
    ("Block-08", conf("cinder", "[DEFAULT]\nosapi_max_request_body_size = 999999\n"), FAIL, "999999"),
    ("Block-09", {}, NOT_APPLICABLE, "Barbican"),
    ("Block-09", BARBICAN, PASS, "key manager"),
    (
        "Block-09",
        BARBICAN | conf("cinder", "[key_manager]\nbackend = cinder.keymgr.conf_key_mgr.ConfKeyManager\n"),
        FAIL,
        "ConfKeyManager",
    ),
    ("Image-01", mode("/etc/glance", "glance:glance", 0o750), FAIL, "root:glance"),
    ("Image-02", mode("/etc/glance/glance-api.conf", "root:glance", 0o660), FAIL, "0660"),
    ("Image-03", conf("glance", ""), FAIL, "flavor is not set"),
    ("Image-03", conf("glance", "[paste_deploy]\nflavor = keystone+caching\n"), PASS, "keystone+caching"),
    ("Image-04", conf("glance", PLAIN), FAIL, "http://k:5000"),
    ("Neutron-01", mode("/etc/neutron", "neutron:neutron", 0o770), FAIL, "root:neutron"),
    (
        "Neutron-02",
        {"modes": {"/etc/neutron": Entry("root", "neutron", 0o770), "/etc/neutron/rootwrap.conf": Entry("root", "root", 0o644)}},
        FAIL,
        "or 0750 for /etc/neutron",
    ),
    ("Neutron-03", conf("neutron", "[DEFAULT]\nauth_strategy = noauth\n"), FAIL, "noauth"),
    ("Neutron-04", conf("neutron", PLAIN), FAIL, "http://k:5000"),
    ("Neutron-05", http("network"), FAIL, "Neutron's endpoint is http://c"),
]


@pytest.mark.parametrize(("number", "change", "expected", "words"), CASES)
def test_an_item(number: str, change: dict[str, Any], expected: str, words: str) -> None:
    found, reason = outcome(number, **change)
    assert (found, words in reason) == (expected, True), reason


def test_each_item_that_can_fail_is_seen_to_fail() -> None:
    failing = {f"Check-{number}" for number, _change, expected, _words in CASES if expected == FAIL}
    assert failing == {item.id for item in ITEMS} - NEVER


def test_only_the_roles_of_a_node_count() -> None:
    found = {one["id"] for one in checked(node(roles=frozenset({"neutron_agents", "neutron_agents_l3", "libvirt"})))}
    assert found == {"Check-Neutron-01", "Check-Neutron-02"}


def test_a_file_that_is_no_configuration_shows_no_secret() -> None:
    found, reason = outcome("Identity-06", **conf("keystone", "hunter2hunter2\n"))
    assert found == FAIL
    assert "hunter2" not in reason


def test_a_password_in_a_url_does_not_show() -> None:
    _found, reason = outcome("Compute-04", **conf("nova", "[placement]\nauth_url = http://me:hunter2@k\n"))
    assert "http://k" in reason
    assert "hunter2" not in reason


def test_settings_that_cannot_be_read_fail_with_the_reason() -> None:
    def broken() -> dict[str, Any]:
        raise ChecksError("Django says no")

    texts = FILES.get
    found = checked(Node(frozenset({"horizon"}), entries().get, texts, CATALOG, broken))
    assert {one["reason"] for one in found if one["id"] > "Check-Dashboard-02"} == {"Django says no"}


# --- report -----------------------------------------------------------------------------------------------------------


def test_an_item_without_a_node_says_why() -> None:
    table = {row.id: row for row in rows({"controller": checked(node(roles=ROLES - {"horizon"}))})}
    assert list(table) == [item.id for item in ITEMS]
    dashboard = table["Check-Dashboard-03"]
    assert (dashboard.host, dashboard.outcome, dashboard.reason) == ("-", NOT_APPLICABLE, "no checked node has the role horizon")
    assert "obsolete" in table["Check-Identity-04"].reason


def test_a_node_without_results_is_a_failure() -> None:
    found = report({"controller": checked(node()), "compute": None})
    (line,) = found["failed"]
    assert "compute" in line
    assert "could not be checked" in line


def test_the_junit_file_has_every_line_of_the_table() -> None:
    results = {"controller": checked(node(dashboard={"ENFORCE_PASSWORD_CHECK": False})), "compute": checked(node())}
    found = report(results)
    tests = parse(found["junit"])
    assert len(tests) == len(found["lines"])
    (failed,) = [one for one in tests if one.status == "failed"]
    assert failed.name.startswith("Check-Dashboard-09.")
    assert "ENFORCE_PASSWORD_CHECK is False" in failed.reason
    counts = {status: sum(one.status == status for one in tests) for status in ("passed", "failed", "skipped")}
    assert found["summary"] == f"{counts['passed']} pass, 1 fail, {counts['skipped']} not applicable"


def test_a_reason_may_contain_anything() -> None:
    found = report({"c": [{"id": "Check-Identity-01", "title": "t", "outcome": FAIL, "reason": "<a> & \x1b"}]})
    assert [one.reason for one in parse(found["junit"]) if one.status == "failed"] == ["<a> & ?"]


# --- what the roles write ---------------------------------------------------------------------------------------------


def described(role: str) -> list[dict[str, Any]]:
    files: Any = yaml.safe_load((ROOT / f"roles/{role}/vars/main.yml").read_text(encoding="utf-8"))
    if role == "neutron_agents":
        return [files["__neutron_agents_directory"]]
    found = files["__nova_files"] if role == "nova" else files[f"{role}_description"]["files"]
    return [one for one in found if isinstance(one, dict)]


@pytest.mark.parametrize(
    ("role", "directory", "group"),
    [
        ("nova", "/etc/nova", None),
        ("nova_compute", "/etc/nova", None),
        ("cinder", "/etc/cinder", None),
        ("cinder_volume", "/etc/cinder", None),
        ("glance", "/etc/glance", None),
        ("neutron", "/etc/neutron", None),
        ("neutron_agents", "/etc/neutron", None),
        ("horizon", "/etc/openstack-dashboard", "www-data"),
    ],
)
def test_roles_close_the_directories_of_their_configuration(role: str, directory: str, group: str | None) -> None:
    (found,) = [one for one in described(role) if one["path"] == directory]
    assert (found["state"], found["mode"], found.get("owner"), found.get("group")) == ("directory", "0750", None, group)


def horizon_settings(**options: Any) -> dict[str, Any]:
    """Horizon's settings as the role's template leaves them."""
    defaults = yaml.safe_load((ROOT / "roles/horizon/defaults/main.yml").read_text(encoding="utf-8"))
    # As Ansible's own, whose output is no HTML.
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)  # noqa: S701
    environment.filters["to_json"] = json.dumps
    template = environment.from_string((ROOT / "roles/horizon/templates/_9000_mikumo.py.j2").read_text(encoding="utf-8"))
    values = {**defaults, "horizon_url": "https://c/horizon/", **options}
    # Horizon executes a snippet in the name space of its own settings.
    settings: dict[str, Any] = {"HORIZON_CONFIG": {"help_url": "kept"}}
    exec(template.render(values), settings)  # noqa: S102
    return settings


def seen(settings: dict[str, Any]) -> dict[str, Any]:
    found = {name: settings.get(name) for name in checks.DASHBOARD_SETTINGS}
    # Through JSON, as from the node.
    result: dict[str, Any] = json.loads(
        json.dumps(found | {name: settings["HORIZON_CONFIG"].get(name) for name in checks.DASHBOARD_CONFIG})
    )
    return result


def test_horizon_passes_with_the_settings_of_its_role() -> None:
    settings = horizon_settings()
    assert settings["HORIZON_CONFIG"]["help_url"] == "kept"
    found = [one for one in checked(node(dashboard=seen(settings))) if one["id"].startswith("Check-Dashboard")]
    assert {one["outcome"] for one in found} == {PASS}


def test_the_regex_of_horizon_reaches_python_unchanged() -> None:
    regex = r'^(?=.*\d)"[^\\]{12,}$'
    assert horizon_settings(horizon_password_regex=regex)["HORIZON_CONFIG"]["password_validator"]["regex"] == regex


@pytest.mark.parametrize(
    ("attempts", "text"),
    [("0", ""), ("5", "[security_compliance]\nlockout_failure_attempts = 5\nlockout_duration = 1800\n")],
)
def test_lockout_is_an_option(attempts: str, text: str) -> None:
    template = yaml.safe_load((ROOT / "roles/keystone/vars/main.yml").read_text(encoding="utf-8"))["__keystone_config"]
    environment = jinja2.nativetypes.NativeEnvironment()
    section = environment.from_string(template["security_compliance"]).render(
        keystone_lockout_attempts=attempts, keystone_lockout_seconds=1800
    )
    assert render({"security_compliance": section}) == text
