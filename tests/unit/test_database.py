# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way into a database, with a driver that answers as it does while MariaDB starts. The real one is met on the nodes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _database

URL = "mysql+pymysql://glance:not-to-be-seen@10.0.0.11/glance"
REFUSED = (2003, "Can't connect to MySQL server on '10.0.0.11' ([Errno 111] Connection refused)")
DENIED = (1045, "Access denied for user 'glance'@'controller' (using password: YES)")


class MySQLError(Exception):
    pass


class Driver:
    """Answers each attempt with what comes next: an error's arguments, or None for a connection."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.seconds = 0.0
        self.closed = 0

    def connect(self, **_arguments: Any) -> Any:
        answer = self.answers.pop(0)
        if answer:
            raise MySQLError(*answer)
        return self

    def close(self) -> None:
        self.closed += 1

    def cursor(self) -> Any:
        raise MySQLError(1146, "Table 'glance.images' doesn't exist")

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    module = ModuleType("pymysql")
    module.connect = made.connect  # type: ignore[attr-defined]
    module.err = SimpleNamespace(MySQLError=MySQLError)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pymysql", module)
    monkeypatch.setattr(_database, "time", SimpleNamespace(sleep=made.sleep, monotonic=lambda: made.seconds))
    return made


def test_server_that_starts_is_waited_for(driver: Driver) -> None:
    driver.answers = [REFUSED, REFUSED, None]
    with _database.opened(_database.Connection(URL, wait=10).of("other")):
        pass
    assert (driver.seconds, driver.closed) == (2, 1)


def test_server_that_is_not_waited_for_is_unreachable(driver: Driver) -> None:
    driver.answers = [REFUSED]
    with pytest.raises(_database.UnreachableError) as raised, _database.opened(_database.Connection(URL)):
        pass
    assert raised.value.number == 2003


def test_server_that_does_not_come_is_an_error_and_no_prediction(driver: Driver) -> None:
    driver.answers = [REFUSED] * 20
    with pytest.raises(_database.DatabaseError, match=r"Waited 10 s.*journalctl -u mariadb") as raised:  # noqa: SIM117
        with _database.opened(_database.Connection(URL, wait=10)):
            pass
    assert not isinstance(raised.value, _database.UnreachableError)
    assert "not-to-be-seen" not in str(raised.value)


def test_account_that_is_not_there_is_not_waited_for(driver: Driver) -> None:
    driver.answers = [DENIED]
    with pytest.raises(_database.UnreachableError, match="create the database and its user first"):  # noqa: SIM117
        with _database.opened(_database.Connection(URL, wait=10)):
            pass
    assert driver.seconds == 0


def test_statement_that_fails_says_where_and_closes(driver: Driver) -> None:
    driver.answers = [None]
    with pytest.raises(_database.DatabaseError, match=r"database glance on 10\.0\.0\.11 as glance: .*1146") as raised:  # noqa: SIM117
        with _database.opened(_database.Connection(URL)) as execute:
            execute("SELECT 1 FROM images")
    assert (raised.value.number, driver.closed) == (1146, 1)


def test_connection() -> None:
    connection = _database.Connection("mysql+pymysql://nova:p%40ss@10.0.0.11:3307/nova?charset=utf8&ssl_ca=/etc/ca.pem")
    assert connection.arguments() == {
        "host": "10.0.0.11",
        "port": 3307,
        "user": "nova",
        "password": "p@ss",
        "database": "nova",
        "connect_timeout": 30,
        "ssl": {"ca": "/etc/ca.pem"},
    }
    assert connection.of("nova_cell0").arguments()["database"] == "nova_cell0"
    assert set(connection.secrets) == {"p%40ss", "p@ss"}
    for shown in (str(connection), repr(connection)):
        assert "p%40ss" not in shown
        assert "p@ss" not in shown
    assert str(connection) == "database nova on 10.0.0.11 as nova"


def test_connection_of_another_kind() -> None:
    with pytest.raises(_database.DatabaseError, match="begins with 'postgresql'"):
        _database.Connection("postgresql://a:b@c/d").arguments()


def test_configured_connection(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text(
        "[DEFAULT]\nconnection = no\nrate = 5%\nflag\n[database]\nconnection=sqlite:///x\nconnection = sqlite:////y\n"
    )
    assert _database.configured_connection(str(path), "database", "connection").url == "sqlite:////y"
    assert _database.configured_connection(str(path), "DEFAULT", "connection").url == "no"
    with pytest.raises(_database.UnreachableError, match=r"no option 'connection' in section \[api_database\]"):
        _database.configured_connection(str(path), "api_database", "connection")
    with pytest.raises(_database.UnreachableError, match="does not exist"):
        _database.configured_connection(str(tmp_path / "no"), "database", "connection")


@pytest.mark.usefixtures("driver")
def test_authorities_that_are_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(**arguments: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(sys.modules["pymysql"], "connect", connect)
    connection = _database.Connection(f"{URL}?ssl_ca=/etc/mikumo/tls/ca.pem", wait=60)
    with pytest.raises(_database.UnreachableError, match=r"authorities in /etc/mikumo/tls/ca\.pem: .*No such file"):  # noqa: SIM117
        with _database.opened(connection):
            pass
