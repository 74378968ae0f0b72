# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import http.server
import json
import threading
import types
from collections.abc import Iterator

import pytest
from keystoneauth1.access.service_catalog import ServiceCatalogV3

from ansible_collections.mikumo.openstack.plugins.module_utils import _openstack
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Access, Api, Cloud, CloudError, explain

requests = pytest.importorskip("requests")
exceptions = pytest.importorskip("keystoneauth1.exceptions")


def answered(status):
    error = exceptions.HttpError(f"said (HTTP {status})", http_status=status)
    error.message = f"said (HTTP {status})"
    return error


def refused():
    error = exceptions.ConnectFailure("Unable to establish")
    error.__context__ = ConnectionRefusedError(111, "Connection refused")
    return error


def reset():
    error = exceptions.ConnectFailure("Unable to establish")
    error.__context__ = ConnectionResetError(104, "Connection reset by peer")
    return error


def slow():
    error = exceptions.ConnectTimeout("timed out")
    error.__context__ = requests.exceptions.ReadTimeout()
    return error


@pytest.mark.parametrize(
    ("exception", "kind", "transient", "words"),
    [
        (answered(400), "invalid", False, "rejects the request"),
        (answered(401), "unauthorized", False, "rejects user 'a'"),
        (answered(403), "forbidden", False, "role admin"),
        (answered(404), "missing", False, "cannot find it"),
        (answered(409), "conflict", False, "conflicts"),
        (answered(500), "server", True, "See its log"),
        (answered(501), "invalid", False, "rejects the request"),
        (answered(503), "server", True, "See its log"),
        (refused(), "unreachable", True, "[Errno 111] Connection refused."),
        (reset(), "server", True, "closed the connection"),
        (slow(), "timeout", True, "did not answer in time"),
        (exceptions.ConnectTimeout("x"), "unreachable", True, "nothing answers"),
        (exceptions.SSLError("self-signed"), "tls", False, "ca_cert"),
        (exceptions.EndpointNotFound("image"), "catalog", False, "region_name or interface"),
        (OSError("Could not find a suitable TLS CA certificate bundle: /x"), "tls", False, "ca_cert"),
        (exceptions.ClientException("odd"), "other", False, "odd."),
    ],
)
def test_exceptions_become_messages(exception, kind, transient, words):
    error = explain(exception, "create user nova", "Keystone", "http://k", "user 'a'")
    assert (error.kind, error.transient) == (kind, transient)
    assert str(error).startswith("Cannot create user nova: ")
    assert words in str(error)
    assert "(HTTP" not in str(error)


def test_mistakes_in_the_code_keep_their_traceback():
    with pytest.raises(KeyError):
        explain(KeyError("x"), "do", "Keystone", "http://k", "user")


