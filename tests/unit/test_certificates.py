# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates follow from the site's CA and the time alone, and strict clients accept them."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ansible_collections.mikumo.openstack.plugins.filter import ca_certificate as ca_filter
from ansible_collections.mikumo.openstack.plugins.filter import certificate as certificate_filter
from ansible_collections.mikumo.openstack.plugins.filter import served_problems as served_filter
from ansible_collections.mikumo.openstack.plugins.module_utils._certificate_authority import new_certificate_authority
from ansible_collections.mikumo.openstack.plugins.plugin_utils import _certificates
from ansible_collections.mikumo.openstack.plugins.plugin_utils._certificates import (
    CertificatesError,
    authority_problem,
    ca_certificate,
    certificate,
    certificate_problems,
    served_problems,
    served_warnings,
)

ROOT = Path(__file__).resolve().parents[2]
UTC = datetime.UTC
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(UTC)
NAMES = ["api.example.org", "127.0.0.1"]
PERIOD = _certificates.VALID_DAYS - _certificates.RENEW_DAYS


@functools.cache
def site() -> str:
    # So old that windows of the tests are within its ten years.
    return new_certificate_authority(NOW - 400 * DAY)


@functools.cache
def key(kind: str = "rsa") -> Any:
    return {
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "small": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ed448": ed448.Ed448PrivateKey.generate,
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "k1": lambda: ec.generate_private_key(ec.SECP256K1()),
        "dsa": lambda: dsa.generate_private_key(2048),
        "other": lambda: rsa.generate_private_key(65537, 2048),
    }[kind]()


def private(key: Any, encryption: Any = NoEncryption()) -> str:  # noqa: B008
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return text.decode()


def issued(
    subject: Any,
    issuer: Any = None,
    above: str = "",
    *,
    name: str = "Own CA",
    begin: datetime.datetime = NOW - 10 * DAY,
    end: datetime.datetime = NOW + 1000 * DAY,
    ca: bool = True,
    pathlen: int | None = None,
    critical: bool = True,
    sign: bool = True,
    usage: bool = True,
    identifier: bool = True,
    authority: bool = True,
) -> str:
    """A certificate as PEM. The issuer is named by its certificate's PEM."""
    signer = issuer or subject
    above_name = x509.load_pem_x509_certificate(above.encode()).subject if above else None
    own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(own_name)
        .issuer_name(above_name or own_name)
        .public_key(subject.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=pathlen), critical=critical)
    )
    if usage:
        what = x509.KeyUsage(not sign, False, False, False, False, sign, sign, False, False)
        builder = builder.add_extension(what, critical=True)
    if identifier:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(subject.public_key()), critical=False)
    if authority:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    algorithm = None if isinstance(signer, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)) else hashes.SHA256()
    return builder.sign(signer, algorithm).public_bytes(Encoding.PEM).decode()


def own(kind: str, **options: Any) -> str:
    return private(key(kind)) + issued(key(kind), **options)


def with_intermediate(**options: Any) -> str:
    """Key and certificate of an intermediate CA, and that of its root."""
    root = issued(key("other"), name="Root")
    return private(key("rsa")) + issued(key("rsa"), key("other"), root, name="Intermediate", **options) + root


def leaf(pem: str, **options: Any) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate(pem, "api", NAMES, **options)["certificate"].encode())


# --- what a certificate is -------------------------------------------------------------------------------------------------


def test_content() -> None:
    found = leaf(site())
    assert found.subject.rfc4514_string() == "CN=api"
    assert found.issuer.rfc4514_string() == "CN=Mikumo site CA"
    extensions = {one.oid._name: (one.critical, one.value) for one in found.extensions}
    assert set(extensions) == {
        "basicConstraints",
        "keyUsage",
        "extendedKeyUsage",
        "subjectAltName",
        "subjectKeyIdentifier",
        "authorityKeyIdentifier",
    }
    assert extensions["basicConstraints"] == (True, x509.BasicConstraints(ca=False, path_length=None))
    critical, usage = extensions["keyUsage"]
    assert critical
    assert (usage.digital_signature, usage.key_cert_sign, usage.key_encipherment) == (True, False, False)
    names = extensions["subjectAltName"][1]
    assert list(names) == [x509.DNSName("api.example.org"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    assert [one._name for one in extensions["extendedKeyUsage"][1]] == ["serverAuth", "clientAuth"]


def test_names_keep_their_order_and_are_there_once() -> None:
    given = ["b.example.org", "2001:db8:0::1", "a.example.org", "b.example.org", "10.0.0.1", "2001:db8::1", "*.example.org"]
    found = x509.load_pem_x509_certificate(certificate(site(), "x", given)["certificate"].encode())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one.value) for one in names] == [
        "b.example.org",
        "2001:db8::1",
        "a.example.org",
        "10.0.0.1",
        "*.example.org",
    ]


