# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network interfaces of a node: their addresses, how they are stacked, and what depends on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Facts = dict[str, Any]


def links(addresses: str) -> Facts:
    """Return the links from the output of `ip -json -details address`. Omits addresses that every node or every link has."""
    return {
        "links": {
            link["ifname"]: {
                "addresses": [
                    {
                        "address": one["local"],
                        "prefixlen": one["prefixlen"],
                        "family": "ipv6" if one["family"] == "inet6" else "ipv4",
                        "secondary": bool(one.get("secondary")),
                    }
                    for one in link.get("addr_info", ())
                    if one.get("family") == "inet" or (one.get("family") == "inet6" and one.get("scope") == "global")
                ],
                # "link" is the parent interface of a VLAN. The ends of a veth pair refer to each other there.
                "master": link.get("master"),
                "parent": None if _kind(link) == "veth" else link.get("link"),
                "kind": _kind(link),
                "up": "UP" in link.get("flags", ()),
                "loopback": "LOOPBACK" in link.get("flags", ()),
                "altnames": link.get("altnames", []),
            }
            for link in _elements(addresses)
        }
    }


def _kind(link: Facts) -> str:
    """Return the type, such as vlan, bond or veth. Empty for hardware."""
    return str(link.get("linkinfo", {}).get("info_kind", ""))


def default_interfaces(*routes: str) -> Facts:
    """Return the interfaces from `ip -json route show default` for each family. Multipath routes nest them one level deeper."""
    found = (hop for text in routes for route in _elements(text) for hop in (route, *route.get("nexthops", ())))
    return {"default_interfaces": sorted({hop["dev"] for hop in found if "dev" in hop})}


def session(environment: Mapping[str, str], root: Path, pid: int, addresses: str) -> Facts:
    """Return the local end of this run's SSH connection. Unknown with other connection plugins."""
    address, _scope, scope = _server_address(environment, root, pid).partition("%")
    interfaces = [
        link["ifname"] for link in _elements(addresses) for one in link.get("addr_info", ()) if one.get("local") == address
    ]
    # Several interfaces may have the same link-local address. The scope then names the interface.
    interface = scope or (interfaces[0] if interfaces else None)
    return {"session_address": address or None, "session_interface": interface}


def _server_address(environment: Mapping[str, str], root: Path, pid: int) -> str:
    """Read the address from SSH_CONNECTION (client, port, server, port). sudo drops it, but sudo's parents still have it."""
    text = environment.get("SSH_CONNECTION", "")
    while not text and pid > 1:
        process = root / "proc" / str(pid)
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            pid = int((process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        text = next((one.decode().partition("=")[2] for one in variables if one.startswith(b"SSH_CONNECTION=")), "")
    words = text.split()
    # Prefix for an IPv4 client of a dual-stack socket.
    return words[2].removeprefix("::ffff:") if len(words) == 4 else ""


def _elements(text: str) -> list[dict[str, Any]]:
    """Parse iproute2's JSON. Drop the empty objects that it prints for filtered entries."""
    return [one for one in json.loads(text or "[]") if one]
