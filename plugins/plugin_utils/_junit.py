# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a JUnit file of a test run to data and to readable lines.

Debian's subunit2junitxml writes the file. A library such as junitparser could read it, but would be one more package on every
machine that runs Ansible, and would replace only a dozen of these lines. The rest is specific to this collection: one-line
reasons for failures, names without Tempest's attributes, and excluded tests with their reasons.
"""

from __future__ import annotations

import re
import typing as t
import xml.etree.ElementTree as ET
from dataclasses import dataclass

__all__ = ["JUnitError", "Result", "parse", "report"]

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
# Elements that give the outcome of a test. A test without one passed.
ENDINGS = {"failure": FAILED, "error": FAILED, "skipped": SKIPPED, "skip": SKIPPED}
TRACEBACK = "Traceback (most recent call last):"
# Tempest appends the ID and the attributes of a test to its name.
ATTRIBUTES = re.compile(r"\[[^\]]*\]$")
REASON_LENGTH = 400


class JUnitError(ValueError):
    """A text that is not a JUnit file."""


@dataclass(frozen=True)
class Result:
    name: str
    status: str
    seconds: float
    reason: str = ""


def _reason(text: str) -> str:
    """Return the exception below the last traceback, or the text itself, in one line."""
    _before, found, after = text.rpartition(TRACEBACK)
    lines = [line for line in after.splitlines() if line.strip() and (not found or not line.startswith(" "))]
    line = " ".join(" ".join(lines).split())
    return line if len(line) <= REASON_LENGTH else f"{line[:REASON_LENGTH]} ..."


def _result(case: ET.Element) -> Result:
    name = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
    seconds = float((case.get("time") or "0").replace(",", ""))
    for element in case:
        if element.tag in ENDINGS:
            return Result(ATTRIBUTES.sub("", name), ENDINGS[element.tag], seconds, _reason(element.text or ""))
    return Result(ATTRIBUTES.sub("", name), PASSED, seconds)


def parse(text: str) -> list[Result]:
    try:
        root = ET.fromstring(text)  # noqa: S314  our own run has written it
    except ET.ParseError as error:
        raise JUnitError(f"not a JUnit file: {error}") from error
    if root.tag not in ("testsuite", "testsuites"):
        raise JUnitError(f"not a JUnit file: its root element is <{root.tag}>, expected <testsuite>")
    return [_result(case) for case in root.iter("testcase")]


def report(results: list[Result], excluded: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the counts and a table: failed, skipped and excluded tests, then passed ones with the slowest first."""
    counts = {status: sum(one.status == status for one in results) for status in (PASSED, FAILED, SKIPPED)}
    seconds = round(sum(one.seconds for one in results))
    lines = []
    for status in (FAILED, SKIPPED, PASSED):
        chosen = sorted((one for one in results if one.status == status), key=lambda one: (-one.seconds, one.name))
        lines += [f"{status:<8} {one.seconds:7.1f} s  {one.name}{': ' + one.reason if one.reason else ''}" for one in chosen]
    left_out = [f"excluded            {test}: {reason}" for test, reason in excluded.items()]
    summary = ", ".join(f"{count} {status}" for status, count in counts.items()) + f", {seconds} s"
    return {**counts, "seconds": seconds, "summary": summary, "lines": [*lines, *left_out]}