def test_generated_ca() -> None:
    found = x509.load_pem_x509_certificate(ca_certificate(site()).encode())
    constraints = found.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    usage = found.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.key_cert_sign, usage.value.crl_sign, usage.value.digital_signature) == (True, True, False)
    assert found.public_key().key_size == 3072  # type: ignore[union-attr]
    assert found.not_valid_after_utc - found.not_valid_before_utc == 3651 * DAY
    assert "PRIVATE" not in ca_certificate(site())
    assert site() == site().strip() + "\n"


# --- the same again --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pem", [site(), own("rsa"), own("ed25519"), own("p384")], ids=["site", "rsa", "ed25519", "p384"])
def test_another_process_computes_the_same_bytes(pem: str) -> None:
    when = NOW.isoformat()
    here = certificate(pem, "api", NAMES, now=when)
    for cached in (_certificates._made, _certificates._read):
        cached.cache_clear()
    assert certificate(pem, "api", list(NAMES), now=when) == here
    program = (
        "import sys; sys.path[:] = eval(sys.argv[1]); "
        "from ansible_collections.mikumo.openstack.plugins.plugin_utils._certificates import certificate; "
        f"print(certificate(sys.stdin.read(), 'api', {NAMES!r}, now='{when}'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, repr(sys.path)], input=pem, capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == str(here)


def test_what_changes_a_key_and_what_does_not() -> None:
    now = NOW.isoformat()
    first = certificate(site(), "api", NAMES, now=now)
    renamed = certificate(site(), "api", ["other.example.org"], now=now)
    assert renamed["private_key"] == first["private_key"]
    assert renamed["certificate"] != first["certificate"]
    assert certificate(site(), "broker", NAMES, now=now)["private_key"] != first["private_key"]
    assert certificate(own("rsa"), "api", NAMES, now=now)["private_key"] != first["private_key"]
    later = certificate(site(), "api", NAMES, now=(NOW + PERIOD * DAY).isoformat())
    assert later["private_key"] == first["private_key"]
    serials = {x509.load_pem_x509_certificate(one["certificate"].encode()).serial_number for one in (first, renamed, later)}
    assert len(serials) == 3


def test_a_derived_number_that_is_no_key_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [b"\0" * 32, b"\xff" * 32, b"\0" * 31 + b"\5"]
    infos = []

    class Derivation:
        def __init__(self, info: bytes, **_options: Any) -> None:
            infos.append(info)

        def derive(self, _secret: bytes) -> bytes:
            return numbers[len(infos) - 1]

    monkeypatch.setattr(_certificates, "HKDF", Derivation)
    found = _certificates._derived_key(key("rsa"), "api")
    assert found.private_numbers().private_value == 5
    assert infos == [b"mikumo certificate 1:api", b"mikumo certificate 1:api\x001", b"mikumo certificate 1:api\x002"]


# --- windows ---------------------------------------------------------------------------------------------------------------


def start_of_window() -> datetime.datetime:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (NOW - epoch).days // PERIOD * PERIOD * DAY


@pytest.mark.parametrize(
    ("after", "window"),
    [
        (datetime.timedelta(0), 0),
        (datetime.timedelta(seconds=1), 0),
        (PERIOD * DAY - datetime.timedelta(seconds=1), 0),
        (PERIOD * DAY, 1),
        (datetime.timedelta(seconds=-1), -1),
    ],
    ids=str,
)
def test_boundaries_of_a_window(after: datetime.timedelta, window: int) -> None:
    moment = start_of_window() + after
    found = leaf(site(), now=moment.isoformat())
    begin = start_of_window() + window * PERIOD * DAY
    assert found.not_valid_before_utc == max(begin - DAY, NOW.replace(microsecond=0) - 401 * DAY)
    assert found.not_valid_after_utc == begin + 397 * DAY
    assert found.not_valid_after_utc - moment >= 90 * DAY


@pytest.mark.parametrize(("valid", "renew"), [(2, 1), (30, 29), (30, 1), (397, 90), (825, 30)])
def test_at_any_time_enough_is_left(valid: int, renew: int) -> None:
    seen = []
    for hours in range(0, 24 * 80, 7):
        moment = NOW + datetime.timedelta(hours=hours)
        found = certificate(site(), "api", NAMES, valid_days=valid, renew_days=renew, now=moment.isoformat())
        end = datetime.datetime.fromisoformat(found["not_after"])
        assert renew * DAY <= end - moment <= valid * DAY
        begin = x509.load_pem_x509_certificate(found["certificate"].encode()).not_valid_before_utc
        assert begin <= moment
        seen.append(found["certificate"])
    # As few as there are windows.
    assert len(set(seen)) <= 80 // (valid - renew) + 2
    # None comes back.
    assert list(dict.fromkeys(seen)) == [one for place, one in enumerate(seen) if place == 0 or seen[place - 1] != one]


def test_never_outside_of_the_ca() -> None:
    begin, end = (NOW - DAY).replace(microsecond=0), (NOW + 50 * DAY).replace(microsecond=0)
    found = leaf(own("ed25519", begin=begin, end=end))
    assert (found.not_valid_before_utc, found.not_valid_after_utc) == (begin, end)
    short = leaf(with_intermediate(begin=begin, end=end))
    assert (short.not_valid_before_utc, short.not_valid_after_utc) == (begin, end)


@pytest.mark.parametrize("now", ["2026-01-31", "2026-01-31T00:00:00", "2026-01-31T00:00:00Z", "2026-01-31T01:00:00+01:00"])
def test_forms_of_a_time(now: str) -> None:
    pem = new_certificate_authority_of_2025()
    assert certificate(pem, "x", ["x"], now=now) == certificate(pem, "x", ["x"], now=datetime.datetime(2026, 1, 31, tzinfo=UTC))


@functools.cache
def new_certificate_authority_of_2025() -> str:
    return new_certificate_authority(datetime.datetime(2025, 1, 1, tzinfo=UTC))


# --- handshakes ------------------------------------------------------------------------------------------------------------


def handshake(pem: str, name: str, directory: Path) -> str:
    """What a strict client says of a server on the loopback interface. Both have certificates, and ask for the other's."""
    made = certificate(pem, "api", NAMES)
    file = directory / "server.pem"
    file.write_text(made["certificate"] + made["private_key"])
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context(cadata=made["ca"])
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(cadata=made["ca"])
    for context in (server, client):
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_cert_chain(file)
    # As with OpenSSL's defaults: the end of the chain is a self-signed certificate.
    client.verify_flags &= ~getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                try:
                    with server.wrap_socket(connection, server_side=True) as wrapped:
                        wrapped.sendall(b"hello")
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname(), timeout=10) as connection,
                client.wrap_socket(connection, server_hostname=name) as wrapped,
            ):
                return wrapped.recv(5).decode()
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
        finally:
            thread.join(10)


