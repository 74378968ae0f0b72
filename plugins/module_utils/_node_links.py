# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network interfaces of a node: their addresses, what is stacked on them, and who depends on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Facts = dict[str, Any]


def links(addresses: str) -> Facts:
    """From what `ip -json -details address` prints. Addresses that exist on every node, or on every link, tell nothing."""
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
                # A port's bridge or bond, and the interface that a VLAN is on: both ends of a veth pair name each other there.
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
    """Such as vlan, bond or veth. Nothing for hardware."""
    return str(link.get("linkinfo", {}).get("info_kind", ""))


def default_interfaces(*routes: str) -> Facts:
    """From what `ip -json route show default` prints, for each family. A route over several ways names them one level deeper."""
    found = (hop for text in routes for route in _elements(text) for hop in (route, *route.get("nexthops", ())))
    return {"default_interfaces": sorted({hop["dev"] for hop in found if "dev" in hop})}


def session(environment: Mapping[str, str], root: Path, pid: int, addresses: str) -> Facts:
    """Where the SSH connection of this run arrived. Not known with another kind of connection."""
    address, _scope, scope = _server_address(environment, root, pid).partition("%")
    interfaces = [
        link["ifname"] for link in _elements(addresses) for one in link.get("addr_info", ()) if one.get("local") == address
    ]
    # The same link-local address may be on several interfaces: then the scope is the interface.
    interface = scope or (interfaces[0] if interfaces else None)
    return {"session_address": address or None, "session_interface": interface}


def _server_address(environment: Mapping[str, str], root: Path, pid: int) -> str:
    """From SSH_CONNECTION: client, its port, server, its port. sudo drops it, but sudo's own parents still have it."""
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
    # An IPv4 client of a socket that listens for both families.
    return words[2].removeprefix("::ffff:") if len(words) == 4 else ""


def _elements(text: str) -> list[dict[str, Any]]:
    """Without the empty objects that iproute2 prints for what its filters leave out."""
    return [one for one in json.loads(text or "[]") if one]
