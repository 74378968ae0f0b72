# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import secrets
import string
import typing as t
import uuid
from collections.abc import Mapping, Sequence

__all__ = ["SecretsError", "missing_secrets", "new_secrets"]

LENGTH = 32
# Nothing that a URL, a shell, an INI file or '$' of oslo.config would read in its own way.
ALPHABET = string.ascii_letters + string.digits


class SecretsError(ValueError):
    """A call with something else than names."""


def _names(required: t.Any) -> list[str]:
    if isinstance(required, (str, Mapping)) or not isinstance(required, Sequence):
        raise SecretsError(f"wanted a list of the names of secrets, got {type(required).__name__}")
    for name in required:
        if not isinstance(name, str) or not name:
            raise SecretsError(f"{name!r} is not the name of a secret")
    return list(dict.fromkeys(required))


def missing_secrets(given: t.Any, required: Sequence[str]) -> list[str]:
    """The names that have no value, in the order required."""
    if given is not None and not isinstance(given, Mapping):
        raise SecretsError(f"wanted a dictionary of secrets, got {type(given).__name__}")
    return [name for name in _names(required) if not str((given or {}).get(name) or "").strip()]


def new_secrets(required: Sequence[str]) -> dict[str, str]:
    """A random value for each name: a UUID if it ends in _uuid, 32 letters and digits (190 bits) otherwise."""
    return {
        name: str(uuid.uuid4()) if name.endswith("_uuid") else "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        for name in _names(required)
    }
