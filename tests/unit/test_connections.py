# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports are open, against real sockets, and against real packet filters where this machine lets us have some."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _connections as connections
from ansible_collections.mikumo.openstack.plugins.module_utils._commands import NOT_FOUND
from ansible_collections.mikumo.openstack.plugins.module_utils._firewall import filters

ROOT = Path(__file__).resolve().parents[2]


def outcome(host: str, port: int, seconds: float = 2) -> connections.Connection:
    return connections.attempt(connections.Target(host, port), seconds)


def test_an_open_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = outcome("127.0.0.1", server.getsockname()[1])
    assert found.outcome == "open"
    assert connections.sentence(found, "compute", 2) == ""


def test_a_port_on_which_nothing_listens() -> None:
    with socket.socket() as server:
        # bound, so that nobody else takes it, and not listening
        server.bind(("127.0.0.1", 0))
        found = outcome("127.0.0.1", server.getsockname()[1])
    assert found.outcome == "refused"
    words = ["127.0.0.1 refuses compute", "nothing listens", "ss -tlnp", "nft list ruleset"]
    assert [word for word in words if word not in connections.sentence(found, "compute", 2)] == []


def test_a_name_that_nobody_knows() -> None:
    found = outcome("no-such-host.invalid", 1)
    assert found.outcome == "unknown name"
    assert "compute cannot resolve this host name" in connections.sentence(found, "compute", 2)


def test_a_server_that_takes_no_more_connections_is_silent() -> None:
    """What a dropped packet looks like, without a packet filter: the kernel does not answer when the queue is full."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        port = server.getsockname()[1]
        found = connections.attempts([connections.Target("127.0.0.1", port, "RabbitMQ")] * 3, 0.5)
    assert [one.outcome for one in found] == ["timed out"] * 3
    text = connections.sentence(found[0], "compute", 0.5)
    assert f"port {port} of 127.0.0.1 (RabbitMQ) does not answer compute within 0.5 s" in text
    assert "a firewall drops the connection" in text


def test_all_are_tried_at_the_same_time() -> None:
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        before = time.monotonic()
        connections.attempts([connections.Target("127.0.0.1", server.getsockname()[1])] * 20, 1)
    assert time.monotonic() - before < 10
    assert connections.attempts([], 1) == []


# --- packet filters --------------------------------------------------------------------------------------------------


def saying(**outputs: str) -> object:
    def run(command: Sequence[str]) -> tuple[int, str, str]:
        name = command[0].replace("-", "_")
        if name not in outputs:
            return NOT_FOUND, "", ""
        return 0, outputs[name], ""

    return run


UFW = """
table ip filter {
	chain ufw-user-input {
		tcp dport 22 counter packets 1 bytes 52 accept
	}
	chain INPUT {
		type filter hook input priority filter; policy drop;
		counter packets 12 bytes 3 jump ufw-user-input
	}
	chain OUTPUT {
		type filter hook output priority filter; policy accept;
	}
}
"""
FIREWALLD = """
table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		jump filter_INPUT_ZONES
		ct state invalid drop
		reject with icmpx admin-prohibited
	}
}
"""
OPEN = """
table inet filter {
	chain input {
		type filter hook input priority filter; policy accept;
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
	chain other {
		drop
	}
	chain nat {
		type nat hook input priority 100; policy accept;
	}
}
"""


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({}, []),
        ({"nft": OPEN}, []),
        ({"nft": UFW}, ["chain INPUT of table ip filter (hook input) has the policy drop"]),
        ({"nft": FIREWALLD}, ["has the rule: ct state invalid drop", "has the rule: reject with icmpx admin-prohibited"]),
        ({"iptables_legacy": "-P INPUT DROP\n-P FORWARD DROP\n-A INPUT -i lo -j ACCEPT\n"}, ["chain INPUT has the policy DROP"]),
        ({"iptables_legacy": "-P INPUT ACCEPT\n-A INPUT -j REJECT --reject-with x\n-A other -j DROP\n"}, ["-A INPUT -j REJECT"]),
    ],
)
def test_what_a_packet_filter_drops(outputs: dict[str, str], expected: list[str]) -> None:
    found = filters(saying(**outputs))
    assert len(found) == len(expected)
    assert [word for word, line in zip(expected, found, strict=True) if word not in line] == []


RULES = """
table inet filter {
    chain input {
        type filter hook input priority filter; policy accept;
        tcp dport 5672 drop
        tcp dport 9696 reject with icmpx admin-prohibited
    }
}
"""


@pytest.fixture
def filtered() -> Iterator[str]:
    """A network namespace with a packet filter."""
    if os.geteuid() != 0 or shutil.which("nft") is None or shutil.which("ip") is None:
        pytest.skip("needs root, nft and ip")
    name = f"connections-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        pytest.skip("this machine has no network namespaces for us")
    inside = ["ip", "netns", "exec", name]
    try:
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        loaded = subprocess.run([*inside, "nft", "-f", "-"], input=RULES, text=True, capture_output=True, check=False)
        if loaded.returncode:
            pytest.skip(f"the kernel of this machine has no packet filter: {loaded.stderr.splitlines()[0]}")
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False)


def test_a_port_that_is_dropped_and_one_that_is_rejected(filtered: str) -> None:
    package = "ansible_collections.mikumo.openstack.plugins.module_utils"
    program = textwrap.dedent(f"""
        import socket, subprocess, sys
        sys.path[:0] = {sys.path!r}
        from {package}._connections import Target, attempts
        from {package}._firewall import filters

        def run(command):
            done = subprocess.run(command, capture_output=True, text=True)
            return done.returncode, done.stdout, done.stderr

        servers = [socket.create_server(("127.0.0.1", port)) for port in (5672, 9696, 5000)]
        print(*(one.outcome for one in attempts([Target("127.0.0.1", port) for port in (5672, 9696, 5000)], 1)), sep="\\n")
        print(*filters(run), sep="\\n")
    """)
    command = ["ip", "netns", "exec", filtered, sys.executable, "-c", program]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[0] == "timed out"
    assert lines[1] in ("rejected", "refused")
    assert lines[2] == "open"
    assert "tcp dport 5672 drop" in lines[3]
    assert "reject" in lines[4]
