# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Combines apt's errors into one message."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["apt_problem", "failed_sources"]

FETCH = re.compile(r"^[WE]: (?:Failed to fetch|GPG error:|The repository|An error occurred during the signature verification)")
GENERAL = re.compile(r"^[WE]: Some index files failed to download|^[WE]: Problem unlinking")
WHERE = "/etc/apt/sources.list and /etc/apt/sources.list.d"


def failed_sources(errors: str) -> list[str]:
    """Return the failing package sources, each with the reason, from the standard error of `apt-get update`."""
    lines = [" ".join(line.split()) for line in errors.splitlines() if line.startswith(("W: ", "E: "))]
    # Other errors, such as a line that apt cannot parse, matter as much. Other warnings do not.
    wanted = [line for line in lines if not GENERAL.match(line) and (line.startswith("E: ") or FETCH.match(line))]
    return list(dict.fromkeys(line[3:] for line in wanted))


def apt_problem(failure: str, errors: str, held: Sequence[str] = (), check_mode: bool = False) -> str:
    """Explain why packages cannot be installed, and what to do."""
    sources = failed_sources(errors)
    parts = [f"Packages cannot be installed. {failure.strip()}"]
    if sources:
        parts.append(
            f"These package sources fail:\n{_listed(sources)}\nOn the node, correct or remove them in {WHERE}, or make sure that "
            "it can reach their servers. Proxies are set in /etc/apt/apt.conf.d (Acquire::http::Proxy)."
        )
    if held:
        parts.append(f"These packages are on hold: {', '.join(held)}. To release one, run `apt-mark unhold NAME` on the node.")
    if check_mode:
        parts.append("Check mode does not update the package lists. Run `apt-get update` on the node.")
    elif not sources:
        parts.append("Fix the cause, then run the playbook again.")
    return "\n".join(parts)


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
