# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords in URLs and in files of oslo.config. No message here shows any part of a password."""

from __future__ import annotations

import contextlib
import ipaddress
import typing as t
import urllib.parse

__all__ = ["UNENCODED", "CredentialsError", "database_url", "literal", "transport_url"]

# What a database URL needs no "%" for, besides letters and digits: keystone-manage db_sync 27.0 hands the URL
# to configparser without
# doubling "%", and fails. "$" is a reference in oslo.config.
UNENCODED = "-._~!&'()*+,;="


class CredentialsError(ValueError):
    """A password that cannot be written. The message says what is wrong, and shows nothing of it."""


def _text(password: t.Any) -> str:
    if not isinstance(password, str):
        raise CredentialsError(f"a password is a {type(password).__name__} and not text: put it into quotes in YAML")
    return password


def _netloc(user: str, password: t.Any, host: str, port: t.Any, safe: str = "") -> str:
    with contextlib.suppress(ValueError):
        host = f"[{ipaddress.IPv6Address(host)}]"
    quoted = (urllib.parse.quote(part, safe=safe) for part in (user, _text(password)))
    return ":".join(quoted) + f"@{host}" + (f":{port}" if port else "")


def database_url(password: t.Any, user: str, host: str, database: str | None = None, port: t.Any = None) -> str:
    """SQLAlchemy's URL of a database in MariaDB; without a name, of the one that is called like its user."""
    path = urllib.parse.quote(user if database is None else database, safe="")
    return f"mysql+pymysql://{_netloc(user, password, host, port, UNENCODED)}/{path}?charset=utf8"


def transport_url(password: t.Any, user: str, host: str, port: t.Any = 5672) -> str:
    """oslo.messaging's URL of a RabbitMQ, with the virtual host "/"."""
    return f"rabbit://{_netloc(user, password, host, port)}/"


def literal(password: t.Any) -> str:
    """A value that oslo.config reads back as it is: no substitution of $name, no quotes or blanks taken away."""
    text = _text(password)
    if "\n" in text or "\r" in text:
        raise CredentialsError("a password has more than one line, which an option of oslo.config cannot hold")
    if "\\$" in text:
        # oslo.config takes "\$" for "$$", and nothing stands for both characters.
        raise CredentialsError(
            "a password has a backslash before a dollar sign, which oslo.config cannot hold: change one of them"
        )
    text = text.replace("$", "$$")
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return f'"{text}"' if quoted or text != text.strip() or text in ('"', "'") else text