HANDSHAKES: dict[str, Callable[[], str]] = {
    "generated": new_certificate_authority,
    "rsa": lambda: own("rsa"),
    "ed25519": lambda: own("ed25519"),
    "p384": lambda: own("p384"),
    "intermediate": with_intermediate,
    "two that clients trust": lambda: own("rsa") + issued(key("other"), name="Old CA"),
}


@pytest.mark.parametrize("case", HANDSHAKES)
@pytest.mark.parametrize("name", NAMES)
def test_strict_clients_accept(case: str, name: str, tmp_path: Path) -> None:
    assert handshake(HANDSHAKES[case](), name, tmp_path) == "hello"


@pytest.mark.parametrize("name", ["other.example.org", "127.0.0.2"])
def test_strict_clients_refuse_another_name(name: str, tmp_path: Path) -> None:
    assert "mismatch" in handshake(site(), name, tmp_path)


# --- chains ----------------------------------------------------------------------------------------------------------------


def subjects(pem: str) -> list[str]:
    return [one.subject.rfc4514_string() for one in x509.load_pem_x509_certificates(pem.encode())]


def test_chain_of_an_intermediate_ca() -> None:
    made = certificate(with_intermediate(), "api", NAMES)
    assert subjects(made["certificate"]) == ["CN=api", "CN=Intermediate"]
    assert subjects(made["ca"]) == ["CN=Root"]


