# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listens to all interfaces until pings of an instance have come by in VXLAN in both directions, and says what they were in.

vxlan_frames.py INSTANCE SECONDS
"""

from __future__ import annotations

import ipaddress
import json
import socket
import struct
import sys
import time

ETH_P_ALL = 3
VXLAN_PORT = 4789
instance, seconds = ipaddress.IPv4Address(sys.argv[1]), float(sys.argv[2])


def ipv4(frame: bytes) -> tuple[int, ipaddress.IPv4Address, ipaddress.IPv4Address, bytes] | None:
    """Protocol, source, destination and content of an Ethernet frame with IPv4 in it."""
    if len(frame) < 34 or frame[12:14] != b"\x08\x00":
        return None
    length = (frame[14] & 15) * 4
    return frame[23], ipaddress.IPv4Address(frame[26:30]), ipaddress.IPv4Address(frame[30:34]), frame[14 + length :]


def tunnelled_ping(frame: bytes) -> dict[str, object] | None:
    """What a frame is, if it is a ping in VXLAN."""
    outer = ipv4(frame)
    if not outer or outer[0] != socket.IPPROTO_UDP or struct.unpack("!H", outer[3][2:4])[0] != VXLAN_PORT:
        return None
    header, inner = outer[3][8:16], ipv4(outer[3][16:])
    # The flag says that there is a number of a network in the header.
    if not header[0] & 0x08 or not inner or inner[0] != socket.IPPROTO_ICMP or instance not in inner[1:3]:
        return None
    return {
        "from": str(outer[1]),
        "to": str(outer[2]),
        "vni": int.from_bytes(header[4:7]),
        "ping": {8: "request", 0: "reply"}.get(inner[3][0], "other"),
    }


with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as listener:
    seen: list[dict[str, object]] = []
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and {"request", "reply"} - {frame["ping"] for frame in seen}:
        listener.settimeout(left)
        try:
            content, address = listener.recvfrom(2048)
        except TimeoutError:
            break
        if (found := tunnelled_ping(content)) and (found := {"interface": address[0], **found}) not in seen:
            seen.append(found)
print(json.dumps(seen))
