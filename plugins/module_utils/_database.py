# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connects to the database of a service in the same way as the service itself, from the service's own configuration."""

from __future__ import annotations

import configparser
import contextlib
import sys
import time
import typing as t
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

__all__ = ["START", "Connection", "DatabaseError", "Execute", "UnreachableError", "configured_connection", "opened"]

Row = tuple[t.Any, ...]
# MariaDB's errors for an account without access, a missing account and a missing database.
NOT_MADE = (1044, 1045, 1049)
# The driver's errors for a server that is down or still starting.
ABSENT = (2002, 2003, 2013)
# Seconds that MariaDB may take to start, even on one slow core with all services of a controller. After a full disk has stopped
# it, it checks for free space once a minute.
START = 120


class DatabaseError(Exception):
    """A problem with a database or its configuration. number: error number of MariaDB or its driver, if any."""

    def __init__(self, message: str, number: int | None = None) -> None:
        super().__init__(message)
        self.number = number


class UnreachableError(DatabaseError):
    """A prerequisite is missing, maybe only for now: scripts, configuration, driver or server."""


@dataclass(frozen=True)
class Connection:
    """A parsed SQLAlchemy URL. The URL contains a password and must never appear in a message.

    wait: seconds to wait for a server that is not up yet. With 0, such a server is unreachable, like a missing account.
    other: database to use instead of the one in the URL.
    """

    url: str = field(repr=False)
    wait: float = 0
    other: str | None = None

    @property
    def parts(self) -> urllib.parse.SplitResult:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme.split("+")[0] not in ("mysql", "mariadb", "sqlite"):
            raise DatabaseError(
                f"the database URL begins with {parts.scheme!r}; this module supports mysql+pymysql:// and sqlite://"
            )
        return parts

    @property
    def is_sqlite(self) -> bool:
        return bool(self.parts.scheme.startswith("sqlite"))

    @property
    def secrets(self) -> list[str]:
        password = urllib.parse.urlsplit(self.url).password
        return [password, urllib.parse.unquote(password)] if password else []

    def of(self, database: str) -> Connection:
        """Return the same server and user with another database."""
        return replace(self, other=database)

    @property
    def database(self) -> str:
        # Like SQLAlchemy, which decodes only the user and the password of a URL.
        return self.parts.path.removeprefix("/") if self.other is None else self.other

    def __str__(self) -> str:
        parts = self.parts
        if self.is_sqlite:
            return f"database {self.database}"
        user = urllib.parse.unquote(parts.username or "")
        return f"database {self.database} on {parts.hostname or 'localhost'} as {user}"

    def arguments(self) -> dict[str, t.Any]:
        """Return the arguments for pymysql.connect."""
        parts = self.parts
        query = dict(urllib.parse.parse_qsl(parts.query))
        arguments: dict[str, t.Any] = {
            "host": parts.hostname or "localhost",
            "port": parts.port or 3306,
            "user": urllib.parse.unquote(parts.username or ""),
            "password": urllib.parse.unquote(parts.password or ""),
            "database": self.database,
            "connect_timeout": 30,
        }
        if "unix_socket" in query:
            arguments["unix_socket"] = query["unix_socket"]
        tls = {key.removeprefix("ssl_"): query[key] for key in ("ssl_ca", "ssl_cert", "ssl_key") if key in query}
        if tls:
            arguments["ssl"] = tls
        return arguments


def configured_connection(path: str, section: str, option: str, wait: float = 0, text: str | None = None) -> Connection:
    """Return the connection that the service itself uses. `text` is the content that check mode would have written."""
    parser = configparser.ConfigParser(
        # the syntax of oslo.config: no interpolation with %, options may repeat, DEFAULT is a section like the others
        interpolation=None,
        strict=False,
        allow_no_value=True,
        default_section="",
        comment_prefixes=("#", ";"),
    )
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8") if text is None else text, source=path)
    except FileNotFoundError:
        raise UnreachableError(f"the configuration {path} does not exist; write it before checking its database") from None
    except (OSError, configparser.Error) as error:
        raise DatabaseError(f"the configuration {path} cannot be read: {error}") from error
    url = parser.get(section, option, fallback=None)
    if not url:
        raise UnreachableError(f"the configuration {path} has no option '{option}' in section [{section}]")
    return Connection(url, wait)


class Execute(t.Protocol):
    def __call__(self, statement: str, values: Row = ()) -> list[Row]: ...


def driver() -> t.Any:
    """Return the module pymysql, which OpenStack's services use."""
    # These are only for logins that MariaDB's accounts do not use, and take nearly half of the driver's load time.
    for name in ("cryptography", "nacl"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    try:
        return import_module("pymysql")
    except ImportError as error:  # a node before its packages
        raise UnreachableError("the Python module pymysql is not installed; install the package python3-pymysql") from error


def _number(error: Exception) -> int | None:
    return error.args[0] if error.args and isinstance(error.args[0], int) else None


def _connected(connection: Connection, pymysql: t.Any) -> t.Any:
    deadline = time.monotonic() + connection.wait
    arguments = connection.arguments()
    while True:
        try:
            return pymysql.connect(**arguments, autocommit=True)
        except OSError as error:
            # The driver's own errors hide those of the network. What is left are files that it reads for TLS.
            files = ", ".join(arguments.get("ssl", {}).values())
            raise UnreachableError(f"{connection} has no usable certificate authorities in {files}: {error}") from error
        except pymysql.err.MySQLError as error:
            number = _number(error)
            message = f"{connection} does not accept a connection: {error}"
            if number not in ABSENT or not connection.wait:
                advice = "; create the database and its user first" if number in NOT_MADE else ""
                raise UnreachableError(message + advice, number) from error
            if time.monotonic() > deadline:
                waited = f"Waited {connection.wait:.0f} s; see `journalctl -u mariadb` on its node"
                raise DatabaseError(f"{message}. {waited}", number) from error
        time.sleep(1)


@contextlib.contextmanager
def opened(connection: Connection) -> Iterator[Execute]:
    """Execute statements in a MariaDB database, each in its own transaction."""
    pymysql = driver()
    database = _connected(connection, pymysql)

    def execute(statement: str, values: Row = ()) -> list[Row]:
        with database.cursor() as cursor:
            # Without values, the driver uses the statement verbatim, even if a name contains %.
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    try:
        yield execute
    except pymysql.err.MySQLError as error:
        raise DatabaseError(f"{connection}: {error}", _number(error)) from error
    finally:
        database.close()
