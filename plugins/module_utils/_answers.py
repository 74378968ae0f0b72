# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until a URL answers. A unit is active as soon as its process runs, even if the service does not work yet."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable

__all__ = ["get_status", "wait_for_answer"]

# Statuses of a working API without authentication. 300 is the list of versions.
FINE = (200, 300)
REQUEST_SECONDS = 60
PAUSE_SECONDS = 1.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object) -> None:
        return None


def get_status(url: str) -> int:
    """Return the HTTP status of a GET. Ignores proxies from the environment: the service is local."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(url, timeout=REQUEST_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def wait_for_answer(
    url: str,
    seconds: float,
    *,
    get: Callable[[str], int] = get_status,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Wait for a good answer. Return an empty string, or the last problem after the timeout."""
    deadline = clock() + seconds
    while True:
        try:
            status = get(url)
        except (OSError, http.client.HTTPException) as error:
            trouble = f"the last attempt failed: {error}"
        else:
            if status in FINE:
                return ""
            trouble = f"the last answer had status {status}"
        if clock() >= deadline:
            return trouble
        sleep(PAUSE_SECONDS)
