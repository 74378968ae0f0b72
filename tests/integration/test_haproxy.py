# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy with the role's configuration on loopback, in front of servers of the test's own. It runs wherever the program is."""

from __future__ import annotations

import contextlib
import datetime
import functools
import http.client
import http.server
import importlib
import ipaddress
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

# Debian installs the program into a directory that an ordinary user's PATH lacks. MIKUMO_HAPROXY is that of another version.
PROGRAM = os.environ.get("MIKUMO_HAPROXY") or shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = pytest.mark.skipif(not PROGRAM, reason="there is no haproxy; scripts/proxy-packages installs it")
NAME = "server.example.org"
PUBLIC_NAME = "cloud.example.org"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
}


@pytest.fixture(scope="module")
def haproxy_config(path: str) -> Callable[..., str]:
    """The filter. Ansible's plugins find each other by the collection's name."""
    sys.path.insert(0, path)
    try:
        name = "ansible_collections.mikumo.openstack.plugins.filter.haproxy_config"
        render: Callable[..., str] = importlib.import_module(name).haproxy_config
    finally:
        sys.path.remove(path)
    return render


def made_for(key: Any, common_name: str, names: list[x509.GeneralName]) -> dict[str, str]:
    """A certificate that is its own CA."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"certificate": made.public_bytes(serialization.Encoding.PEM).decode(), "private_key": private.decode()}


@pytest.fixture(scope="module")
def certificate() -> dict[str, str]:
    """For clients and servers alike."""
    names = [x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return made_for(ec.generate_private_key(ec.SECP256R1()), NAME, names)


@pytest.fixture(scope="module")
def public_certificate() -> dict[str, str]:
    """For users. Its wildcard has the name of the other certificate in it, and its key is of another kind."""
    names = [x509.DNSName(PUBLIC_NAME), x509.DNSName("*.example.org")]
    return made_for(rsa.generate_private_key(65537, 2048), PUBLIC_NAME, names)


class Server(http.server.BaseHTTPRequestHandler):
    """Closes the connection after each response, as uWSGI does. What it was asked for is in its answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers["Upgrade"] == "websocket":
            self.send_response(101)
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "websocket")
            # The answer to the key of UPGRADE.
            self.send_header("Sec-WebSocket-Accept", "HSmrc0sMlYUkAGmm5OPpG2HaGWk=")
            self.end_headers()
            self.wfile.write(self.rfile.readline())
            self.close_connection = True
            return
        body = f"{self.path}\n{self.headers}".encode()
        self.send_response(300 if self.path == "/versions" else 200)
        # Some servers mark the end of a response only by closing the connection.
        if self.path != "/endless":
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass


class Listener(http.server.ThreadingHTTPServer):
    # Clients that give up are no concern of the test.
    def handle_error(self, *_arguments: Any) -> None:
        pass


@contextlib.contextmanager
def serving(port: int, context: ssl.SSLContext | None = None) -> Iterator[None]:
    server = Listener(("127.0.0.1", port), Server)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in sockets]


