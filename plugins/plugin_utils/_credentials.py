# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords in URLs and in oslo.config files. No message in this file shows any part of a password."""

from __future__ import annotations

import contextlib
import ipaddress
import typing as t
import urllib.parse

__all__ = ["UNENCODED", "CredentialsError", "database_url", "literal", "transport_url"]

# Characters besides letters and digits that need no "%" in a database URL: keystone-manage db_sync 27.0 passes the URL to
# configparser without escaping "%", and fails. "$" is a reference in oslo.config.
UNENCODED = "-._~!&'()*+,;="


class CredentialsError(ValueError):
    """A password without a representation in the target format. The message gives the reason without showing the password."""


def _text(password: t.Any) -> str:
    if not isinstance(password, str):
        raise CredentialsError(f"a password is of type {type(password).__name__}, not a string: put it in quotes in YAML")
    return password


def _netloc(user: str, password: t.Any, host: str, port: t.Any, safe: str = "") -> str:
    with contextlib.suppress(ValueError):
        host = f"[{ipaddress.IPv6Address(host)}]"
    quoted = (urllib.parse.quote(part, safe=safe) for part in (user, _text(password)))
    return ":".join(quoted) + f"@{host}" + (f":{port}" if port else "")


def database_url(
    password: t.Any, user: str, host: str, database: str | None = None, port: t.Any = None, *, ca_file: str = ""
) -> str:
    """Return the SQLAlchemy URL of a MariaDB database. Its name defaults to that of the user.

    ca_file: the driver then uses TLS, and verifies the server's certificate and name.
    """
    path = urllib.parse.quote(user if database is None else database, safe="")
    trusted = f"&ssl_ca={ca_file}" if ca_file else ""
    return f"mysql+pymysql://{_netloc(user, password, host, port, UNENCODED)}/{path}?charset=utf8{trusted}"


def transport_url(password: t.Any, user: str, host: str, port: t.Any = 5671, vhost: str = "/") -> str:
    """Return the oslo.messaging URL of a virtual host of a RabbitMQ broker."""
    path = "" if vhost == "/" else urllib.parse.quote(vhost, safe="")
    return f"rabbit://{_netloc(user, password, host, port)}/{path}"


def literal(password: t.Any) -> str:
    """Escape a value so that oslo.config reads it back unchanged: $name is not replaced, quotes and whitespace are kept."""
    text = _text(password)
    if "\n" in text or "\r" in text:
        raise CredentialsError("a password has more than one line, which an oslo.config option cannot hold: give a single line")
    if "\\$" in text:
        # oslo.config treats "\$" like "$$", and has no syntax for a backslash followed by a dollar sign.
        raise CredentialsError(
            "a password has a backslash directly before a dollar sign, which oslo.config cannot hold: change one of the two"
        )
    text = text.replace("$", "$$")
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return f'"{text}"' if quoted or text != text.strip() or text in ('"', "'") else text
