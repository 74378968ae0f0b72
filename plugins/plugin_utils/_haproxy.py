# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders HAProxy's configuration, and finds units that hold its ports. No message in this file shows a private key."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.mikumo.openstack.plugins.plugin_utils._keys import wrong_keys

__all__ = [
    "CERTIFICATE_FILE",
    "PUBLIC_CERTIFICATE_FILE",
    "Frontend",
    "HaproxyError",
    "Server",
    "haproxy_config",
    "parse",
    "units_in_the_way",
]

CERTIFICATE_FILE = "/etc/haproxy/tls/site.pem"
PUBLIC_CERTIFICATE_FILE = "/etc/haproxy/tls/public.pem"
REQUIRED = ("name", "addresses", "port", "servers")
OPTIONAL = ("check", "tls", "redirect_port", "response_headers", "allow", "root_redirect", "long_lived", "unit")
SERVER_REQUIRED = ("name", "address", "port")
SERVER_OPTIONAL = ("tls", "verify_host")
CERTIFICATE = ("certificate", "private_key")
# Name of the frontend for Prometheus.
METRICS = "metrics"
NAME = re.compile(r"[A-Za-z0-9_-]+")
HOST = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
PREFIX = re.compile(r"/[A-Za-z0-9._~/:@+-]*")
URI = re.compile(r"/[A-Za-z0-9._~/:@+?&=%-]*")
FILE = re.compile(r"/[A-Za-z0-9._~/@+-]+")
HEADER = re.compile(r"[A-Za-z0-9!#$&^_`|~*+.-]+")
# Printable ASCII.
HEADER_VALUE = re.compile(r"[ -~]+")
KEY_BLOCK = re.compile(r"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----")
# A lone server has nobody to take over, so that clients wait for it. Each of its retries takes a second. The health checks, one
# per second after the first failure, must not give it up earlier: HAProxy then answers 503 at once.
LONE_RETRIES = 20
LONE_FALL = 22

# Mozilla's intermediate profile without finite-field DHE. Every client with TLS 1.2 has ECDHE, and DHE lets clients make the
# server compute at no cost to themselves.
CIPHERS = ":".join(
    f"ECDHE-{kind}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for kind in ("ECDSA", "RSA")
)
SUITES = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

GLOBAL = """\
# Managed by Ansible (mikumo.openstack.haproxy).
global
    user haproxy
    group haproxy
    chroot /var/lib/haproxy
    # systemd's journal.
    log stdout format raw local0
    stats socket /run/haproxy/admin.sock mode 600 level admin
    stats timeout 30s
    maxconn {max_connections}
    # One thread per CPU up to this number, which is plenty for APIs and leaves the other CPUs of a large node to its services.
    thread-hard-limit 4
    # After a reload, the old process serves its connections to the end. An open console would keep it forever.
    hard-stop-after 24h
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
    ssl-default-bind-curves X25519:prime256v1:secp384r1
    ssl-default-bind-ciphers {ciphers}
    ssl-default-bind-ciphersuites {suites}
    ssl-default-server-options ssl-min-ver TLSv1.2 no-tls-tickets
    ssl-default-server-ciphers {ciphers}
    ssl-default-server-ciphersuites {suites}

defaults
    mode http
    log global
    option httplog
    option dontlognull
    option forwardfor
    # Closes the connection to the server after each response, as uWSGI does anyway. No request then meets a connection that its
    # server is just closing. Clients keep their connections.
    option http-server-close
    # Another server takes over if there is one. Only a failed connection is retried: a server may have executed any request
    # that reached it.
    option redispatch
    retry-on conn-failure
    retries 3
    timeout connect 5s
    timeout queue 30s
    # Between two packets, in either direction: image uploads stall while the store is busy.
    timeout client 10m
    timeout server 10m
    # Covers the headers only, not an upload.
    timeout http-request 30s
    timeout http-keep-alive 60s
    timeout check 30s
    default-server inter 10s fastinter 1s downinter 1s fall 3 rise 1
"""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class HaproxyError(ValueError):
    """Invalid data. The message says what was given and what is allowed."""


@dataclass(frozen=True)
class Server:
    name: str
    address: Address
    port: int
    tls: bool
    verify_host: str


