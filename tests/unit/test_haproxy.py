# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy is told, what is refused, and which units hold its ports. tests/integration has HAProxy itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.filter.haproxy_config import haproxy_config as config_filter
from ansible_collections.mikumo.openstack.plugins.filter.units_in_the_way import units_in_the_way as units_filter
from ansible_collections.mikumo.openstack.plugins.plugin_utils._haproxy import HaproxyError, haproxy_config, units_in_the_way

KEY = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
CERTIFICATE = {"certificate": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "private_key": KEY}
TRUSTED = {"certificate": CERTIFICATE, "ca_file": "/etc/ssl/site.pem"}
ALL = "0.0.0.0"  # noqa: S104  # nothing listens here
SERVER = {"name": "one", "address": "127.0.0.1", "port": 5000}
TLS_SERVER = {**SERVER, "tls": True, "verify_host": "api.example.org"}


def frontend(**options: Any) -> dict[str, Any]:
    return {"name": "api", "addresses": ["192.0.2.11"], "port": 5000, "servers": [SERVER], **options}


def section(text: str, title: str) -> list[str]:
    """Lines of one section."""
    _before, found, rest = f"{text}\n".partition(f"\n{title}\n")
    assert found, text
    return [line.strip() for line in re.split(r"\n(?=\S)|\n\n", rest)[0].splitlines()]


def rendered(title: str, **options: Any) -> list[str]:
    return section(haproxy_config([frontend(**options)], **TRUSTED), title)


FRONT, BACK, PLAIN = "frontend api", "backend api", "frontend api.plain"


@pytest.mark.parametrize(
    ("title", "options", "lines"),
    [
        (FRONT, {}, ["bind 192.0.2.11:5000 ssl crt /etc/haproxy/tls/site.pem alpn h2,http/1.1", "default_backend api"]),
        (FRONT, {"tls": False}, ["bind 192.0.2.11:5000", "http-request set-header X-Forwarded-Proto http"]),
        (FRONT, {}, ["http-request set-header X-Forwarded-Proto https"]),
        (FRONT, {"tls": False, "addresses": ["::"], "port": "80"}, ["bind [::]:80"]),
        (FRONT, {"tls": False, "addresses": ["2001:DB8::1"]}, ["bind [2001:db8::1]:5000"]),
        (FRONT, {"root_redirect": "/horizon/"}, ["http-request redirect location '/horizon/' code 302 if { path / }"]),
        (
            FRONT,
            {"allow": ["/v3", "/v2/"]},
            ["http-request return status 404 unless { path /v3 } or { path -m beg /v2/ /v3/ }"],
        ),
        (FRONT, {"allow": ["/"]}, ["http-request return status 404 unless { path -m beg / }"]),
        (FRONT, {"long_lived": True}, ["timeout client-fin 30s"]),
        (
            FRONT,
            {"response_headers": {"X-Frame-Options": "DENY", "Content-Security-Policy": "default-src 'self' 100%"}},
            [
                r"http-after-response set-header Content-Security-Policy 'default-src '\''self'\'' 100%%'",
                "http-after-response set-header X-Frame-Options 'DENY'",
            ],
        ),
        (PLAIN, {"port": 443, "redirect_port": 80}, ["bind 192.0.2.11:80"]),
        (
            PLAIN,
            {"port": 443, "redirect_port": 80},
            ["http-request redirect location https://%[req.hdr(host),host_only]%[pathq] code 301"],
        ),
        (
            PLAIN,
            {"port": 8443, "redirect_port": 80},
            ["http-request redirect location https://%[req.hdr(host),host_only]:8443%[pathq] code 301"],
        ),
        (BACK, {}, ["server one 127.0.0.1:5000 check", "retries 20", "default-server fall 22"]),
        (BACK, {"servers": [{**SERVER, "address": "::1"}]}, ["server one [::1]:5000 check"]),
        (
            BACK,
            {"servers": [TLS_SERVER]},
            ["server one 127.0.0.1:5000 check ssl verify required ca-file /etc/ssl/site.pem verifyhost api.example.org"],
        ),
        (
            BACK,
            {"check": "/healthcheck?detail=no"},
            ["option httpchk", "http-check send meth GET uri '/healthcheck?detail=no'", "http-check expect status 200-399"],
        ),
        (BACK, {"long_lived": True}, ["timeout tunnel 24h", "timeout server-fin 30s"]),
    ],
)
def test_what_a_frontend_becomes(title: str, options: dict[str, Any], lines: list[str]) -> None:
    found = rendered(title, **options)
    assert [line for line in lines if line not in found] == [], found


