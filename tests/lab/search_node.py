# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: says where its secrets can be seen. They come as a JSON object on standard input, and never go out again.

search_node.py watch     looks at the processes, until standard input ends
search_node.py search    looks at the processes, the journal and all log files, once
"""

from __future__ import annotations

import contextlib
import gzip
import json
import lzma
import re
import select
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

Place = tuple[str, Iterable[bytes]]


def processes(kinds: Iterable[str]) -> Iterator[Place]:
    for entry in Path("/proc").glob("[0-9]*"):
        for kind in kinds:
            # It may have ended meanwhile.
            with contextlib.suppress(OSError):
                text = (entry / kind).read_bytes()
                program = text.split(b"\0")[0] if kind == "cmdline" else (entry / "comm").read_bytes().strip()
                yield f"{kind} of a process {program.decode(errors='replace')}", [text]


def journal() -> Iterator[Place]:
    command = ["journalctl", "--all", "--no-pager", "--output=export"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
        assert reader.stdout
        yield "journal", reader.stdout


def logs() -> Iterator[Place]:
    for path in Path("/var/log").rglob("*"):
        if not path.is_file() or "journal" in path.parts:
            continue
        opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
        with contextlib.suppress(OSError), opener(path, "rb") as stream:
            yield str(path), stream


class Search:
    def __init__(self, secrets: dict[str, str]) -> None:
        self.names = {value.encode(): name for name, value in secrets.items()}
        self.pattern = re.compile(b"|".join(re.escape(value) for value in self.names))
        self.said: set[str] = set()
        self.lines = 0

    def look(self, places: Iterable[Place]) -> None:
        for place, lines in places:
            for line in lines:
                self.lines += 1
                for match in self.pattern.finditer(line):
                    around = self.pattern.sub(b"(SECRET)", line[max(0, match.start() - 80) : match.end() + 40])
                    self.say(f"{self.names[match[0]]} in {place}: {around.decode(errors='replace').strip()}")

    def say(self, finding: str) -> None:
        if finding not in self.said:
            self.said.add(finding)
            print(finding, flush=True)


def main() -> None:
    secrets: dict[str, str] = json.loads(sys.stdin.readline())
    for repository in ("fernet-keys", "credential-keys"):
        for path in Path("/etc/keystone").glob(f"{repository}/*"):
            secrets[f"{repository}/{path.name}"] = path.read_text(encoding="ascii").strip()
    search = Search(secrets)
    if sys.argv[1] == "watch":
        # A command lives longer than that on a node, and each look costs its core a tenth of it.
        while not select.select([sys.stdin], [], [], 1)[0]:
            search.look(processes(["cmdline"]))
        return
    for places in (processes(["cmdline", "environ"]), journal(), logs()):
        search.look(places)
    print(f"searched {search.lines} lines for {len(secrets)} secrets", file=sys.stderr)


if __name__ == "__main__":
    main()
