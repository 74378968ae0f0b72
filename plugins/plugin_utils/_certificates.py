# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that follow from the site's certificate authority (CA): the same input gives the same bytes.

The private key of a certificate is derived from the key of the CA. The time enters only as a window of many days. So a run needs
no file and no state to write what the previous run wrote.

No message in this file shows any part of a key.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import inspect
import ipaddress
import itertools
import re
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = [
    "RENEW_DAYS",
    "VALID_DAYS",
    "CertificatesError",
    "authority_problem",
    "ca_certificate",
    "certificate",
    "certificate_problems",
    "served_problems",
    "served_warnings",
]

VALID_DAYS = 397
RENEW_DAYS = 90
# Days before the end of a certificate of others when operators are warned. Their authority renews it.
WARN_DAYS = 30
# More would have no use, and would leave the range of dates.
MOST_DAYS = 36500
# The number is the version of the derivation. Another one would change all keys.
DERIVATION = "mikumo certificate 1:"
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# What OpenSSL accepts of a CA at Debian's security level.
LEAST_RSA_BITS = 2048
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
UTC = datetime.UTC
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
DAY = datetime.timedelta(days=1)
PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
DNS_NAME = re.compile(r"(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*")
GIVE = "give the private key of a CA and its certificate, as a block that begins with `tls_ca: |`"
REPLACE = "put another CA there, or remove tls_ca: the next run then generates a new CA"

# Without this, each ECDSA signature is another one.
_DETERMINISTIC_ECDSA = "ecdsa_deterministic" in inspect.signature(x509.CertificateBuilder.sign).parameters

Key = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class CertificatesError(ValueError):
    """An unusable CA or an invalid request. The message shows nothing of a key."""


@dataclass(frozen=True)
class Authority:
    """A CA that can sign."""

    key: Key
    # From the certificate of the key to the self-signed one at the end. For a self-signed CA, that is one certificate.
    chain: tuple[x509.Certificate, ...]
    # Further CAs that clients trust, as during a change from one to another.
    others: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def not_before(self) -> datetime.datetime:
        return max(one.not_valid_before_utc for one in self.chain)

    @property
    def not_after(self) -> datetime.datetime:
        return min(one.not_valid_after_utc for one in self.chain)

    @property
    def trusted(self) -> str:
        return _pem(self.chain[-1], *self.others)

    @property
    def intermediates(self) -> str:
        return _pem(*self.chain[:-1])


def _pem(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in certificates)


def _public(key: t.Any) -> bytes:
    """Return a public key in a form that can be compared."""
    found: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


def _name(found: x509.Certificate) -> str:
    return found.subject.rfc4514_string() or "without a name"


def _blocks(pem: str) -> tuple[str, list[str]]:
    """Return the private key and the certificates of a PEM text."""
    found = list(PEM.finditer(pem))
    if not found:
        raise CertificatesError(f"tls_ca is not a PEM text: {GIVE}")
    if len(found) != pem.count("-----BEGIN "):
        raise CertificatesError(f"tls_ca has a PEM block without its end: {GIVE}")
    keys = [match[0] for match in found if match[1].endswith("PRIVATE KEY")]
    certificates = [match[0] for match in found if match[1] == "CERTIFICATE"]
    strange = [
        match[1] for match in found if not match[1].endswith(("PRIVATE KEY", "EC PARAMETERS")) and match[1] != "CERTIFICATE"
    ]
    if strange:
        raise CertificatesError(f"tls_ca has a PEM block {strange[0]}, which is neither a private key nor a certificate: {GIVE}")
    if len(keys) != 1:
        raise CertificatesError(f"tls_ca has {len(keys) or 'no'} private key{'s' if keys else ''}, and needs one: {GIVE}")
    if not certificates:
        raise CertificatesError(f"tls_ca has no certificate: {GIVE}")
    return keys[0], certificates