def test_order_of_a_file_does_not_matter() -> None:
    blocks = re.findall(r"-----BEGIN .*?-----END [A-Z ]+-----\n", with_intermediate(), re.DOTALL)
    text = "Bag Attributes\n    friendlyName: Überblick\n".join(reversed(blocks))
    assert subjects(certificate(text, "api", NAMES)["certificate"]) == ["CN=api", "CN=Intermediate"]
    assert authority_problem(text) is None


def test_clients_trust_a_second_ca() -> None:
    assert subjects(ca_certificate(own("rsa") + issued(key("other"), name="Old CA"))) == ["CN=Own CA", "CN=Old CA"]


# --- what is refused -------------------------------------------------------------------------------------------------------


def without_last_line_of_key(pem: str) -> str:
    lines = pem.splitlines(keepends=True)
    end = next(place for place, line in enumerate(lines) if "END PRIVATE" in line)
    return "".join([*lines[: end - 1], *lines[end:]])


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "number": (lambda: 5, "type int, not a PEM text"),
    "dictionary": (lambda: {"key": private(key())}, "type dict, not a PEM text"),
    "password": (lambda: "longsecret", "not a PEM text"),
    "lines joined": (lambda: site().replace("-----END", "-- --END", 1), "PEM block without its end"),
    "cut off": (lambda: site()[:-40], "PEM block without its end"),
    "no key": (lambda: issued(key()), "no private key"),
    "two keys": (lambda: private(key()) + own("rsa"), "2 private keys"),
    "no certificate": (lambda: private(key()), "no certificate"),
    "public key": (lambda: site().replace("CERTIFICATE", "PUBLIC KEY"), "PEM block PUBLIC KEY"),
    "damaged key": (lambda: without_last_line_of_key(site()), "private key that cannot be read"),
    "damaged certificate": (
        lambda: private(key()) + re.sub(r"(?m)^MII.*\n", "", issued(key())),
        "certificate that cannot be read",
    ),
    "passphrase": (lambda: private(key(), BestAvailableEncryption(b"x")) + issued(key()), "with a passphrase"),
    "key of another certificate": (lambda: private(key()) + issued(key("other")), "do not belong together"),
    "small key": (lambda: own("small"), "1024 bits"),
    "Ed448": (lambda: own("ed448"), "unsupported type"),
    "DSA": (lambda: own("dsa"), "unsupported type"),
    "curve of Bitcoin": (lambda: own("k1"), "curve secp256k1"),
    "leaf": (lambda: own("rsa", ca=False), "not one of a CA"),
    "signs no certificates": (lambda: own("rsa", sign=False), "lacks keyCertSign"),
    "no usage": (lambda: own("rsa", usage=False), "lacks keyCertSign"),
    "not critical": (lambda: own("rsa", critical=False), "marked critical"),
    "no identifier": (lambda: own("rsa", identifier=False), "lacks a subjectKeyIdentifier"),
    "no identifier of the issuer": (lambda: with_intermediate(authority=False), "lacks an authorityKeyIdentifier"),
    "no root": (lambda: "".join(with_intermediate().rpartition("-----BEGIN CERT")[:1]), "issuer CN=Root: append the chain"),
    "pathlen": (
        lambda: (
            private(key())
            + issued(key(), key("other"), issued(key("other"), name="Root"), name="Intermediate")
            + issued(key("other"), name="Root", pathlen=0)
        ),
        "pathlen 0 does not allow 1",
    ),
    "strange certificate": (
        lambda: own("rsa") + issued(key("p384"), key("other"), issued(key("other"), name="Root"), name="Stray"),
        "CN=Stray, which is not part of the chain",
    ),
    "expired": (lambda: own("rsa", end=NOW - DAY), f"expired on {NOW - DAY:%Y-%m-%d}"),
    "expired root": (
        lambda: (
            private(key())
            + issued(key(), key("other"), issued(key("other"), name="Root"), name="Intermediate")
            + issued(key("other"), name="Root", end=NOW - DAY)
        ),
        "CN=Root, which expired",
    ),
    "not valid yet": (lambda: own("rsa", begin=NOW + DAY), "valid only from"),
}