@dataclass(frozen=True)
class Frontend:
    name: str
    addresses: tuple[Address, ...]
    port: int
    servers: tuple[Server, ...]
    check: str
    tls: bool
    redirect_port: int | None
    response_headers: Mapping[str, str]
    allow: tuple[str, ...]
    root_redirect: str
    long_lived: bool
    unit: str

    @property
    def ports(self) -> tuple[int, ...]:
        return (self.port,) if self.redirect_port is None else (self.port, self.redirect_port)


# --- checks -----------------------------------------------------------------------------------------------------------


def _mapping(where: str, value: t.Any, required: Sequence[str], optional: Sequence[str]) -> Mapping[str, t.Any]:
    if not isinstance(value, Mapping):
        raise HaproxyError(f"{where} is of type {type(value).__name__}, not a dictionary")
    wrong = wrong_keys(value, required, optional)
    if wrong:
        raise HaproxyError(f"{where} has {wrong}; required are {', '.join(required)}; optional are {', '.join(optional)}")
    return value


def _list(where: str, value: t.Any) -> Sequence[t.Any]:
    if not isinstance(value, (list, tuple)):
        raise HaproxyError(f"{where} is {value!r}; allowed is a list")
    return value


def _text(where: str, value: t.Any, pattern: re.Pattern[str], allowed: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise HaproxyError(f"{where} is {value!r}; allowed is {allowed}")
    return str(value)


def _optional(where: str, value: t.Any, pattern: re.Pattern[str], allowed: str) -> str:
    return "" if value in (None, "") else _text(where, value, pattern, f"{allowed}, or nothing")


def _number(where: str, value: t.Any, most: int = 65535) -> int:
    # A template in a play may turn a number into text.
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]+", str(value)) or not 1 <= int(value) <= most:
        raise HaproxyError(f"{where} is {value!r}; allowed is a number from 1 to {most}")
    return int(value)


def _flag(where: str, value: t.Any) -> bool:
    if not isinstance(value, bool):
        raise HaproxyError(f"{where} is {value!r}; allowed are true and false")
    return value


def _address(where: str, value: t.Any) -> Address:
    try:
        # A number would be an address too.
        address = ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        address = None
    if address is None or "%" in str(address):
        # HAProxy would resolve a name once, at its start, and fail to start without DNS.
        raise HaproxyError(f"{where} is {value!r}; allowed is an IPv4 or IPv6 address without brackets and zone")
    return address


def _unique(where: str, values: Iterable[t.Any]) -> None:
    seen: set[t.Any] = set()
    for value in values:
        if value in seen:
            raise HaproxyError(f"{where} has {value} twice; remove one of them")
        seen.add(value)


def _server(where: str, value: t.Any) -> Server:
    given = _mapping(where, value, SERVER_REQUIRED, SERVER_OPTIONAL)
    name = _text(f"name of {where}", given["name"], NAME, "a name of letters, digits, '-' and '_'")
    where = f"server {name} of {where.partition(' of ')[2]}"
    tls = _flag(f"tls of {where}", given.get("tls", False))
    host = _optional(
        f"verify_host of {where}", given.get("verify_host"), HOST, "a DNS name: HAProxy compares no addresses of certificates"
    )
    if tls and not host:
        raise HaproxyError(f"{where} has tls, but no verify_host; give the DNS name that its certificate must have")
    if host and not tls:
        raise HaproxyError(f"{where} has the verify_host {host!r} without tls; set tls to true, or remove verify_host")
    address = _address(f"address of {where}", given["address"])
    if address.is_unspecified:
        raise HaproxyError(f"address of {where} is {address}; allowed is the address of one machine")
    return Server(name, address, _number(f"port of {where}", given["port"]), tls, host)


