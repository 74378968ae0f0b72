# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs of downloads. They may contain a password, a token or a signature that must stay secret."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

# Query parameters that may be shown. Any other parameter may be a server's token.
HARMLESS = frozenset({"arch", "architecture", "download", "dl", "file", "filename", "format", "release", "raw", "ref", "version"})
MASK = "***"
# Shorter values are not masked elsewhere, because they occur in ordinary words. Messages never show a query anyway.
SHORTEST = 4


def problem(url: str) -> str:
    """Return the problem with the URL of a download. Empty if there is none."""
    if url != url.strip() or any(character.isspace() or ord(character) < 32 for character in url):
        return "contains a space or a line break. Remove it, or write the space as %20."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"is not a valid URL ({str(error).split(':', maxsplit=1)[0]}). Expected https://HOST/PATH."
    if parts.scheme == "file":
        return "names a local file. Give its path in file instead."
    if parts.scheme not in ("http", "https"):
        return f"{f'begins with {parts.scheme}:' if parts.scheme else 'has no scheme'}. Expected http:// or https://."
    if not parts.hostname or port == 0:
        return "names no host." if port != 0 else "names port 0. Give one from 1 to 65535."
    return ""


def public(url: str) -> str:
    """Return the URL without user, password and fragment, and only with query parameters that are known to be harmless."""
    parts = _split(url)
    if parts is None or (not parts.netloc and "@" in url):
        # Not a valid URL, but it may contain a password.
        return MASK
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key.lower() in HARMLESS]
    host, path = parts.netloc.rpartition("@")[2], parts.path.partition(";")[0]
    return str(urlunsplit((parts.scheme, host, path, urlencode(query, quote_via=quote), "")))


def secrets(url: str) -> set[str]:
    """Return the parts of the URL to mask wherever they occur, both encoded and decoded."""
    parts = _split(url)
    if parts is None or (not parts.netloc and "@" in url):
        # A list instead of a URL, or a URL in quotes.
        inside = re.findall(r"\w+://[^\s'\"\[\]]+", url)
        return {url, *(part for one in inside if one != url for part in secrets(one))}
    found = {*(parts.netloc.rpartition("@")[0].split(":", 1))}
    for pair in parts.query.split("&"):
        key, _equals, value = pair.partition("=")
        if unquote(key).lower() not in HARMLESS:
            # A query without parameter names is entirely a token.
            found.add(value or key)
    found |= {parts.fragment, parts.path.partition(";")[2]}
    found |= {unquote(one) for one in found} | {unquote(one.replace("+", " ")) for one in found}
    return {one for one in found if len(one) >= SHORTEST}


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None