def key_lines(pem: Any) -> list[str]:
    return [line for line in str(pem).replace("\\n", "\n").splitlines() if re.fullmatch(r"[A-Za-z0-9+/=]{16,}", line)]


@pytest.mark.parametrize("case", REFUSED)
def test_refused_without_a_part_of_the_key(case: str) -> None:
    make, words = REFUSED[case]
    pem = make()
    told = authority_problem(pem)
    assert told
    assert words in told
    assert told.startswith("tls_ca ")
    with pytest.raises(AnsibleFilterError) as error:
        certificate_filter.certificate(pem, "api", NAMES)
    assert words in str(error.value)
    for text in (told, str(error.value), str(error.value.__cause__)):
        assert "longsecret" not in text
        assert [line for line in key_lines(pem) if line in text] == []
    assert certificate_problems(pem) == [told]


def test_a_key_with_a_wrong_number_is_refused_once_in_a_run() -> None:
    """Only the check of the secrets looks so closely."""
    numbers = key("rsa").private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d + 2, numbers.dmp1, numbers.dmq1, numbers.iqmp, numbers.public_numbers
    )
    pem = private(wrong.private_key(unsafe_skip_rsa_key_validation=True)) + issued(key("rsa"))
    assert "private key that cannot be read" in (authority_problem(pem) or "")


def test_ec_needs_a_library_that_signs_the_same_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    _certificates._read.cache_clear()
    monkeypatch.setattr(_certificates, "_DETERMINISTIC_ECDSA", False)
    assert "use RSA or Ed25519, or install a newer cryptography" in (authority_problem(own("p384")) or "")
    assert authority_problem(own("rsa")) is None
    _certificates._read.cache_clear()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"common_name": ""}, "common_name is ''"),
        ({"common_name": 5}, "common_name is 5"),
        ({"common_name": "x" * 65}, "common_name has 65 characters"),
        ({"common_name": site()}, "common_name is a value of type str"),
        ({"names": "api.example.org"}, "names is 'api.example.org'"),
        ({"names": site()}, "names is a value of type str"),
        ({"names": []}, "names is empty: give a list"),
        ({"names": {"a": 1}}, "names is a value of type dict"),
        ({"names": ["a b"]}, "names has 'a b'"),
        ({"names": ["10.0.0.300"]}, "names has '10.0.0.300'"),
        ({"names": ["a..b"]}, "names has 'a..b'"),
        ({"names": ["näme.example.org"]}, "names has 'näme.example.org'"),
        ({"names": [5]}, "names has 5"),
        ({"names": [site()]}, "names has a value of type str"),
        ({"names": ["x" * 254]}, "neither a DNS name nor"),
        ({"valid_days": 1}, "valid_days is 1: give a number of days from 2 to 36500"),
        ({"valid_days": True}, "valid_days is True"),
        ({"valid_days": "397"}, "valid_days is '397'"),
        ({"valid_days": 40000}, "valid_days is 40000"),
        ({"renew_days": 0}, "renew_days is 0"),
        ({"renew_days": 397}, "renew_days is 397: give a number of days from 1 to 396"),
        ({"now": "yesterday"}, "now is 'yesterday'"),
        ({"now": 5}, "now is 5"),
        ({"now": "1999-01-01"}, "valid only from"),
        ({"now": "2999-01-01"}, "expired on"),
    ],
)
def test_requests_that_are_refused(arguments: dict[str, Any], words: str) -> None:
    given = {"common_name": "api", "names": NAMES, **arguments}
    with pytest.raises(AnsibleFilterError) as error:
        certificate_filter.FilterModule().filters()["certificate"](site(), **given)
    assert words in str(error.value)
    assert [line for line in key_lines(site()) if line in str(error.value)] == []