@pytest.mark.parametrize(
    ("title", "options", "words"),
    [
        (FRONT, {}, ["timeout", "status 404", "redirect", "http-after-response"]),
        (BACK, {}, ["tunnel", "httpchk", " ssl "]),
        # Two servers: another one takes over at once.
        (BACK, {"servers": [SERVER, {**SERVER, "name": "two", "port": 5001}]}, ["retries", "fall"]),
        (PLAIN, {"port": 443, "redirect_port": 80, "response_headers": {"Strict-Transport-Security": "x"}}, ["ssl", "Strict"]),
        (FRONT, {"long_lived": True}, ["h2"]),
    ],
)
def test_what_a_frontend_does_not_become(title: str, options: dict[str, Any], words: list[str]) -> None:
    text = "\n".join(rendered(title, **options))
    assert [word for word in words if word in text] == [], text


def test_headers_of_clients_are_removed_before_ours_are_set() -> None:
    lines = rendered(FRONT)
    removed = next(line for line in lines if "del-header" in line)
    assert lines.index(removed) < lines.index("http-request set-header X-Forwarded-Proto https")
    pattern = re.search(r"'(.*)'", removed)
    assert pattern
    for name in ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x_forwarded_proto", "x-forwarded_host"):
        assert re.search(pattern[1], name), name
    for name in ("x-forward", "x-auth-token", "x-not-forwarded-for"):
        assert not re.search(pattern[1], name), name


def test_nothing_listens_where_nobody_asked_for_it() -> None:
    text = haproxy_config([frontend(redirect_port=80)], **TRUSTED)
    assert re.findall(r"^ +bind (\S+)", text, re.MULTILINE) == ["127.0.0.1:8404", "192.0.2.11:5000", "192.0.2.11:80"]
    assert re.findall(r"stats socket .*", text) == ["stats socket /run/haproxy/admin.sock mode 600 level admin"]


def test_the_same_data_gives_the_same_text() -> None:
    headers = {"B": "2", "A": "1"}
    one = haproxy_config([frontend(response_headers=headers)], **TRUSTED)
    other = haproxy_config([frontend(response_headers=dict(sorted(headers.items())))], **TRUSTED)
    assert one == other
    assert one.endswith("\n")
    assert not one.endswith("\n\n")


