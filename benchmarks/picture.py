# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as a picture: what each node did when. One row a node, one bar a role."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import Any

WIDTH, LEFT, ROW, GAP, TOP = 1000, 90, 34, 12, 34
# By the order in which the roles begin, so that neighbours differ.
COLOURS = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948", "#b07aa1", "#9c755f", "#ff9da7", "#86bcb6"]


def bars(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Consecutive tasks of one role on one host, as one, in the order in which they begin."""
    found = []
    ordered = sorted(tasks, key=lambda task: (task["host"], task["begin"]))
    for (host, phase), group in groupby(ordered, key=lambda task: (task["host"], task["phase"])):
        ones = list(group)
        end = max(one["begin"] + one["seconds"] for one in ones)
        found.append({"host": host, "phase": phase, "begin": ones[0]["begin"], "end": end})
    return sorted(found, key=lambda one: one["begin"])


def seconds_by_phase(drawn: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Seconds of the bars of each role, by role and host, in the order in which they began."""
    found: dict[str, dict[str, float]] = {}
    for one in drawn:
        hosts = found.setdefault(one["phase"], {})
        hosts[one["host"]] = round(hosts.get(one["host"], 0) + one["end"] - one["begin"], 1)
    return found


def svg(title: str, drawn: list[dict[str, Any]], seconds: float, hosts: tuple[str, ...]) -> str:
    scale = (WIDTH - LEFT - 20) / max(seconds, 1)
    phases = list(dict.fromkeys(one["phase"] for one in drawn))
    height = TOP + len(hosts) * (ROW + GAP) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}: {seconds:.0f} s</text>',
    ]
    for row, host in enumerate(hosts):
        y = TOP + row * (ROW + GAP)
        parts.append(f'<text x="{LEFT - 8}" y="{y + ROW / 2 + 4}" text-anchor="end">{escape(host)}</text>')
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{seconds * scale:.1f}" height="{ROW}" fill="#f2f2f2"/>')
        for one in (one for one in drawn if one["host"] == host):
            x, width = LEFT + one["begin"] * scale, (one["end"] - one["begin"]) * scale
            name, colour = escape(one["phase"]), COLOURS[phases.index(one["phase"]) % len(COLOURS)]
            tip = f"<title>{name}: {one['end'] - one['begin']:.1f} s</title>"
            parts.append(f'<rect x="{x:.1f}" y="{y}" width="{max(width, 0.5):.1f}" height="{ROW}" fill="{colour}">{tip}</rect>')
            if width > 6.5 * len(one["phase"]):
                middle = x + width / 2
                parts.append(f'<text x="{middle:.1f}" y="{y + ROW / 2 + 4}" text-anchor="middle" fill="#fff">{name}</text>')
    step = next(step for step in (5, 10, 20, 30, 60, 120, 300, 600, 3600) if seconds / step <= 12)
    for second in range(0, int(seconds) + 1, step):
        x = LEFT + second * scale
        parts.append(f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle" fill="#555">{second} s</text>')
    return "\n".join([*parts, "</svg>\n"])