def test_filters() -> None:
    now = NOW.isoformat()
    call = certificate_filter.FilterModule().filters()["certificate"]
    assert call(site(), "api", NAMES, now=now) == certificate(site(), "api", NAMES, now=now)
    assert set(call(site(), "api", NAMES)) == {"certificate", "private_key", "ca", "not_after"}
    assert ca_filter.FilterModule().filters()["ca_certificate"](site()) == ca_certificate(site())
    with pytest.raises(AnsibleFilterError, match="not a PEM text"):
        ca_filter.ca_certificate("longsecret")
    with pytest.raises(CertificatesError):
        ca_certificate(None)


# --- a CA that ends soon ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "told"),
    [(89, ["which expires on"]), (91, []), (0, ["which expired on"])],
)
def test_a_ca_that_ends_soon(days: int, told: list[str]) -> None:
    end = (NOW + 1000 * DAY).replace(microsecond=0)
    found = certificate_problems(own("rsa", end=end), end - days * DAY)
    assert len(found) == len(told)
    for sentence, words in zip(found, told, strict=True):
        assert sentence.startswith("tls_ca ")
        assert words in sentence
        assert "remove tls_ca: the next run then generates a new CA" in sentence


# --- a certificate of another authority ------------------------------------------------------------------------------------

SERVED = "cloud.example.org"


