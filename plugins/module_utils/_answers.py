# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until a URL answers. A unit is active as soon as its process runs, which says nothing about the service."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable

__all__ = ["get_status", "wait_for_answer"]

# What an API that works says to a stranger: 300 is its list of versions.
FINE = (200, 300)
REQUEST_SECONDS = 60
PAUSE_SECONDS = 1.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object) -> None:
        return None


def get_status(url: str) -> int:
    """HTTP status of a GET. A proxy that the environment names is not asked: the service is near."""
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
    """What was wrong with the last answer when the time was over; empty once the URL has answered as it should."""
    deadline = clock() + seconds
    while True:
        try:
            status = get(url)
        except (OSError, http.client.HTTPException) as error:
            trouble = f"the last try ended with {error}"
        else:
            if status in FINE:
                return ""
            trouble = f"the last answer had the status {status}"
        if clock() >= deadline:
            return trouble
        sleep(PAUSE_SECONDS)
