# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of downloads, which may hold a password, a token or a signature that nobody else may see."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

# What may be shown of a query. Any other parameter may be the token of some server.
HARMLESS = frozenset({"arch", "architecture", "download", "dl", "file", "filename", "format", "release", "raw", "ref", "version"})
MASK = "***"
# Shorter values are not masked elsewhere: they occur in innocent words. Messages show no query in any case.
SHORTEST = 4


def problem(url: str) -> str:
    """What is wrong with the address of a download, or nothing."""
    if url != url.strip() or any(character.isspace() or ord(character) < 32 for character in url):
        return "has a space or a line break in it. Write it without, or as %20."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"is not an address ({str(error).split(':', maxsplit=1)[0]}). Expected https://HOST/PATH."
    if parts.scheme == "file":
        return "names a local file. Give its path in file instead."
    if parts.scheme not in ("http", "https"):
        return f"begins with {parts.scheme + ':' if parts.scheme else 'no scheme'}. Expected http:// or https://."
    if not parts.hostname or port == 0:
        return "names no host." if port != 0 else "names port 0. Give one from 1 to 65535."
    return ""


def public(url: str) -> str:
    """The address without user, password and fragment, and of its query only what is known to be harmless."""
    parts = _split(url)
    if parts is None or (not parts.netloc and "@" in url):
        # Not an address at all, but somebody's password may be in it.
        return MASK
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key.lower() in HARMLESS]
    host, path = parts.netloc.rpartition("@")[2], parts.path.partition(";")[0]
    return str(urlunsplit((parts.scheme, host, path, urlencode(query, quote_via=quote), "")))


def secrets(url: str) -> set[str]:
    """What of the address is to be masked wherever it occurs, as it is written and as it is meant."""
    parts = _split(url)
    if parts is None or (not parts.netloc and "@" in url):
        # A list in place of a URL, or quotes around it.
        inside = re.findall(r"\w+://[^\s'\"\[\]]+", url)
        return {url, *(part for one in inside if one != url for part in secrets(one))}
    found = {*(parts.netloc.rpartition("@")[0].split(":", 1))}
    for pair in parts.query.split("&"):
        key, _equals, value = pair.partition("=")
        if unquote(key).lower() not in HARMLESS:
            # A query without names is a token as a whole.
            found.add(value or key)
    found |= {parts.fragment, parts.path.partition(";")[2]}
    found |= {unquote(one) for one in found} | {unquote(one.replace("+", " ")) for one in found}
    return {one for one in found if len(one) >= SHORTEST}


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None
