# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the chains of a node's packet filter that drop or reject traffic."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

__all__ = ["Run", "filters"]

# Exit status, output and errors of a command.
Run = Callable[[Sequence[str]], tuple[int, str, str]]

TABLE = re.compile(r"table (?P<family>\w+) (?P<table>\S+) \{")
CHAIN = re.compile(r"chain (?P<chain>\S+) \{")
HOOK = re.compile(r"type filter hook (?P<hook>input|output) ")
REFUSED = re.compile(r"(?:^|\s)(?:drop|reject)(?:\s+with\b.*)?;?\s*(?:comment .*)?$")
# An xtables rule that nft cannot translate.
XTABLES = ("iptables-legacy", "ip6tables-legacy")
POLICY = re.compile(r"^-P (?P<chain>INPUT|OUTPUT) DROP$", re.MULTILINE)
RULE = re.compile(r"^-A (?P<chain>INPUT|OUTPUT) .*-j (?:DROP|REJECT)\b.*$", re.MULTILINE)


def filters(run: Run) -> list[str]:
    """Return each chain that does not accept everything, as `nft` or `iptables` shows it. Needs root privileges."""
    found = list(_nft(_output(run, ["nft", "list", "ruleset"])))
    for command in XTABLES:
        rules = _output(run, [command, "-S"])
        found += [f"{command} -S: chain {match['chain']} has the policy DROP" for match in POLICY.finditer(rules)]
        found += [f"{command} -S: {match[0]}" for match in RULE.finditer(rules)]
    return found


def _output(run: Run, command: Sequence[str]) -> str:
    code, out, _err = run(command)
    # A filter that is not installed blocks nothing.
    return out if code == 0 else ""


def _nft(ruleset: str) -> Iterator[str]:
    table = chain = hook = ""
    for line in (one.strip() for one in ruleset.splitlines()):
        if match := TABLE.match(line):
            table = f"{match['family']} {match['table']}"
        elif match := CHAIN.match(line):
            chain, hook = match["chain"], ""
        elif match := HOOK.match(line):
            hook = match["hook"]
            if "policy drop" in line:
                yield f"nft: chain {chain} of table {table} (hook {hook}) has the policy drop"
        elif hook and REFUSED.search(line):
            yield f"nft: chain {chain} of table {table} (hook {hook}) has the rule: {line}"
