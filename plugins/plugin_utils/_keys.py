# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the keys of a dictionary that a role describes something with."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

__all__ = ["wrong_keys"]


def wrong_keys(given: Mapping[str, t.Any], required: Sequence[str], optional: Sequence[str]) -> str:
    """Return which keys are missing or unknown, for a sentence with "has". Empty if there are none."""
    missing = [key for key in required if key not in given]
    if missing:
        return f"no {', '.join(missing)}"
    unknown = sorted(set(given) - {*required, *optional})
    return f"unknown keys ({', '.join(unknown)})" if unknown else ""