def test_no_frontends() -> None:
    text = haproxy_config([], metrics_address="::1", metrics_port="9101", max_connections=100)
    assert "bind [::1]:9101" in section(text, "frontend metrics")
    assert "maxconn 100" in section(text, "global")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"nmae": 1}, ["haproxy_frontends[0]", "unknown keys (nmae)", "addresses", "redirect_port"]),
        ({"name": "my api"}, ["haproxy_frontends[0]", "'my api'", "letters"]),
        ({"name": "api\nlisten x"}, ["letters"]),
        ({"name": "metrics"}, ["metrics", "another"]),
        ({"addresses": []}, ["api has no addresses"]),
        ({"addresses": "192.0.2.11"}, ["addresses of frontend api", "'192.0.2.11'", "a list"]),
        ({"addresses": ["cloud.example.org"]}, ["'cloud.example.org'", "IPv4 or IPv6"]),
        ({"addresses": ["[::1]"]}, ["'[::1]'", "without brackets"]),
        ({"addresses": ["fe80::1%eth0"]}, ["zone"]),
        ({"addresses": [3221225995]}, ["3221225995", "IPv4 or IPv6"]),
        ({"addresses": ["192.0.2.11", "192.0.2.11"]}, ["192.0.2.11 twice"]),
        ({"addresses": ["192.0.2.11", ALL]}, [f"{ALL}:5000", "192.0.2.11:5000"]),
        ({"port": 0}, ["port of frontend api", "0", "1 to 65535"]),
        ({"port": 65536}, ["65536"]),
        ({"port": True}, ["True"]),
        ({"port": "http"}, ["'http'"]),
        ({"servers": []}, ["api has no servers"]),
        ({"servers": [SERVER, SERVER]}, ["servers of frontend api has one twice"]),
        ({"servers": [{**SERVER, "address": "localhost"}]}, ["address of server one of frontend api", "'localhost'"]),
        ({"servers": [{**SERVER, "address": ALL}]}, [ALL, "one machine"]),
        ({"servers": [{**SERVER, "adress": "::1"}]}, ["a server of frontend api", "unknown keys (adress)", "verify_host"]),
        ({"servers": ["127.0.0.1:5000"]}, ["a server of frontend api", "dictionary"]),
        ({"servers": [{**SERVER, "tls": True}]}, ["server one of frontend api", "no verify_host"]),
        ({"servers": [{**SERVER, "verify_host": "a.example"}]}, ["'a.example'", "without tls"]),
        ({"servers": [{**TLS_SERVER, "verify_host": "10.0.0.1"}]}, ["'10.0.0.1'", "a DNS name"]),
        ({"servers": [{**SERVER, "address": "192.0.2.11"}]}, ["192.0.2.11:5000", "listens itself"]),
        ({"addresses": [ALL]}, ["127.0.0.1:5000", "listens itself"]),
        ({"check": "healthcheck"}, ["check of frontend api", "'healthcheck'", "begins with '/'"]),
        ({"check": "/a b"}, ["'/a b'"]),
        ({"tls": "false"}, ["tls of frontend api", "'false'", "true and false"]),
        ({"tls": False, "redirect_port": 80}, ["redirect_port 80 without tls"]),
        ({"redirect_port": 5000}, ["192.0.2.11:5000", "another port"]),
        ({"port": 8404, "addresses": [ALL]}, ["metrics on 127.0.0.1:8404"]),
        ({"response_headers": ["a"]}, ["response_headers of frontend api", "dictionary"]),
        ({"response_headers": {"a b": "c"}}, ["'a b'", "name of a header"]),
        ({"response_headers": {"a": "b\r\nc: d"}}, ["a in response_headers", "printable"]),
        ({"response_headers": {"a": 1}}, ["a in response_headers", "is 1"]),
        ({"allow": "/v3"}, ["allow of frontend api", "'/v3'", "a list"]),
        ({"allow": ["v3"]}, ["'v3'", "begins with '/'"]),
        ({"allow": ["/v3 }"]}, ["'/v3 }'"]),
        ({"root_redirect": "https://example.org"}, ["root_redirect", "'https://example.org'"]),
        ({"root_redirect": "//example.org"}, ["'//example.org'", "same machine"]),
        ({"root_redirect": "/"}, ["another path than '/'"]),
        ({"long_lived": 1}, ["long_lived of frontend api", "true and false"]),
    ],
)
def test_what_is_refused(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(HaproxyError) as error:
        haproxy_config([frontend(**options)], **TRUSTED)
    assert [word for word in words if word not in str(error.value)] == [], str(error.value)


@pytest.mark.parametrize(
    ("frontends", "options", "words"),
    [
        ("api", {}, ["haproxy_frontends is 'api'", "a list"]),
        (["api"], {}, ["haproxy_frontends[0]", "not a dictionary"]),
        ([{"name": "api"}], {}, ["no addresses, port, servers"]),
        ([frontend(), frontend(port=1)], {}, ["haproxy_frontends has api twice"]),
        ([frontend(), frontend(name="other")], {}, ["frontend other listens on 192.0.2.11:5000", "api on"]),
        ([frontend()], {"certificate": {}}, ["haproxy_certificate is empty", "have tls: api", "set tls to false"]),
        ([frontend()], {"certificate": {"certificate": "x"}}, ["haproxy_certificate", "no private_key"]),
        ([frontend()], {"certificate": {**CERTIFICATE, "certificate": KEY}}, ["haproxy_certificate.certificate", "PEM"]),
        ([frontend()], {"certificate": {**CERTIFICATE, "private_key": "/etc/key"}}, ["haproxy_certificate.private_key"]),
        (
            [frontend()],
            {"certificate": {**CERTIFICATE, "private_key": KEY.replace("PRIVATE", "ENCRYPTED PRIVATE")}},
            ["without a passphrase"],
        ),
        ([frontend()], {"public_certificate": {"certificate": "x"}}, ["haproxy_public_certificate", "no private_key"]),
        ([frontend()], {"public_certificate": {**CERTIFICATE, "ca": "x"}}, ["haproxy_public_certificate", "ca"]),
        ([frontend()], {"public_certificate": {**CERTIFICATE, "certificate": KEY}}, ["haproxy_public_certificate.certificate"]),
        ([frontend()], {"public_certificate": {**CERTIFICATE, "private_key": "x"}}, ["haproxy_public_certificate.private_key"]),
        ([frontend(servers=[TLS_SERVER])], {"ca_file": ""}, ["haproxy_ca_file is empty", "have tls: one of api"]),
        ([frontend(servers=[TLS_SERVER])], {"ca_file": "site.pem"}, ["haproxy_ca_file", "'site.pem'", "absolute"]),
        ([], {"metrics_address": "localhost"}, ["haproxy_metrics_address", "'localhost'"]),
        ([], {"metrics_port": 0}, ["haproxy_metrics_port"]),
        ([], {"max_connections": 0}, ["haproxy_max_connections", "1 to"]),
    ],
)
def test_what_is_refused_of_the_whole(frontends: Any, options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        config_filter(frontends, **{**TRUSTED, **options})
    assert [word for word in words if word not in str(error.value)] == [], str(error.value)
    assert "c2VjcmV0" not in str(error.value)


def test_a_second_certificate_is_behind_the_first() -> None:
    pages = [frontend(), frontend(name="console", port=6080, long_lived=True), frontend(name="open", port=80, tls=False)]
    text = haproxy_config(pages, public_certificate=CERTIFICATE, **TRUSTED)
    files = "crt /etc/haproxy/tls/site.pem crt /etc/haproxy/tls/public.pem"
    assert f"bind 192.0.2.11:5000 ssl {files} alpn h2,http/1.1" in section(text, FRONT)
    assert f"bind 192.0.2.11:6080 ssl {files} alpn http/1.1" in section(text, "frontend console")
    assert "bind 192.0.2.11:80" in section(text, "frontend open")


def test_no_certificate_is_needed_without_tls() -> None:
    assert " crt " not in config_filter([frontend(tls=False)])


def held(port: int, unit: str | None, address: str = "*") -> dict[str, Any]:
    return {"port": port, "address": address, "unit": unit}


KEYSTONE = frontend(unit="keystone.service")
HORIZON = frontend(name="web", port=443, redirect_port=80, unit="apache2")


@pytest.mark.parametrize(
    ("listening", "names"),
    [
        ([held(5000, "keystone.service")], ["keystone.service"]),
        ([held(5000, "keystone.service", ALL), held(5000, "keystone.service", "::")], ["keystone.service"]),
        ([held(5000, "keystone.service", "192.0.2.11")], ["keystone.service"]),
        ([held(80, "apache2.service"), held(5000, "keystone.service")], ["apache2.service", "keystone.service"]),
        # where the service belongs
        ([held(5000, "keystone.service", "127.0.0.1")], []),
        ([held(5000, "keystone.service", "::1")], []),
        # another address than that of the frontend
        ([held(5000, "keystone.service", "198.51.100.1")], []),
        # another port, another unit, HAProxy itself, nobody knows whose
        ([held(5001, "keystone.service")], []),
        ([held(5000, "nginx.service")], []),
        ([held(80, "keystone.service")], []),
        ([held(5000, "haproxy.service", "192.0.2.11")], []),
        ([held(5000, None), held(5000, "")], []),
        ([], []),
    ],
)
def test_units_in_the_way(listening: list[dict[str, Any]], names: list[str]) -> None:
    found = units_in_the_way([KEYSTONE, HORIZON], listening)
    assert found == [{"name": name, "state": "stopped", "enabled": True} for name in names]


def test_a_frontend_on_all_addresses_needs_all_of_them() -> None:
    wide = frontend(addresses=[ALL], servers=[{**SERVER, "port": 5001}], unit="keystone.service")
    assert units_in_the_way([wide], [held(5000, "keystone.service", "198.51.100.1")])


def test_a_frontend_without_a_unit_stops_none() -> None:
    assert units_in_the_way([frontend()], [held(5000, ""), held(5000, "keystone.service")]) == []


def test_units_of_bad_data() -> None:
    with pytest.raises(AnsibleFilterError, match="allowed is a list"):
        units_filter("api", [])
