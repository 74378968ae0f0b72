# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control socket of a running node: a datagram protocol of user-mode Linux."""

from __future__ import annotations

import socket
import struct
import tempfile
from pathlib import Path

MAGIC = 0xCAFEBABE
VERSION = 2
REQUEST = struct.Struct("=III512s")
REPLY = struct.Struct("=III512s")


def send(path: Path, command: str, seconds: float = 5) -> str | None:
    """Send a command and return the answer, or None if the node does not answer (it may be gone by then)."""
    data = command.encode()
    with (
        tempfile.TemporaryDirectory(prefix="lab-mconsole-") as directory,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client,
    ):
        client.bind(f"{directory}/answer")
        client.settimeout(seconds)
        answer = ""
        try:
            client.sendto(REQUEST.pack(MAGIC, VERSION, len(data), data), str(path))
            more = 1
            while more:
                error, more, length, text = REPLY.unpack(client.recv(REPLY.size))
                answer += text[:length].rstrip(b"\0").decode(errors="replace")
        except (OSError, struct.error):
            return None
        return f"error: {answer}" if error else answer
