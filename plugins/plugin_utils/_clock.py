# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The offset between the clocks of a node and the control node."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

__all__ = ["clock_offset", "clock_problem"]


def clock_offset(sent: float, node: float, received: float) -> list[float]:
    """Return the minimum and maximum seconds by which the node's clock may be ahead. It was read between sent and received."""
    return [round(node - received, 3), round(node - sent, 3)]


def clock_problem(offset: Sequence[float], allowed: float) -> str:
    """Return the problem with a clock. Empty if the clock may be right, given the duration of the request."""
    least, most = offset
    if least <= allowed and most >= -allowed:
        return ""
    # Report the certain offset, not the likely one.
    seconds, direction = (least, "ahead of") if least > allowed else (-most, "behind")
    length = str(datetime.timedelta(seconds=round(seconds)))
    return (
        f"its clock is at least {length} (hours:minutes:seconds) {direction} the clock of the machine that runs Ansible; the "
        f"limit is {allowed:g} seconds (preflight_clock_seconds), because tokens and certificates have a validity period. "
        "Correct the wrong clock: `timedatectl` shows it, `timedatectl set-time` sets it"
    )
