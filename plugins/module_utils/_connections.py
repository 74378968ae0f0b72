# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks which TCP ports a node can reach, and explains failures."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

__all__ = ["OPEN", "Connection", "Target", "attempt", "attempts", "sentence"]

OPEN, REFUSED, SILENT, REJECTED, UNREACHABLE, UNKNOWN = "open", "refused", "timed out", "rejected", "unreachable", "unknown name"
# Errors of a connection that a packet filter rejects with an ICMP message.
REJECTIONS = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.ENOPROTOOPT})


@dataclass(frozen=True)
class Target:
    host: str
    port: int
    purpose: str = ""

    @property
    def described(self) -> str:
        return f"port {self.port} of {self.host}" + (f" ({self.purpose})" if self.purpose else "")


@dataclass(frozen=True)
class Connection:
    target: Target
    outcome: str
    detail: str = ""


def attempt(target: Target, seconds: float) -> Connection:
    """Open one connection and close it immediately."""
    try:
        with socket.create_connection((target.host, target.port), timeout=seconds):
            return Connection(target, OPEN)
    except TimeoutError:
        return Connection(target, SILENT)
    except ConnectionRefusedError:
        return Connection(target, REFUSED)
    except socket.gaierror as error:
        return Connection(target, UNKNOWN, str(error.strerror))
    except OSError as error:
        return Connection(target, REJECTED if error.errno in REJECTIONS else UNREACHABLE, str(error.strerror or error))


def attempts(targets: Sequence[Target], seconds: float) -> list[Connection]:
    """Try all targets at the same time: dropped ports take the whole timeout."""
    if not targets:
        return []
    with ThreadPoolExecutor(max_workers=min(len(targets), 32)) as pool:
        return list(pool.map(lambda target: attempt(target, seconds), targets))


def sentence(connection: Connection, node: str, seconds: float) -> str:
    """Explain the problem with a connection, and where to look. Empty for an open one."""
    what = connection.target.described
    return {
        OPEN: "",
        SILENT: (
            f"{what} does not answer {node} within {seconds:g} s: a firewall drops the connection, or the host is down. "
            "`nft list ruleset` on both hosts shows the rules that drop traffic"
        ),
        REFUSED: (
            f"{what} refuses {node}: nothing listens there, or a firewall rejects the connection. See `ss -tlnp` and "
            "`nft list ruleset` on that host"
        ),
        REJECTED: (
            f"{what} cannot be reached from {node} ({connection.detail}): a firewall rejects the connection, or there is no "
            "route. See `nft list ruleset` on both hosts, and `ip route`"
        ),
        UNREACHABLE: f"{what} cannot be reached from {node}: {connection.detail}",
        UNKNOWN: f"{what}: {node} cannot resolve this host name ({connection.detail})",
    }[connection.outcome]