def server(kind: str = "p384", *, names: list[str] | None = None, end: datetime.datetime = NOW + 100 * DAY, **times: Any) -> str:
    """A certificate that the intermediate authority "rsa" has issued."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Server")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.load_pem_x509_certificate(intermediate().encode()).subject)
        .public_key(key(kind).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(times.get("begin", NOW - DAY))
        .not_valid_after(end)
    )
    if names != []:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names or [SERVED]])
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(key("rsa"), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@functools.cache
def root() -> str:
    return issued(key("other"), name="Root")


@functools.cache
def intermediate() -> str:
    return issued(key("rsa"), key("other"), root(), name="Intermediate")


USABLE: dict[str, Callable[[], tuple[str, str, str]]] = {
    "as authorities give it": lambda: (server() + intermediate(), private(key("p384")), SERVED),
    "with the root": lambda: (server() + intermediate() + root(), private(key("p384")), SERVED),
    "without a chain": lambda: (server(), private(key("p384")), SERVED),
    "text around": lambda: (f"subject=CN = x\n{server()}\n", f"\n{private(key('p384'))}", SERVED),
    "RSA": lambda: (server("other"), private(key("other")), SERVED),
    "several names": lambda: (server(names=["example.org", SERVED]), private(key("p384")), SERVED),
    "wildcard": lambda: (server(names=["*.example.org"]), private(key("p384")), SERVED),
    "capitals": lambda: (server(names=["*.Example.org"]), private(key("p384")), "Cloud.example.ORG"),
    "traditional form of the key": lambda: (
        server(),
        "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n"
        + key("p384").private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(),
        SERVED,
    ),
}


@pytest.mark.parametrize("case", USABLE)
def test_certificates_that_users_can_verify(case: str) -> None:
    chain, private_key, name = USABLE[case]()
    assert served_problems(chain, private_key, name) == []
    assert served_warnings(chain) == []


def changed_key(kind: str = "p384") -> str:
    lines = private(key(kind)).splitlines()
    return "\n".join([lines[0], lines[2], lines[1], *lines[3:]])


UNUSABLE: dict[str, tuple[Callable[[], tuple[Any, Any, Any]], list[str]]] = {
    "no files": (lambda: ("", None, SERVED), ["cloud_tls.certificate is not a PEM file", "cloud_tls.private_key is not a PEM"]),
    "files changed over": (
        lambda: (private(key("p384")), server(), SERVED),
        ["certificate has a PEM block PRIVATE KEY: give", "private_key has the PEM blocks CERTIFICATE: give the private key"],
    ),
    "both in one file": (lambda: (server() + private(key("p384")), private(key("p384")), SERVED), ["and nothing else"]),
    "a part of the certificate": (lambda: (server()[:300], private(key("p384")), SERVED), ["is not a PEM file"]),
    "a part of the chain": (lambda: (server() + intermediate()[:300], private(key("p384")), SERVED), ["without its end"]),
    "not a certificate": (
        lambda: ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", private(key("p384")), SERVED),
        ["has a certificate that cannot be read"],
    ),
    "not a key": (lambda: (server(), changed_key(), SERVED), ["private_key cannot be read"]),
    "passphrase": (
        lambda: (server(), private(key("p384"), BestAvailableEncryption(b"pass")), SERVED),
        ["private_key has a passphrase", "`openssl pkey`", "ansible-vault"],
    ),
    "small key": (lambda: (server(), private(key("small")), SERVED), ["RSA key of 1024 bits", "at least 2048"]),
    "another key": (lambda: (server(), private(key("other")), SERVED), ["is not the key of the first certificate (CN=Server)"]),
    "chain first": (
        lambda: (intermediate() + server(), private(key("p384")), SERVED),
        ["first certificate (CN=Intermediate)", "no DNS name", "CN=Server after CN=Intermediate"],
    ),
    "root before intermediate": (
        lambda: (server() + root() + intermediate(), private(key("p384")), SERVED),
        ["CN=Root after CN=Server, which CN=Intermediate has issued", "CN=Intermediate after CN=Root", "put the certificate of"],
    ),
    "another name": (
        lambda: (server(names=["a.org", "b.org"]), private(key("p384")), SERVED),
        ["is for a.org, b.org, and not for cloud.example.org", "change cloud_public_name"],
    ),
    "wildcard of another level": (lambda: (server(names=["*.org"]), private(key("p384")), SERVED), ["is for *.org, and not for"]),
    "name above the wildcard": (lambda: (server(names=["*.a.org"]), private(key("p384")), "a.org"), ["and not for a.org"]),
    "common name only": (lambda: (server(names=[]), private(key("p384")), SERVED), ["no DNS name (subjectAltName)"]),
    "address": (lambda: (server(), private(key("p384")), "192.0.2.1"), ["cloud_public_name is '192.0.2.1'", "the DNS name"]),
    "no name": (lambda: (server(), private(key("p384")), None), ["cloud_public_name is None"]),
    "over": (
        lambda: (server(begin=NOW - 9 * DAY, end=NOW - DAY), private(key("p384")), SERVED),
        ["CN=Server, which expired on", "change cloud_tls"],
    ),
    "not yet": (lambda: (server(begin=NOW + 2 * DAY), private(key("p384")), SERVED), ["is valid only from", "the clock"]),
    "intermediate that is over": (
        lambda: (
            server() + issued(key("rsa"), key("other"), root(), name="Intermediate", end=NOW - DAY),
            private(key("p384")),
            SERVED,
        ),
        ["CN=Intermediate, which expired on"],
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_certificates_that_users_could_not_verify(case: str) -> None:
    make, words = UNUSABLE[case]
    chain, private_key, name = make()
    found = "\n".join(served_problems(chain, private_key, name))
    assert [word for word in words if word not in found] == [], found
    assert [line for line in key_lines(private_key) if line in found] == []


@pytest.mark.parametrize(("days", "number"), [(31, 0), (29, 1), (1, 1), (0, 0), (-1, 0)])
def test_a_served_certificate_that_ends_soon(days: int, number: int) -> None:
    end = (NOW + 100 * DAY).replace(microsecond=0)
    found = served_warnings(server(end=end) + intermediate(), end - days * DAY)
    assert len(found) == number
    assert all(f"CN=Server, which expires on {end:%Y-%m-%d}: renew it" in one for one in found)
    assert served_warnings("no certificate") == []


def test_filter_of_a_served_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(served_filter.Display, "warning", lambda _self, text: told.append(text))
    call = served_filter.FilterModule().filters()["served_problems"]
    end = NOW + 10 * DAY
    assert call(server(end=end), private_key=private(key("p384")), name=SERVED) == []
    assert len(told) == 1
    assert f"{end:%Y-%m-%d}" in told[0]
    with pytest.raises(AnsibleFilterError, match="now is"):
        call(server(), private_key="", name=SERVED, now="soon")