def _key(pem: str, check: bool) -> Key:
    try:
        # The check of an RSA key takes 0.1 seconds. It is made once in a run, not by each process.
        key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=not check)
    except TypeError:
        raise CertificatesError(
            "tls_ca has a private key with a passphrase: remove it with `openssl pkey`. ansible-vault can encrypt tls_ca instead"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificatesError("tls_ca has a private key that cannot be read: check that it is complete") from None
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < LEAST_RSA_BITS:
            raise CertificatesError(
                f"tls_ca has an RSA key of {key.key_size} bits, which OpenSSL refuses: use at least {LEAST_RSA_BITS}"
            )
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        _require_determinism(key)
        return key
    raise CertificatesError("tls_ca has a private key of an unsupported type: use RSA, Ed25519 or EC")


def _require_determinism(key: ec.EllipticCurvePrivateKey) -> None:
    if not isinstance(key.curve, CURVES):
        raise CertificatesError(
            f"tls_ca has an EC key on the curve {key.curve.name}: use P-256, P-384 or P-521, or RSA or Ed25519"
        )
    try:
        if not _DETERMINISTIC_ECDSA:
            raise UnsupportedAlgorithm("")
        key.sign(b"", ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    except UnsupportedAlgorithm:
        raise CertificatesError(
            "tls_ca has an EC key, with which the Python library cryptography on the machine that runs Ansible makes another "
            "signature each time. Every run would change all certificates: use RSA or Ed25519, or install a newer cryptography"
        ) from None


def _certificate(pem: str) -> x509.Certificate:
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
        # Both are parsed when they are first used.
        found.public_key()
        _ = found.extensions
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise CertificatesError("tls_ca has a certificate that cannot be read: check that it is complete") from None
    return found


def _extension(found: x509.Certificate, kind: type[x509.ExtensionType]) -> x509.Extension[t.Any] | None:
    try:
        return found.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def _issued(found: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        found.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _self_signed(found: x509.Certificate) -> bool:
    return _issued(found, found)


def _refuse_unfit(found: x509.Certificate, below: int) -> None:
    """Raise unless it is a CA certificate that strict clients accept.

    below: how many CA certificates it has below it in the chain.
    """
    constraints = _extension(found, x509.BasicConstraints)
    usage = _extension(found, x509.KeyUsage)
    lacks = ""
    if not constraints or not constraints.value.ca:
        raise CertificatesError(
            f"tls_ca has the certificate {_name(found)}, which is not one of a CA (basicConstraints CA:TRUE): {GIVE}"
        )
    if not constraints.critical:
        lacks = "a basicConstraints that is marked critical"
    elif not usage or not usage.value.key_cert_sign:
        lacks = "keyCertSign in its keyUsage"
    elif not _extension(found, x509.SubjectKeyIdentifier):
        lacks = "a subjectKeyIdentifier"
    elif not _extension(found, x509.AuthorityKeyIdentifier) and not _self_signed(found):
        lacks = "an authorityKeyIdentifier"
    if lacks:
        raise CertificatesError(
            f"tls_ca has the certificate {_name(found)}, which lacks {lacks}. Python 3.13 refuses it: issue it again with that"
        )
    if constraints.value.path_length is not None and constraints.value.path_length < below:
        raise CertificatesError(
            f"tls_ca has the certificate {_name(found)}, whose pathlen {constraints.value.path_length} does not allow {below} CA "
            "below it: issue it again with a larger one"
        )


def _chain(first: x509.Certificate, rest: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Return the certificates from this one to the self-signed one at the end, in this order."""
    chain = [first]
    while not _self_signed(chain[-1]):
        above = next((one for one in rest if one not in chain and _issued(chain[-1], one)), None)
        if above is None:
            raise CertificatesError(
                f"tls_ca has the certificate {_name(chain[-1])}, but not that of its issuer "
                f"{chain[-1].issuer.rfc4514_string()}: append the chain, up to the self-signed certificate"
            )
        chain.append(above)
    return chain


def _authority(pem: t.Any, check: bool = False) -> Authority:
    if not isinstance(pem, str):
        raise CertificatesError(f"tls_ca is of type {type(pem).__name__}, not a PEM text: {GIVE}")
    return _read(str(pem), check)


@functools.cache
def _read(pem: str, check: bool) -> Authority:
    private, certificates = _blocks(pem)
    key = _key(private, check)
    found = list(dict.fromkeys(_certificate(one) for one in certificates))
    public = _public(key.public_key())
    first = next((one for one in found if _public(one.public_key()) == public), None)
    if first is None:
        raise CertificatesError(
            f"tls_ca has a private key and a certificate ({_name(found[0])}) that do not belong together: {GIVE}"
        )
    chain = _chain(first, found)
    others = [one for one in found if one not in chain]
    for below, one in enumerate(chain):
        _refuse_unfit(one, below)
    for one in others:
        _refuse_unfit(one, 0)
        if not _self_signed(one):
            raise CertificatesError(f"tls_ca has the certificate {_name(one)}, which is not part of the chain: remove it")
    return Authority(key, tuple(chain), tuple(others))


def _date(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _refuse_other_times(authority: Authority, now: datetime.datetime) -> None:
    for one in authority.chain:
        if one.not_valid_after_utc <= now:
            raise CertificatesError(
                f"tls_ca has the certificate {_name(one)}, which expired on {_date(one.not_valid_after_utc)}: {REPLACE}"
            )
        if one.not_valid_before_utc > now:
            raise CertificatesError(
                f"tls_ca has the certificate {_name(one)}, which is valid only from {_date(one.not_valid_before_utc)}: correct "
                f"the clock of the machine that runs Ansible, or {REPLACE}"
            )


def authority_problem(pem: t.Any, now: datetime.datetime | None = None) -> str | None:
    """Explain why tls_ca cannot sign certificates now."""
    try:
        _refuse_other_times(_authority(pem, check=True), now or datetime.datetime.now(UTC))
    except CertificatesError as error:
        return str(error)
    return None


def certificate_problems(pem: t.Any, now: datetime.datetime | None = None) -> list[str]:
    """Return sentences about a CA that cannot be used, or that has to be replaced within 90 days."""
    now = now or datetime.datetime.now(UTC)
    problem = authority_problem(pem, now)
    if problem:
        return [problem]
    authority = _authority(pem, check=True)
    return [
        f"tls_ca has the certificate {_name(one)}, which expires on {_date(one.not_valid_after_utc)}: {REPLACE}"
        for one in (*authority.chain, *authority.others)
        if one.not_valid_after_utc - now < RENEW_DAYS * DAY
    ]


def ca_certificate(pem: t.Any) -> str:
    """Return the certificates that clients trust."""
    return _authority(pem).trusted


def _shown(value: t.Any) -> str:
    """Return a value for a message. A text of several lines may be a key in the wrong place."""
    if (
        value is None
        or isinstance(value, (bool, int, float))
        or (isinstance(value, str) and value.isprintable() and len(value) < 300)
    ):
        return repr(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return "a list" if value else "empty"
    return f"a value of type {type(value).__name__}"


def _common_name(given: t.Any) -> str:
    if not isinstance(given, str) or not given.strip() or not given.isprintable():
        raise CertificatesError(f"common_name is {_shown(given)}: give a string of printable characters, such as a host name")
    if len(given) > 64:
        raise CertificatesError(f"common_name has {len(given)} characters, and X.509 allows 64: names may have more")
    return str(given)


def _is_dns_name(name: str) -> bool:
    # No top-level domain is a number: 10.0.0.300 is a mistyped address.
    return len(name) <= 253 and bool(DNS_NAME.fullmatch(name)) and not name.rpartition(".")[2].isdigit()


def _names(given: t.Any) -> tuple[str, ...]:
    """Return DNS names and addresses in their usual form, each once."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence) or not given:
        raise CertificatesError(
            f"names is {_shown(given)}: give a list of DNS names and IP addresses, such as [api.example.org, 10.0.0.11]"
        )
    found = []
    for name in given:
        try:
            found.append(str(ipaddress.ip_address(name)) if isinstance(name, str) else "")
        except ValueError:
            found.append(str(name) if _is_dns_name(name) else "")
        if not found[-1]:
            raise CertificatesError(f"names has {_shown(name)}, which is neither a DNS name nor an IP address")
    return tuple(dict.fromkeys(found))


def _days(name: str, given: t.Any, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise CertificatesError(f"{name} is {_shown(given)}: give a number of days from {least} to {most}")
    return int(given)


def _moment(given: t.Any) -> datetime.datetime:
    if given is None or given == "":
        return datetime.datetime.now(UTC)
    try:
        found = given if isinstance(given, datetime.datetime) else datetime.datetime.fromisoformat(given)
    except (TypeError, ValueError):
        raise CertificatesError(f"now is {_shown(given)}: give a time in ISO format, such as 2026-01-31T12:00:00Z") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _derived_key(authority: Key, common_name: str) -> ec.EllipticCurvePrivateKey:
    secret = authority.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    counter = 0
    while True:
        # No name contains a null byte: no two names have a value in common.
        info = (f"{DERIVATION}{common_name}" + (f"\0{counter}" if counter else "")).encode()
        value = int.from_bytes(HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret), "big")
        # One value in 2**32 is not a private key.
        if 0 < value < ORDER_P256:
            return ec.derive_private_key(value, ec.SECP256R1())
        counter += 1


def _serial_number(*parts: object) -> int:
    """Return a number of 159 bits, the most that is allowed. Certificates of the same number have the same content."""
    digest = hashlib.sha256("\0".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:20], "big") >> 1 | 1 << 158


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@functools.cache
def _made(
    pem: str, common_name: str, names: tuple[str, ...], not_before: datetime.datetime, not_after: datetime.datetime
) -> tuple[str, str]:
    """Return the certificate and its private key."""
    authority = _authority(pem)
    key = _derived_key(authority.key, common_name)
    fingerprint = authority.certificate.fingerprint(hashes.SHA256()).hex()
    issuer = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(_serial_number(fingerprint, common_name, not_before.isoformat(), not_after.isoformat(), *names))
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    return _pem(_signed(builder, authority.key)), private


def _signed(builder: x509.CertificateBuilder, key: Key) -> x509.Certificate:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    # An RSA signature gets PKCS #1 v1.5, which unlike PSS has no random part.
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def certificate(
    pem: t.Any,
    common_name: t.Any,
    names: t.Any,
    *,
    valid_days: t.Any = VALID_DAYS,
    renew_days: t.Any = RENEW_DAYS,
    now: t.Any = None,
) -> dict[str, str]:
    """Return a certificate and its private key, both PEM.

    Time is divided into windows of valid_days - renew_days. Within a window the result is the same. It is valid for at least
    another renew_days, unless the CA ends before.
    """
    common_name, names = _common_name(common_name), _names(names)
    valid_days = _days("valid_days", valid_days, 2, MOST_DAYS)
    period = valid_days - _days("renew_days", renew_days, 1, valid_days - 1)
    moment = _moment(now)
    authority = _authority(pem)
    _refuse_other_times(authority, moment)
    start = EPOCH + (moment - EPOCH).days // period * period * DAY
    # The day before: a node's clock may be behind.
    not_before, not_after = max(start - DAY, authority.not_before), min(start + valid_days * DAY, authority.not_after)
    leaf, private = _made(str(pem), common_name, names, not_before, not_after)
    return {
        "certificate": leaf + authority.intermediates,
        "private_key": private,
        "ca": authority.trusted,
        "not_after": not_after.isoformat(),
    }


# --- certificates of other authorities ---------------------------------------------------------------------------------

SERVED = "change cloud_tls in the inventory's group_vars/all"
ORDER = "put the certificate of the server first, then each intermediate certificate after the one that it has issued"
PLAIN_KEY = "remove it with `openssl pkey`. ansible-vault can encrypt the file instead"


def _pem_blocks(subject: str, pem: t.Any, allowed: str) -> list[tuple[str, str]]:
    """Return kind and text of the blocks of a PEM text. No message has a part of the text: the wrong file may be a key."""
    text = str(pem) if isinstance(pem, str) else ""
    found = [(match[1], match[0]) for match in PEM.finditer(text)]
    if not found:
        raise CertificatesError(f"{subject} is not a PEM file: give {allowed}")
    if len(found) != text.count("-----BEGIN "):
        raise CertificatesError(f"{subject} has a PEM block without its end: give the whole file")
    return found


def _served_chain(pem: t.Any) -> list[x509.Certificate]:
    subject, allowed = "cloud_tls.certificate", "the certificate of the server in PEM, with its intermediate certificates"
    blocks = _pem_blocks(subject, pem, allowed)
    strange = next((kind for kind, _text in blocks if kind != "CERTIFICATE"), "")
    if strange:
        raise CertificatesError(f"{subject} has a PEM block {strange}: give {allowed}, and nothing else")
    try:
        chain = [x509.load_pem_x509_certificate(text.encode()) for _kind, text in blocks]
        for one in chain:
            # Both are parsed when they are first used.
            one.public_key()
            _ = one.extensions
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise CertificatesError(f"{subject} has a certificate that cannot be read: give {allowed}") from None
    return chain


def _served_key(pem: t.Any) -> t.Any:
    subject, allowed = "cloud_tls.private_key", "the private key of the certificate in PEM"
    blocks = _pem_blocks(subject, pem, allowed)
    # Some programs write the parameters of an elliptic curve before the key.
    kinds = [kind for kind, _text in blocks if kind != "EC PARAMETERS"]
    if len(kinds) != 1 or not kinds[0].endswith("PRIVATE KEY"):
        raise CertificatesError(
            f"{subject} has the PEM blocks {', '.join(kinds) or 'EC PARAMETERS'}: give {allowed}, and nothing else"
        )
    text = blocks[-1][1] if blocks[-1][0].endswith("PRIVATE KEY") else blocks[0][1]
    try:
        key = load_pem_private_key(text.encode(), None)
    except TypeError:
        raise CertificatesError(f"{subject} has a passphrase, which nobody could enter when a node boots: {PLAIN_KEY}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificatesError(f"{subject} cannot be read: give {allowed}, complete") from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < LEAST_RSA_BITS:
        raise CertificatesError(
            f"{subject} is an RSA key of {key.key_size} bits, which OpenSSL refuses: use at least {LEAST_RSA_BITS}"
        )
    return key


def _covers(pattern: str, name: str) -> bool:
    """Return whether a name in a certificate is for this name. A wildcard stands for one label."""
    pattern, name = pattern.lower(), name.lower()
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:] != ""
    return pattern == name


def _served_name_problems(first: x509.Certificate, name: t.Any) -> t.Iterator[str]:
    if not isinstance(name, str) or not _is_dns_name(name):
        yield f"cloud_public_name is {_shown(name)}: cloud_tls needs the DNS name in the certificate, such as cloud.example.org"
        return
    extension = _extension(first, x509.SubjectAlternativeName)
    names = extension.value.get_values_for_type(x509.DNSName) if extension else []
    if not any(_covers(one, name) for one in names):
        yield (
            f"cloud_tls.certificate is for {', '.join(names) or 'no DNS name (subjectAltName)'}, and not for {name}: get one for "
            "this name, or change cloud_public_name in the inventory's group_vars/all"
        )


def _served_chain_problems(chain: Sequence[x509.Certificate], now: datetime.datetime) -> t.Iterator[str]:
    for one in chain:
        if one.not_valid_after_utc <= now:
            yield (
                f"cloud_tls.certificate has the certificate {_name(one)}, which expired on {_date(one.not_valid_after_utc)}: get "
                f"a new one, or {SERVED}"
            )
        elif one.not_valid_before_utc > now:
            yield (
                f"cloud_tls.certificate has the certificate {_name(one)}, which is valid only from "
                f"{_date(one.not_valid_before_utc)}: correct the clock of the machine that runs Ansible, or {SERVED}"
            )
    for below, above in itertools.pairwise(chain):
        if not _issued(below, above):
            yield (
                f"cloud_tls.certificate has the certificate {_name(above)} after {_name(below)}, which "
                f"{below.issuer.rfc4514_string() or 'another one'} has issued: {ORDER}"
            )


def served_problems(certificate: t.Any, private_key: t.Any, name: t.Any, now: t.Any = None) -> list[str]:
    """Explain why users could not use this certificate of another authority under this name.

    certificate, private_key: contents of the files, as PEM.
    """
    moment, problems = _moment(now), []
    chain: list[x509.Certificate] = []
    key = None
    try:
        chain = _served_chain(certificate)
    except CertificatesError as error:
        problems.append(str(error))
    try:
        key = _served_key(private_key)
    except CertificatesError as error:
        problems.append(str(error))
    if chain and key and _public(key.public_key()) != _public(chain[0].public_key()):
        problems.append(
            f"cloud_tls.private_key is not the key of the first certificate ({_name(chain[0])}) in cloud_tls.certificate: give "
            f"the two files that belong together, or {ORDER}"
        )
    if chain:
        problems += [*_served_name_problems(chain[0], name), *_served_chain_problems(chain, moment)]
    return problems


def served_warnings(certificate: t.Any, now: t.Any = None) -> list[str]:
    """Return sentences about certificates that expire soon. Those that cannot be used are no matter of this function."""
    moment = _moment(now)
    try:
        chain = _served_chain(certificate)
    except CertificatesError:
        return []
    return [
        f"cloud_tls.certificate has the certificate {_name(one)}, which expires on {_date(one.not_valid_after_utc)}: renew it, "
        "and run again"
        for one in chain
        if moment < one.not_valid_after_utc < moment + WARN_DAYS * DAY
    ]
