# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a node's packages in dpkg, and dpkg's locks."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

QUERY = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\\n"]
# apt holds the first for a whole transaction, dpkg the second for its part. A dpkg process outlives an apt that was killed.
LOCKS = ("lock-frontend", "lock")
# Intermediate states of a transaction. A killed transaction leaves packages in one of these.
PASSING = frozenset({"half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"})
POLICY = Path("/usr/sbin/policy-rc.d")
# Exactly the text that ansible.builtin.apt writes. A file with any other text belongs to the administrator.
APTS_POLICY = "#!/bin/sh\nexit 101\n"


class LockedError(Exception):
    """Another process held dpkg's locks for too long."""


def by_state(output: str) -> tuple[list[str], list[str]]:
    """Return the names of (installed, unfinished) packages from the output of QUERY."""
    installed: set[str] = set()
    unfinished: set[str] = set()
    for line in output.splitlines():
        status, _space, name = line.partition(" ")
        if status == "installed":
            installed.add(name)
        elif status in PASSING:
            unfinished.add(name)
    # A package may be installed for two architectures.
    return sorted(installed - unfinished), sorted(unfinished)


def forgotten_policy(path: Path = POLICY) -> bool:
    """Return whether a killed run of Ansible's apt left the policy-rc.d behind that prevents service starts."""
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace") == APTS_POLICY


@contextlib.contextmanager
def nobody_installs(
    directory: Path,
    wait: float,
    *,
    names: Iterable[str] = LOCKS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Wait for the locks, and hold them."""
    end = clock() + wait
    with contextlib.ExitStack() as stack:
        for name in names:
            lock = stack.enter_context((directory / name).open("wb"))
            while True:
                try:
                    # apt and dpkg use the same kind of lock. Closing the file releases it.
                    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as error:
                    if clock() >= end:
                        raise LockedError(f"{directory / name} has been locked for {wait:.0f} seconds") from error
                    sleep(1)
        yield