class Script:
    """Answers with what is scripted, one after the other."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def request(self, url, method, **kwargs):
        self.requests.append((method, url, kwargs))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(body=None, status=200, headers=None):
    return types.SimpleNamespace(json=lambda: body, status_code=status, headers=headers or {})


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def api(script, **options):
    clock = Clock()
    return Api(script, "Keystone", "http://k", "user 'a'", sleep=clock.sleep, clock=clock, **options)


@pytest.mark.parametrize("failure", [refused(), reset(), slow(), answered(500), answered(503)])
@pytest.mark.parametrize(
    ("call", "repeated"),
    [
        (lambda one: one.list("/users", "users", "users"), True),
        (lambda one: one.update("/users/1", "user", {}, "user nova"), True),
        (lambda one: one.put("/x", "grant role"), True),
        (lambda one: one.delete("/users/1", "user nova"), True),
        (lambda one: one.create("/users", "user", {}, "user nova"), False),
    ],
)
def test_only_what_is_safe_is_repeated(failure, call, repeated):
    script = Script(failure, failure, answer({"users": [], "user": {}}))
    if repeated:
        call(api(script))
        assert len(script.requests) == 3
    else:
        with pytest.raises(CloudError):
            call(api(script))
        assert len(script.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 501])
def test_refusals_are_not_repeated(status):
    script = Script(answered(status))
    with pytest.raises(CloudError):
        api(script).list("/users", "users", "users")
    assert len(script.requests) == 1


def test_gives_up_at_the_deadline_and_says_so():
    script = Script(*[answered(503)] * 100)
    with pytest.raises(CloudError, match=r"Tried for \d+ seconds"):
        api(script, timeout=10).list("/users", "users", "users")
    assert 3 < len(script.requests) < 15


def test_check_mode_does_not_wait_for_an_empty_host():
    script = Script(refused(), answer({"users": []}))
    with pytest.raises(CloudError) as caught:
        api(script, patient=False).list("/users", "users", "users")
    assert caught.value.kind == "unreachable"
    assert len(script.requests) == 1


def test_check_mode_waits_for_a_service_that_is_just_busy():
    script = Script(answered(503), answer({"users": []}))
    assert api(script, patient=False).list("/users", "users", "users") == []


def test_lists_go_over_all_pages():
    script = Script(
        answer({"images": [1], "next": "/v2/images?limit=1&marker=m1"}),
        answer({"images": [2], "links": {"next": None}}),
    )
    assert api(script).list("/images", "images", "images", limit=1) == [1, 2]
    assert script.requests[1][2]["params"] == {"limit": 1, "marker": "m1"}


def test_what_is_gone_is_deleted():
    api(Script(answered(404))).delete("/users/1", "user nova")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answer(status=201), True),
        (answer(status=401), False),
        (answer(status=401, headers={"Openstack-Auth-Receipt": "x"}), True),
    ],
)
def test_password_check(reply, expected):
    script = Script(reply)
    assert _openstack.accepts(api(script), "1", "nova", "secret") is expected
    assert script.requests[0][2]["authenticated"] is False
    assert script.requests[0][2]["log"] is False


def test_password_check_that_fails_is_no_wrong_password():
    with pytest.raises(CloudError, match="503"):
        _openstack.accepts(api(Script(*[answer(status=503)] * 99)), "1", "nova", "secret")


def test_password_check_is_repeated_while_keystone_restarts():
    script = Script(answer(status=503), answer(status=201))
    assert _openstack.accepts(api(script), "1", "nova", "secret") is True


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://k:5000", "http://k:5000/v3"), ("http://k:5000/", "http://k:5000/v3"), ("http://k/v3/", "http://k/v3")],
)
def test_urls_get_their_version(url, expected):
    assert _openstack.versioned(url, "v3") == expected


def test_a_missing_library_is_told_apart(monkeypatch):
    def nothing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(_openstack, "import_module", nothing)
    with pytest.raises(CloudError, match="python3-openstacksdk") as caught:
        Cloud(Access(auth={"auth_url": "http://k", "username": "a", "password": "b"}))
    assert caught.value.kind == "library"


class Keystone(http.server.BaseHTTPRequestHandler):
    """Gives a token to everybody."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(
            {"token": {"methods": ["password"], "expires_at": "2999-01-01T00:00:00.000000Z", "catalog": []}}
        ).encode()
        self.send_response(201)
        self.send_header("X-Subject-Token", "token")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def keystone() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keystone) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("way", ["auth", "cloud"])
def test_a_proxy_is_not_asked_for_the_clouds_own_addresses(way, keystone, tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(requests.exceptions.ProxyError):
        requests.post(f"{keystone}/v3/auth/tokens", json={}, timeout=5)
    auth = {"auth_url": keystone, "username": "a", "password": "p", "project_name": "x"}
    auth |= {"user_domain_name": "Default", "project_domain_name": "Default"}
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(json.dumps({"clouds": {"here": {"auth_type": "v3password", "auth": auth}}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
    if way == "cloud":
        pytest.importorskip("openstack.config")
    access = Access(auth=auth, timeout=0) if way == "auth" else Access(cloud="here", timeout=0)
    assert Cloud(access).identity().service == "Keystone"


def test_certificates_of_the_environment_still_count(keystone, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/bundle.pem")
    auth = {"auth_url": keystone, "username": "a", "password": "p"}
    assert Cloud(Access(auth=auth))._session.verify == "/bundle.pem"
    assert Cloud(Access(auth=auth, ca_cert="/own.pem"))._session.verify == "/own.pem"


def test_interfaces_of_a_service_in_the_region(monkeypatch):
    endpoints = [("public", "one"), ("internal", "one"), ("admin", "two")]
    catalog = [
        {
            "type": kind,
            "name": kind,
            "endpoints": [{"interface": name, "url": "http://k", "region_id": region, "region": region} for name, region in of],
        }
        for kind, of in (("identity", endpoints), ("image", [("admin", "one")]))
    ]
    cloud = Cloud(Access(auth={"auth_url": "http://k", "username": "a", "password": "b"}, region_name="one"))
    token = type("Token", (), {"service_catalog": ServiceCatalogV3(catalog)})
    monkeypatch.setattr(Cloud, "identity", lambda _self: None)
    monkeypatch.setattr(Cloud, "_token", lambda _self, _identity: token)
    assert cloud.interfaces("identity") == {"public", "internal"}
    assert cloud.interfaces("volume") == set()
