# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg knows of the packages of a node, and its locks."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

QUERY = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\\n"]
# apt holds the first one for a whole transaction, dpkg the second one for its part. A dpkg whose apt was killed goes on alone.
LOCKS = ("lock-frontend", "lock")
# What a transaction passes through, and where a killed one stays.
PASSING = frozenset({"half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"})
POLICY = Path("/usr/sbin/policy-rc.d")
# Exactly what ansible.builtin.apt writes. Any other is the administrator's.
APTS_POLICY = "#!/bin/sh\nexit 101\n"


class LockedError(Exception):
    """Somebody else has been installing packages for too long."""


def by_state(output: str) -> tuple[list[str], list[str]]:
    """(installed, unfinished) packages, by name, from the output of QUERY."""
    installed: set[str] = set()
    unfinished: set[str] = set()
    for line in output.splitlines():
        status, _space, name = line.partition(" ")
        if status == "installed":
            installed.add(name)
        elif status in PASSING:
            unfinished.add(name)
    # A package may be there for two architectures.
    return sorted(installed - unfinished), sorted(unfinished)


def forgotten_policy(path: Path = POLICY) -> bool:
    """Whether a killed apt of Ansible's has left behind that services must not be started."""
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
    """Waits until nobody has the locks any more, and holds them."""
    end = clock() + wait
    with contextlib.ExitStack() as stack:
        for name in names:
            lock = stack.enter_context((directory / name).open("wb"))
            while True:
                try:
                    # The kind of lock that apt and dpkg use. It ends when the file is closed.
                    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as error:
                    if clock() >= end:
                        raise LockedError(f"{directory / name} has been locked for {wait:.0f} seconds") from error
                    sleep(1)
        yield
