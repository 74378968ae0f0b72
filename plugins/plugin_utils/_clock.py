# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the clock of a node is from the control machine's."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

__all__ = ["clock_offset", "clock_problem"]


def clock_offset(sent: float, node: float, received: float) -> list[float]:
    """The least and the most seconds by which the node's clock may be ahead. It was read between sent and received."""
    return [round(node - received, 3), round(node - sent, 3)]


def clock_problem(offset: Sequence[float], allowed: float) -> str:
    """What is wrong with a clock; empty if it may be right, given how long the answer took."""
    least, most = offset
    if least <= allowed and most >= -allowed:
        return ""
    # What is certain, not what is likely.
    seconds, direction = (least, "ahead of") if least > allowed else (-most, "behind")
    length = str(datetime.timedelta(seconds=round(seconds)))
    return (
        f"its clock is at least {length} (hours:minutes:seconds) {direction} the clock of the machine that runs Ansible; allowed "
        f"are {allowed:g} seconds (preflight_clock_seconds), since tokens and certificates are valid for a time. Set the one "
        "that is wrong: `timedatectl` shows it, `timedatectl set-time` sets it"
    )
