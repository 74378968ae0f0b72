# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the nodes' results of security_check_info into a table and a JUnit file."""

from __future__ import annotations

import re
import typing as t
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.mikumo.openstack.plugins.module_utils._security_checks import (
    FAIL,
    ITEMS,
    NOT_APPLICABLE,
    PASS,
    ChecksError,
    Node,
)

__all__ = ["Row", "report", "rows"]

# Stands for a host in a result that concerns none.
NO_HOST = "-"
UNREADABLE = "the node could not be checked, see above"
# Characters that XML cannot contain.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Row:
    id: str
    title: str
    host: str
    outcome: str
    reason: str


def rows(results: Mapping[str, Sequence[Mapping[str, str]] | None]) -> list[Row]:
    """Return the results in the order of the guide. An item without a result gets the reason why it has none."""
    found: dict[str, list[Row]] = {item.id: [] for item in ITEMS}
    lost = []
    for host, listed in results.items():
        if listed is None:
            lost.append(Row("Nodes", "Every node can be checked", host, FAIL, UNREADABLE))
        for one in listed or ():
            found[one["id"]].append(Row(one["id"], one["title"], host, one["outcome"], one["reason"]))
    for item in ITEMS:
        if found[item.id]:
            continue
        reason = f"no checked node has the role {' or '.join(item.roles)}"
        if not item.roles:
            reason = item.check(Node(frozenset(), _nothing, _nothing)).reason
        found[item.id].append(Row(item.id, item.title, NO_HOST, NOT_APPLICABLE, reason))
    return [*lost, *(row for listed in found.values() for row in listed)]


def _nothing(path: str) -> t.NoReturn:
    raise ChecksError(f"{path} is of no node")


def _junit(table: Sequence[Row], counts: Mapping[str, int]) -> str:
    numbers = {"tests": len(table), "failures": counts[FAIL], "errors": 0, "skipped": counts[NOT_APPLICABLE]}
    suite = ET.Element("testsuite", {"name": "security", **{name: str(number) for name, number in numbers.items()}})
    for row in table:
        case = ET.SubElement(suite, "testcase", {"classname": row.id, "name": f"{row.title} ({row.host})", "time": "0"})
        kind = {FAIL: "failure", NOT_APPLICABLE: "skipped"}.get(row.outcome)
        if kind:
            ET.SubElement(case, kind).text = CONTROL.sub("?", row.reason)
    ET.indent(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suite, encoding="unicode")}\n'


def report(results: Mapping[str, Sequence[Mapping[str, str]] | None]) -> dict[str, t.Any]:
    """Return the numbers, a summary, the lines of the table, and the JUnit file."""
    table = rows(results)
    counts = {outcome: sum(row.outcome == outcome for row in table) for outcome in (PASS, FAIL, NOT_APPLICABLE)}
    columns = [
        max(len(value) for value in column) for column in zip(*((row.id, row.outcome, row.host) for row in table), strict=True)
    ]
    lines = [
        f"{row.id:<{columns[0]}}  {row.outcome:<{columns[1]}}  {row.host:<{columns[2]}}  {row.title}: {row.reason}"
        for row in table
    ]
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    failed = [line for row, line in zip(table, lines, strict=True) if row.outcome == FAIL]
    return {"failed": failed, "summary": summary, "lines": lines, "junit": _junit(table, counts)}
