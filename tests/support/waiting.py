# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing here waits for a fixed time: what is waited for is looked at until it is there, or the time is up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

Seen = TypeVar("Seen")


def wait_for(
    what: str,
    look: Callable[[], Seen],
    until: Callable[[Seen], object] = bool,
    seconds: float = 120,
    explain: Callable[[], str] = str,
) -> Seen:
    """What `look` sees as soon as it is as wanted. `explain` is asked, such as for a journal, when the time is up."""
    deadline = time.monotonic() + seconds
    while not until(seen := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:.0f} s. Last seen: {seen!r}\n{explain()}", pytrace=False)
        time.sleep(1)
    return seen
