# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates the certificate authority (CA) of a site: a private key and the certificate that goes with it, in one PEM text."""

from __future__ import annotations

import datetime

__all__ = ["CertificateAuthorityError", "new_certificate_authority"]

COMMON_NAME = "Mikumo site CA"
DAYS = 3650
BITS = 3072
DAY = datetime.timedelta(days=1)


class CertificateAuthorityError(Exception):
    """A CA cannot be generated."""


def new_certificate_authority(now: datetime.datetime | None = None) -> str:
    """Return a new RSA key (PKCS8, unencrypted) and its self-signed certificate."""
    try:
        # Only here: every run imports this file, and few make an authority.
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415
        from cryptography.x509.oid import NameOID  # noqa: PLC0415
    except ImportError:
        # ansible-core depends on it. Only a module that runs with another Python does not find it.
        raise CertificateAuthorityError(
            "the Python module cryptography is not installed. Generating a certificate authority needs it: run "
            "`pip install cryptography` in Ansible's own Python environment"
        ) from None
    now = (now or datetime.datetime.now(datetime.UTC)).replace(microsecond=0)
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A node's clock may be behind.
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAYS * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (private + certificate.public_bytes(Encoding.PEM)).decode("ascii")