def _headers(where: str, value: t.Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise HaproxyError(f"{where} is {value!r}; allowed is a dictionary of names and values")
    return {
        _text(f"a name in {where}", name, HEADER, "the name of a header"): _text(
            f"{name} in {where}", text, HEADER_VALUE, "printable ASCII on one line"
        )
        for name, text in sorted(value.items())
    }


def _frontend(position: int, value: t.Any) -> Frontend:
    given = _mapping(f"haproxy_frontends[{position}]", value, REQUIRED, OPTIONAL)
    name = _text(
        f"name of haproxy_frontends[{position}]", given["name"], NAME, "a name of letters, digits, '-' and '_', such as keystone"
    )
    of = f"frontend {name}"
    if name == METRICS:
        raise HaproxyError(f"{of}: the role's own frontend has this name; choose another one")
    addresses = [_address(f"addresses of {of}", one) for one in _list(f"addresses of {of}", given["addresses"])]
    servers = [_server(f"a server of {of}", one) for one in _list(f"servers of {of}", given["servers"])]
    if not addresses or not servers:
        raise HaproxyError(f"{of} has no {'servers' if addresses else 'addresses'}; give at least one")
    _unique(f"addresses of {of}", addresses)
    _unique(f"servers of {of}", (server.name for server in servers))
    tls = _flag(f"tls of {of}", given.get("tls", True))
    redirect = given.get("redirect_port")
    if redirect is not None and not tls:
        raise HaproxyError(f"{of} has the redirect_port {redirect} without tls; set tls to true, or remove redirect_port")
    path = "a path that begins with '/'"
    return Frontend(
        name=name,
        addresses=tuple(addresses),
        port=_number(f"port of {of}", given["port"]),
        servers=tuple(servers),
        check=_optional(f"check of {of}", given.get("check"), URI, path),
        tls=tls,
        redirect_port=None if redirect is None else _number(f"redirect_port of {of}", redirect),
        response_headers=_headers(f"response_headers of {of}", given.get("response_headers") or {}),
        allow=tuple(_text(f"allow of {of}", one, PREFIX, path) for one in _list(f"allow of {of}", given.get("allow") or [])),
        root_redirect=_root_redirect(of, given.get("root_redirect")),
        long_lived=_flag(f"long_lived of {of}", given.get("long_lived", False)),
        unit=_unit(str(given.get("unit") or "")),
    )


def _root_redirect(of: str, value: t.Any) -> str:
    path = _optional(f"root_redirect of {of}", value, URI, "a path that begins with '/'")
    # "//name" is the address of another machine.
    if path == "/" or path.startswith(("//", "/?")):
        raise HaproxyError(f"root_redirect of {of} is {path!r}; allowed is another path than '/' on the same machine")
    return path


def _unit(name: str) -> str:
    return name if not name or "." in name else f"{name}.service"


def parse(frontends: t.Any) -> list[Frontend]:
    """Return the frontends with their defaults. Raise HaproxyError for anything that HAProxy or its user would not expect."""
    parsed = [_frontend(position, one) for position, one in enumerate(_list("haproxy_frontends", frontends))]
    _unique("haproxy_frontends", (one.name for one in parsed))
    return parsed


def _covers(one: Address, other: Address) -> bool:
    # A socket on "::" gets the connections of both families.
    return one == other or (one.is_unspecified and (one.version == 6 or other.version == 4))


def _overlap(one: Address, other: Address) -> bool:
    """Return whether two sockets with the same port conflict."""
    return _covers(one, other) or _covers(other, one)


def _check_ports(frontends: Sequence[Frontend], metrics: tuple[Address, int]) -> None:
    """Two sockets of HAProxy itself would share a port without an error, and each would get a part of the connections."""
    taken: list[tuple[Address, int, str]] = [(*metrics, METRICS)]
    for frontend in frontends:
        for address in frontend.addresses:
            for port in frontend.ports:
                for other, number, name in taken:
                    if number == port and _overlap(address, other):
                        raise HaproxyError(
                            f"frontend {frontend.name} listens on {_joined(address, port)}, and {name} on "
                            f"{_joined(other, number)}; give one of them another port or address"
                        )
                taken.append((address, port, frontend.name))
    for frontend in frontends:
        for server in frontend.servers:
            for address, port, name in taken:
                # Behind an address that stands for all, a server on another machine is possible.
                own = server.address == address or (server.address.is_loopback and _covers(address, server.address))
                if server.port == port and own:
                    raise HaproxyError(
                        f"server {server.name} of frontend {frontend.name} has {_joined(server.address, server.port)}, where "
                        f"{name} listens itself; give one of them another port or address"
                    )


def _check_certificate(frontends: Sequence[Frontend], certificate: t.Any) -> None:
    encrypted = [frontend.name for frontend in frontends if frontend.tls]
    if not certificate and encrypted:
        raise HaproxyError(
            f"haproxy_certificate is empty, but these frontends have tls: {', '.join(encrypted)}. Give certificate and "
            "private_key, or set tls to false for all of them"
        )
    if certificate:
        _check_pem("haproxy_certificate", _mapping("haproxy_certificate", certificate, CERTIFICATE, ("ca", "not_after")))


def _check_public_certificate(certificate: t.Any) -> bool:
    """Return whether there is a second certificate."""
    if not certificate:
        return False
    _check_pem("haproxy_public_certificate", _mapping("haproxy_public_certificate", certificate, CERTIFICATE, ()))
    return True


def _check_pem(where: str, given: Mapping[str, t.Any]) -> None:
    if "-----BEGIN CERTIFICATE-----" not in str(given["certificate"]):
        raise HaproxyError(f"{where}.certificate is not a certificate; allowed is PEM, with intermediates after it")
    # Nobody is there at boot to enter a passphrase.
    block = KEY_BLOCK.search(str(given["private_key"]))
    if block is None or (block[1] or "").strip() == "ENCRYPTED" or "Proc-Type: 4,ENCRYPTED" in str(given["private_key"]):
        raise HaproxyError(f"{where}.private_key is not a private key; allowed is PEM without a passphrase")


def _check_ca_file(frontends: Sequence[Frontend], ca_file: t.Any) -> str:
    path = _optional("haproxy_ca_file", ca_file, FILE, "an absolute path")
    servers = [f"{server.name} of {frontend.name}" for frontend in frontends for server in frontend.servers if server.tls]
    if servers and not path:
        raise HaproxyError(
            f"haproxy_ca_file is empty, but these servers have tls: {', '.join(servers)}. Give the path of their CA"
        )
    return path


# --- rendering --------------------------------------------------------------------------------------------------------


def _joined(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _quoted(text: str) -> str:
    """Quote a word so that HAProxy reads it back unchanged: within single quotes nothing else is special."""
    return "'" + text.replace("'", "'\\''") + "'"


def _literal(text: str) -> str:
    """Quote a word in which HAProxy would replace variables such as %ci."""
    return _quoted(text.replace("%", "%%"))


def _section(kind: str, name: str, lines: Iterable[str]) -> str:
    return "\n".join(["", f"{kind} {name}", *(f"    {line}" for line in lines)]) + "\n"


def _binds(frontend: Frontend, public: bool) -> Iterator[str]:
    # A console needs a connection of its own, and some browsers fail with WebSockets in HTTP/2.
    protocols = "http/1.1" if frontend.long_lived else "h2,http/1.1"
    # HAProxy chooses by the name that the client asks for (SNI). The first one is for clients that name none, or another one.
    files = f"crt {CERTIFICATE_FILE}" + (f" crt {PUBLIC_CERTIFICATE_FILE}" if public else "")
    tls = f" ssl {files} alpn {protocols}" if frontend.tls else ""
    for address in frontend.addresses:
        yield f"bind {_joined(address, frontend.port)}{tls}"


def _requests(frontend: Frontend) -> Iterator[str]:
    # Services trust these headers. WSGI makes no difference between "-" and "_".
    yield f"http-request del-header {_quoted('^(x[-_])?forwarded([-_]|$)')} -m reg"
    yield f"http-request set-header X-Forwarded-Proto {'https' if frontend.tls else 'http'}"
    if frontend.root_redirect:
        yield f"http-request redirect location {_literal(frontend.root_redirect)} code 302 if {{ path / }}"
    if frontend.allow:
        # Whole components: /v3 is not /v30. A server may resolve "..", also if it is encoded.
        exact = sorted({prefix for prefix in frontend.allow if not prefix.endswith("/")})
        below = sorted({f"{prefix.rstrip('/')}/" for prefix in frontend.allow})
        conditions = [f"{{ path {' '.join(exact)} }}"] * bool(exact) + [f"{{ path -m beg {' '.join(below)} }}"]
        yield f"http-request return status 404 if {{ path,url_dec -m reg {_quoted('(^|/)[.][.]?(/|$)')} }}"
        yield f"http-request return status 404 unless {' or '.join(conditions)}"


def _frontend_section(frontend: Frontend, public: bool) -> str:
    lines = [*_binds(frontend, public)]
    if frontend.long_lived:
        lines.append("timeout client-fin 30s")
    lines += _requests(frontend)
    # Also in HAProxy's own answers.
    lines += [f"http-after-response set-header {name} {_literal(text)}" for name, text in frontend.response_headers.items()]
    lines.append(f"default_backend {frontend.name}")
    return _section("frontend", frontend.name, lines)


def _redirect_section(frontend: Frontend) -> str:
    port = "" if frontend.port == 443 else f":{frontend.port}"
    lines = [f"bind {_joined(address, frontend.redirect_port or 0)}" for address in frontend.addresses]
    lines += [
        "http-request deny deny_status 400 unless { req.hdr(host) -m found }",
        f"http-request redirect location https://%[req.hdr(host),host_only]{port}%[pathq] code 301",
    ]
    # No other frontend can have this name.
    return _section("frontend", f"{frontend.name}.plain", lines)


def _backend_section(frontend: Frontend, ca_file: str) -> str:
    lines: list[str] = []
    if frontend.long_lived:
        lines += ["timeout tunnel 24h", "timeout server-fin 30s"]
    if frontend.check:
        # APIs answer 300 with the list of their versions.
        lines += [
            "option httpchk",
            f"http-check send meth GET uri {_quoted(frontend.check)}",
            "http-check expect status 200-399",
        ]
    if len(frontend.servers) == 1:
        lines += [
            f"# Clients wait up to {LONE_RETRIES} s while the only server restarts.",
            f"retries {LONE_RETRIES}",
            f"default-server fall {LONE_FALL}",
        ]
    for server in frontend.servers:
        tls = f" ssl verify required ca-file {ca_file} verifyhost {server.verify_host}" if server.tls else ""
        lines.append(f"server {server.name} {_joined(server.address, server.port)} check{tls}")
    return _section("backend", frontend.name, lines)


def _metrics_section(address: Address, port: int) -> str:
    lines = [
        f"bind {_joined(address, port)}",
        # Errors only.
        "option dontlog-normal",
        "http-request use-service prometheus-exporter if { path /metrics }",
        "http-request return status 404",
    ]
    return _section("frontend", METRICS, lines)


def haproxy_config(
    frontends: t.Any,
    *,
    certificate: t.Any = None,
    public_certificate: t.Any = None,
    ca_file: t.Any = "",
    metrics_address: t.Any = "127.0.0.1",
    metrics_port: t.Any = 8404,
    max_connections: t.Any = 4096,
) -> str:
    """Return the text of haproxy.cfg. The certificates are only checked: each is in a file of its own."""
    parsed = parse(frontends)
    metrics = _address("haproxy_metrics_address", metrics_address), _number("haproxy_metrics_port", metrics_port)
    _check_ports(parsed, metrics)
    _check_certificate(parsed, certificate)
    public = _check_public_certificate(public_certificate)
    path = _check_ca_file(parsed, ca_file)
    most = _number("haproxy_max_connections", max_connections, 1000000)
    sections = [GLOBAL.format(max_connections=most, ciphers=CIPHERS, suites=SUITES), _metrics_section(*metrics)]
    for frontend in parsed:
        sections.append(_frontend_section(frontend, public))
        if frontend.redirect_port is not None:
            sections.append(_redirect_section(frontend))
        sections.append(_backend_section(frontend, path))
    return "".join(sections)


# --- units that hold the ports ----------------------------------------------------------------------------------------


def _listens(text: str) -> Address | None:
    if text == "*":
        return ipaddress.IPv6Address("::")
    try:
        return ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def units_in_the_way(frontends: t.Any, listening: Iterable[Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return the units to stop before HAProxy can listen, as units of the module service.

    These are units of the frontends themselves, which listened on all addresses before there was an HAProxy. They stay enabled:
    their roles start them again.
    """
    found: set[str] = set()
    parsed = parse(frontends)
    for socket in listening:
        address = _listens(str(socket["address"]))
        if address is None or address.is_loopback:
            continue
        for frontend in parsed:
            held = int(socket["port"]) in frontend.ports and any(_overlap(address, own) for own in frontend.addresses)
            if held and frontend.unit and socket.get("unit") == frontend.unit:
                found.add(frontend.unit)
    return [{"name": name, "state": "stopped", "enabled": True} for name in sorted(found)]