class Proxy:
    """HAProxy in a directory of its own, with a frontend of each kind."""

    def __init__(self, directory: Path, render: Callable[..., str], certificate: dict[str, str], public: dict[str, str]) -> None:
        names = ("api", "plain", "open", "dead", "lone", "console", "metrics", "s_api", "s_tls", "s_dead", "s_lone", "stranger")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.file = directory / "haproxy.cfg"
        self.pem = directory / "site.pem"
        self.pem.write_text(f"{certificate['certificate']}{certificate['private_key']}")
        self.public_pem = directory / "public.pem"
        self.public_pem.write_text(f"{public['certificate']}{public['private_key']}")
        self.log = directory / "log"
        text = render(
            self.frontends(),
            certificate=certificate,
            public_certificate=public,
            ca_file=str(self.pem),
            metrics_port=self.ports["metrics"],
            max_connections=200,
        )
        for old, new in {
            "/etc/haproxy/tls/site.pem": str(self.pem),
            "/etc/haproxy/tls/public.pem": str(self.public_pem),
            "/run/haproxy/admin.sock": str(directory / "admin.sock"),
            "/var/lib/haproxy": str(directory),
        }.items():
            assert old in text
            text = text.replace(old, new)
        if os.geteuid() != 0:
            text = re.sub(r"^    (user|group|chroot) .*\n", "", text, flags=re.MULTILINE)
        # Debian 12's HAProxy does not know it yet.
        if " 2." in subprocess.run([str(PROGRAM), "-v"], capture_output=True, text=True, check=True).stdout.splitlines()[0]:
            text = re.sub(r"^    thread-hard-limit .*\n", "", text, flags=re.MULTILINE)
        self.file.write_text(text)
        self.process: subprocess.Popen[bytes] | None = None

    def frontends(self) -> list[dict[str, Any]]:
        def one(name: str, server: dict[str, Any], **options: Any) -> dict[str, Any]:
            return {"name": name, "addresses": ["127.0.0.1"], "port": self.ports[name], "servers": [server], **options}

        def at(name: str, **options: Any) -> dict[str, Any]:
            return {"name": "one", "address": "127.0.0.1", "port": self.ports[name], **options}

        policy = {"Content-Security-Policy": "default-src 'self'; x 100%", "Strict-Transport-Security": "max-age=1"}
        return [
            one(
                "api",
                at("s_api"),
                check="/versions",
                redirect_port=self.ports["plain"],
                root_redirect="/horizon/",
                allow=["/v3", "/endless", "/horizon/"],
                response_headers=policy,
            ),
            one("open", at("s_tls", tls=True, verify_host=NAME), tls=False, check="/v3"),
            one("dead", at("s_dead"), tls=False, check="/v3"),
            one("lone", at("s_lone"), tls=False),
            one("console", at("s_api"), long_lived=True),
            # The certificate is for another name.
            {**one("api", at("s_tls", tls=True, verify_host="other.example.org"), tls=False), "name": "stranger"}
            | {"port": self.ports["stranger"]},
        ]

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(PROGRAM), "-f", str(self.file)], stdout=log, stderr=log)
        self.wait(lambda: self.get("metrics", "/metrics")[0] == 200)

    def wait(self, reached: Callable[[], bool], seconds: float = 15) -> None:
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if reached():
                    return
            assert self.process
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def connect(self, name: str) -> http.client.HTTPConnection:
        if name not in ("api", "console"):
            return http.client.HTTPConnection("127.0.0.1", self.ports[name], timeout=30)
        context = ssl.create_default_context(cafile=str(self.pem))
        return http.client.HTTPSConnection("127.0.0.1", self.ports[name], timeout=30, context=context)

    def get(self, name: str, path: str, **headers: str) -> tuple[int, str, http.client.HTTPMessage]:
        """Status, body and headers of one request on a connection of its own."""
        with contextlib.closing(self.connect(name)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers


@pytest.fixture(scope="module")
def proxy(
    tmp_path_factory: pytest.TempPathFactory,
    haproxy_config: Callable[..., str],
    certificate: dict[str, str],
    public_certificate: dict[str, str],
) -> Iterator[Proxy]:
    made = Proxy(tmp_path_factory.mktemp("haproxy"), haproxy_config, certificate, public_certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.pem)
    with serving(made.ports["s_api"]), serving(made.ports["s_tls"], context):
        try:
            made.start()
            yield made
        finally:
            if made.process:
                made.process.terminate()
                made.process.wait(timeout=30)


def test_configuration_is_valid_without_a_warning(proxy: Proxy) -> None:
    done = subprocess.run([str(PROGRAM), "-c", "-f", str(proxy.file)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"\[(?:WARNING|ALERT)\].*", done.stdout + done.stderr) == []


def test_clients_keep_their_connection_when_the_server_closes_its_own(proxy: Proxy) -> None:
    with contextlib.closing(proxy.connect("api")) as connection:
        connection.connect()
        first = connection.sock
        for _time in range(3):
            connection.request("GET", "/v3")
            answer = connection.getresponse()
            assert (answer.status, answer.read().decode().splitlines()[0]) == (200, "/v3")
            assert connection.sock is first


def test_a_response_that_ends_with_the_connection(proxy: Proxy) -> None:
    status, body, headers = proxy.get("api", "/endless")
    assert (status, body.splitlines()[0], headers["Content-Length"]) == (200, "/endless", None)


def test_services_learn_who_asks_and_how_from_haproxy_alone(proxy: Proxy) -> None:
    forged = {
        "X-Forwarded-Proto": "forged",
        "X-Forwarded-For": "forged",
        "X-Forwarded-Host": "forged",
        "X_Forwarded_Proto": "forged",
        "Forwarded": "forged",
        "X-Auth-Token": "kept",
    }
    for name, scheme in (("api", "https"), ("open", "http")):
        status, body, _headers = proxy.get(name, "/v3", **forged)
        assert status == 200
        assert "forged" not in body
        assert [word for word in (f"x-forwarded-proto: {scheme}", "x-forwarded-for: 127.0.0.1", "kept") if word not in body] == []


def test_a_plain_request_to_the_port_with_tls_is_refused(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.ports["api"]), timeout=10) as plain:
        plain.sendall(b"GET /v3 HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert not plain.recv(1000).startswith(b"HTTP/1.1 2")


def test_an_old_version_of_tls_is_refused(proxy: Proxy) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(proxy.pem)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", proxy.ports["api"]), timeout=10) as plain,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        context.wrap_socket(plain, server_hostname=NAME)


@pytest.mark.parametrize("port", ["api", "console"])
@pytest.mark.parametrize(
    ("name", "public"),
    [
        (PUBLIC_NAME, True),
        (PUBLIC_NAME.upper(), True),
        ("other.example.org", True),
        # Services: an address, for which clients name nothing, and the name of the site's own certificate.
        (None, False),
        (NAME, False),
        ("elsewhere.test", False),
    ],
)
def test_users_and_services_get_their_own_certificate(proxy: Proxy, name: str | None, public: bool, port: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # The subject of a verified certificate is known.
    context.load_verify_locations(proxy.public_pem)
    context.load_verify_locations(proxy.pem)
    with (
        socket.create_connection(("127.0.0.1", proxy.ports[port]), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as encrypted,
    ):
        found = encrypted.getpeercert(binary_form=True)
    own, users = (x509.load_pem_x509_certificate(path.read_bytes()) for path in (proxy.pem, proxy.public_pem))
    assert found == (users if public else own).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("host", "wanted", "location"),
    [
        ("cloud.example.org", "/v3?a=b", "https://cloud.example.org:{port}/v3?a=b"),
        ("cloud.example.org:80", "/", "https://cloud.example.org:{port}/"),
        ("[2001:db8::1]:80", "/v3", "https://[2001:db8::1]:{port}/v3"),
    ],
)
def test_plain_requests_are_redirected(proxy: Proxy, host: str, wanted: str, location: str) -> None:
    status, _body, headers = proxy.get("plain", wanted, Host=host)
    assert (status, headers["Location"]) == (301, location.format(port=proxy.ports["api"]))
    # A browser must ignore it there, and others must not believe it.
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("/v3", 200),
        ("/v3/users?name=..", 200),
        ("/horizon/", 200),
        ("/", 302),
        ("/v30", 404),
        ("/horizon", 404),
        ("/v3/../admin", 404),
        ("/v3/%2e%2E/admin", 404),
        ("/v3/..%2fadmin", 404),
        ("/admin", 404),
    ],
)
def test_paths(proxy: Proxy, wanted: str, status: int) -> None:
    found, _body, headers = proxy.get("api", wanted)
    assert (found, headers["Location"]) == (status, "/horizon/" if status == 302 else None)
    # Whoever answers.
    assert headers["Content-Security-Policy"] == "default-src 'self'; x 100%"


def test_a_websocket(proxy: Proxy) -> None:
    for name in ("console", "open"):
        with contextlib.closing(proxy.connect(name)) as connection:
            connection.connect()
            assert connection.sock
            lines = "".join(f"{key}: {value}\r\n" for key, value in UPGRADE.items())
            connection.sock.sendall(f"GET /v3 HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
            with connection.sock.makefile("rwb") as stream:
                assert b" 101 " in stream.readline()
                while stream.readline().strip():
                    pass
                stream.write(b"frame\n")
                stream.flush()
                assert stream.readline() == b"frame\n"


def test_a_server_with_a_certificate_for_another_name_gets_nothing(proxy: Proxy) -> None:
    proxy.wait(lambda: proxy.get("stranger", "/v3")[0] == 503, 30)


def test_a_server_that_is_down_and_comes_back(proxy: Proxy) -> None:
    proxy.wait(lambda: proxy.get("dead", "/v3")[0] == 503, 30)
    begin = time.monotonic()
    assert proxy.get("dead", "/v3")[0] == 503
    assert time.monotonic() - begin < 1
    with serving(proxy.ports["s_dead"]):
        proxy.wait(lambda: proxy.get("dead", "/v3")[0] == 200, 5)


def test_clients_wait_while_the_only_server_restarts(proxy: Proxy) -> None:
    with serving(proxy.ports["s_lone"]):
        proxy.wait(lambda: proxy.get("lone", "/v3")[0] == 200)
    found: list[int] = []
    client = threading.Thread(target=lambda: found.append(proxy.get("lone", "/v3")[0]))
    client.start()
    # Longer than the three failed checks after which a server among several would be down.
    time.sleep(5)
    assert found == []
    with serving(proxy.ports["s_lone"]):
        client.join()
    assert found == [200]


def test_metrics_and_nothing_else(proxy: Proxy) -> None:
    status, body, _headers = proxy.get("metrics", "/metrics")
    assert status == 200
    assert 'haproxy_server_status{proxy="api",server="one",state="UP"} 1' in body
    assert proxy.get("metrics", "/")[0] == 404
