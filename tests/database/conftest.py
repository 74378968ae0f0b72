# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A MariaDB of the tests' own: its files in a temporary directory, reached by a socket alone."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql
import pytest

# Debian installs the server into a directory that an ordinary user's PATH lacks.
PATH = f"{os.environ['PATH']}:/usr/sbin"
PASSWORD = "p@ss/word%"
ACCOUNT = "service"


class Server:
    """mariadbd, which can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "s"
        self.process: subprocess.Popen[bytes] | None = None
        # As root it refuses to run; the files belong to an account that owns nothing else.
        self.user = [f"--user={'mysql' if _exists('mysql') else 'nobody'}"] if os.geteuid() == 0 else []

    def make(self) -> None:
        data = self.directory / "data"
        data.mkdir()
        if self.user:
            for path in (self.directory, data):
                shutil.chown(path, self.user[0].partition("=")[2])
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
                f"--datadir={data}",
                *self.user,
            ],
            env=os.environ | {"PATH": PATH},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )

    def start(self) -> None:
        options = [
            "--no-defaults",
            f"--datadir={self.directory / 'data'}",
            f"--socket={self.socket}",
            f"--pid-file={self.directory / 'pid'}",
            "--skip-networking",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
            *self.user,
        ]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["mariadbd", *options], env=os.environ | {"PATH": PATH}, stdout=log, stderr=subprocess.STDOUT
            )
        for _ in range(300):
            try:
                pymysql.connect(unix_socket=str(self.socket), user="root").close()
                return
            except pymysql.err.OperationalError:
                assert self.process.poll() is None, (self.directory / "log").read_text()[-3000:]
                time.sleep(0.1)
        raise AssertionError((self.directory / "log").read_text()[-3000:])

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process:
            self.process.send_signal(how)
            self.process.wait(timeout=60)

    def crash(self) -> None:
        """As where the power fails: InnoDB has to recover."""
        self.end(signal.SIGKILL)
        self.start()

    def ask(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """As root."""
        connection = pymysql.connect(unix_socket=str(self.socket), user="root", database=database, autocommit=True)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def url(self, database: str) -> str:
        """As services have it."""
        return f"mysql+pymysql://{ACCOUNT}:{quote(PASSWORD, safe='')}@localhost/{database}?charset=utf8&unix_socket={self.socket}"


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "crash: kills the server")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    for program in ("mariadbd", "mariadb-install-db"):
        if not shutil.which(program, path=PATH):
            pytest.skip(f"{program} is not installed; scripts/database-packages installs it")
    # In memory, as each table that is made waits for the disk several times, and none of it has to outlive the machine.
    memory = Path("/dev/shm")
    # Not pytest's own directory: the name of a socket is short.
    with tempfile.TemporaryDirectory(prefix="mikumo-", dir=memory if memory.is_dir() else None) as path:
        made = Server(Path(path))
        made.make()
        made.start()
        try:
            made.ask(f"CREATE USER {ACCOUNT}@localhost IDENTIFIED BY '{PASSWORD}'")
            yield made
        finally:
            made.end()
