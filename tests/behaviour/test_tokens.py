# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""memcached: a service asks Keystone once what a token is worth."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator

import pytest
from support.nodes import Nodes
from support.project import Project

pytestmark = pytest.mark.journal(controller=["memcached", "nova-api"])

PORT = 11211


class Memcached:
    """A connection that asks, and one that watches."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._asker = connect()
        self._watcher = connect()
        self._watcher.sendall(b"watch fetchers mutations\r\n")
        assert self._watcher.recv(64).startswith(b"OK")

    def close(self) -> None:
        self._asker.close()
        self._watcher.close()

    def statistics(self) -> dict[str, int]:
        self._asker.sendall(b"stats\r\n")
        answer = b""
        while not answer.endswith(b"END\r\n"):
            answer += self._asker.recv(65536)
        return {name: int(value) for name, value in re.findall(r"^STAT (\w+) (\d+)\r$", answer.decode(), re.MULTILINE)}

    def events(self) -> list[tuple[str, str]]:
        """What happened to which key until nothing has happened for a moment: (key, not_found | stored | found)."""
        text = b""
        self._watcher.settimeout(2)
        try:
            while chunk := self._watcher.recv(65536):
                text += chunk
        except TimeoutError:
            pass
        return re.findall(r"key=(\S+) status=(\w+)", text.decode())


@pytest.fixture
def compute_url(project: Project) -> str:
    return str(project.cloud.compute.get_endpoint())


@pytest.fixture
def memcached(nodes: Nodes) -> Iterator[Memcached]:
    with nodes.port_of("controller", PORT) as connect:
        connection = Memcached(connect)
        yield connection
        connection.close()


def test_token_is_looked_up_once(project: Project, compute_url: str, memcached: Memcached) -> None:
    with project.log_in() as fresh:
        fresh.authorize()

        def use() -> tuple[int, list[tuple[str, str]]]:
            before = memcached.statistics()
            assert fresh.session.get(f"{compute_url}/flavors").status_code == 200
            events = memcached.events()
            return memcached.statistics()["get_hits"] - before["get_hits"], events

        _, first = use()
        hits, second = use()
    new = {key for key, event in first if event == "not_found" and key.startswith("tokens")} & {
        key for key, event in first if event == "stored"
    }
    found = {key for key, event in second if event == "found"}
    print(f"first use of the token: not in the cache, then stored under {sorted(new)}")
    print(f"second use: get_hits grew by {hits}, found {sorted(found)}")
    assert new & found
    assert not new & {key for key, event in second if event == "not_found"}
    assert hits >= 1
