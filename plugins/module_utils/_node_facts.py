# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a node that this collection uses, with the names and units of ansible.builtin.setup.

root: directory of the node's files, for tests.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

Facts = dict[str, Any]


def distribution(root: Path) -> Facts:
    values: dict[str, str] = {}
    for line in (root / "etc/os-release").read_text(encoding="utf-8").splitlines():
        name, _equals, value = line.partition("=")
        values[name] = value.strip("\"'")
    number = values.get("VERSION_ID", "n/a")
    version = number
    detailed = root / "etc/debian_version"
    if values.get("ID") == "debian" and detailed.exists():
        # This file has 13.2 where the other one has 13. Before the release it has words such as trixie/sid.
        text = detailed.read_text(encoding="utf-8").strip()
        version = text if text[:1].isdigit() else number
    return {
        "distribution": values.get("ID", "unknown").title(),
        "distribution_version": version,
        "distribution_major_version": number.split(".")[0],
    }


def memory(root: Path) -> Facts:
    """Return total and used memory. Used memory is what is not available to programs, as in `free`."""
    lines = (line.split() for line in (root / "proc/meminfo").read_text(encoding="ascii").splitlines())
    sizes = {line[0]: int(line[1]) // 1024 for line in lines}
    total = sizes["MemTotal:"]
    return {"memtotal_mb": total, "memused_mb": total - sizes["MemAvailable:"]}


def addresses(output: str) -> Facts:
    """Return interfaces and addresses from the output of `ip -json address`."""
    links = json.loads(output)

    def of(family: str) -> list[str]:
        return [one["local"] for link in links for one in link.get("addr_info", ()) if one["family"] == family]

    return {
        "interfaces": [link["ifname"] for link in links],
        "all_ipv4_addresses": [address for address in of("inet") if not address.startswith("127.")],
        "all_ipv6_addresses": [address for address in of("inet6") if address != "::1"],
    }


def devices(root: Path) -> Facts:
    links: dict[str, list[str]] = {}
    by_id = root / "dev/disk/by-id"
    for link in sorted(by_id.iterdir()) if by_id.is_dir() else ():
        links.setdefault(Path(os.readlink(link)).name, []).append(link.name)  # noqa: PTH115  # it may lead nowhere
    disks: Facts = {}
    for block in sorted((root / "sys/block").iterdir()):
        partitions = {path.parent.name: path.parent for path in block.glob("*/partition")}
        disks[block.name] = {
            "sectors": _sectors(block),
            "virtual": int("/virtual/" in str(block.resolve())),
            "links": {"ids": links.get(block.name, [])},
            "partitions": {
                name: {"sectors": _sectors(path), "links": {"ids": links.get(name, [])}} for name, path in partitions.items()
            },
        }
    return {"devices": disks}


def _sectors(path: Path) -> int:
    return int((path / "size").read_text(encoding="ascii"))


def mounts(root: Path) -> Facts:
    """Return the mounts whose source is a path, such as block devices."""
    found = []
    for line in (root / "proc/self/mounts").read_text(encoding="utf-8").splitlines():
        device, place = line.split()[:2]
        if not device.startswith("/"):
            continue
        place = place.encode().decode("unicode_escape")
        try:
            size = os.statvfs(place)
        except OSError:
            continue
        found.append(
            {"mount": place, "size_total": size.f_blocks * size.f_frsize, "size_available": size.f_bavail * size.f_frsize}
        )
    return {"mounts": found}
