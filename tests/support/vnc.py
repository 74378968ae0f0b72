# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of a browser with noVNC as shows that a console answers: a WebSocket, and RFB's handshake in it."""

from __future__ import annotations

import base64
import os
import socket
import ssl
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

VERSION = b"RFB 003.008\n"
NO_SECURITY = 1


class Console:
    """The WebSocket of the URL that Nova gives for a console. `context` decides which certificate is accepted."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        # noVNC gets the path of the WebSocket, with the token, as a parameter.
        path = f"/{unquote(parse_qs(parts.query)['path'][0]).lstrip('/')}"
        plain = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self._socket = context.wrap_socket(plain, server_hostname=parts.hostname)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"Origin: https://{parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: binary",
        ]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._stream: Any = self._socket.makefile("rb")
        self.status = self._stream.readline().decode().strip()
        while self._stream.readline().strip():
            pass

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stream.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        """One masked binary frame, as a browser sends it."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        self._socket.sendall(bytes([0x82, 0x80 | len(data)]) + mask + masked)

    def receive(self) -> bytes:
        """The content of the next frame that has some."""
        while True:
            _kind, length = self._stream.read(2)
            if length & 0x7F == 126:
                length = int.from_bytes(self._stream.read(2), "big")
            if data := self._stream.read(length):
                return bytes(data)

    def handshake(self) -> bytes:
        """RFB's handshake until the server says what it thinks of it: four zeros if all is well."""
        assert self.receive() == VERSION
        self.send(VERSION)
        assert NO_SECURITY in self.receive()[1:]
        self.send(bytes([NO_SECURITY]))
        return self.receive()
