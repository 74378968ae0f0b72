# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of Fernet keys, as text in the site's secrets and as files in Keystone's key repositories.

A text has one line for each key: its number, a colon and the key. Number 0 is the staged key, which becomes the next primary one.
The highest number is the primary key, which encrypts. The others are secondary keys, and only decrypt. A number always keeps its
key, except for 0. The numbers are the names of the files.

No message in this file shows any part of a key.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import grp
import os
import pwd
import re
import secrets
import stat
import tempfile
import time
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "CREDENTIAL_KEYS",
    "FERNET_KEYS",
    "KEY_SETS",
    "STAGED",
    "KeysError",
    "Step",
    "apply",
    "found_keys",
    "keys_problem",
    "new_keys",
    "parsed_keys",
    "primary_age",
    "rotated_keys",
    "steps",
    "written_keys",
]

FERNET_KEYS = "keystone_fernet_keys"
CREDENTIAL_KEYS = "keystone_credential_keys"
KEY_SETS = (FERNET_KEYS, CREDENTIAL_KEYS)
STAGED = 0
# A staged key, a primary key and a secondary key. With fewer, a rotation would drop the key of the latest tokens.
LEAST = 3
MODE = 0o600
DIRECTORY_MODE = 0o700
_LINE = re.compile(r"(0|[1-9][0-9]{0,8}): ([A-Za-z0-9_-]{43}=)")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")

Keys = dict[int, str]


class KeysError(ValueError):
    """A set of keys that cannot be used. The message has numbers and paths, never keys."""


# --- sets of keys ----------------------------------------------------------------------------------------------------


def _new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


def _is_key(text: str) -> bool:
    try:
        return len(text) == 44 and len(base64.urlsafe_b64decode(text.encode("ascii"))) == 32
    except (ValueError, binascii.Error):
        return False


def _check(keys: Mapping[int, str]) -> None:
    if STAGED not in keys:
        raise KeysError("has no key 0, which becomes the next primary key")
    if len(keys) < 2:
        raise KeysError("has only the key 0: the key with the highest number is the primary one")
    if len(set(keys.values())) < len(keys):
        raise KeysError("has the same key twice")


def parsed_keys(text: t.Any) -> Keys:
    """Return the keys by number."""
    if not isinstance(text, str):
        raise KeysError("is not a text with one key per line")
    keys: Keys = {}
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if not match or not _is_key(match[2]):
            raise KeysError(f"has no key in line {place}: a line is a number, a colon, a space and a Fernet key of 44 characters")
        number = int(match[1])
        if number in keys:
            raise KeysError(f"has two keys with the number {number}")
        keys[number] = match[2]
    _check(keys)
    return keys


def written_keys(keys: Mapping[int, str]) -> str:
    """Return the text of the keys."""
    return "".join(f"{number}: {keys[number]}\n" for number in sorted(keys))


def new_keys() -> str:
    """Return the text of a new set, as keystone-manage makes it: a staged key and a primary key."""
    return written_keys({STAGED: _new_key(), 1: _new_key()})


def keys_problem(name: str, value: t.Any) -> str | None:
    """Explain why a value of the secrets is not a set of keys."""
    try:
        parsed_keys(value)
    except KeysError as error:
        return f"{name} {error}: give each key in a line of its own, in a block that begins with `{name}: |`"
    return None


def rotated_keys(keys: Mapping[int, str], most: int) -> Keys:
    """Return the set after a rotation: the staged key is the primary one, and the oldest keys are gone.

    most: how many keys there may be.
    """
    if most < LEAST:
        raise KeysError(f"cannot be rotated with {most} keys: Keystone needs {LEAST}, or the latest tokens would be refused")
    rotated = {**keys, max(keys) + 1: keys[STAGED], STAGED: _new_key()}
    for oldest in sorted(rotated)[1 : 1 + max(0, len(rotated) - most)]:
        del rotated[oldest]
    return rotated


# --- key repositories ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A key that is written, or removed if there is none."""

    number: int
    key: str = ""


def found_keys(directory: Path) -> Keys:
    """Return the keys of a repository. Keystone ignores empty files, and names that are no numbers."""
    keys: Keys = {}
    try:
        files = list(directory.iterdir())
    except FileNotFoundError:
        return keys
    except OSError as error:
        raise KeysError(f"{directory} cannot be read: {error.strerror}") from None
    for file in files:
        if not _NUMBER.fullmatch(file.name) or not file.is_file():
            continue
        try:
            key = file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise KeysError(f"{file} cannot be read: {getattr(error, 'strerror', 'it is not ASCII')}") from None
        if key:
            keys[int(file.name)] = key.strip()
    return keys


def checked_keys(directory: Path) -> str:
    """Return the text of a repository's keys, or an empty text if it has none."""
    keys = found_keys(directory)
    for number, key in keys.items():
        if not _is_key(key):
            raise KeysError(f"{directory / str(number)} is not a Fernet key")
    if not keys:
        return ""
    try:
        _check(keys)
    except KeysError as error:
        raise KeysError(f"{directory} {error}") from None
    return written_keys(keys)


def steps(directory: Path, found: Mapping[int, str], wanted: Mapping[int, str], *, prune: bool = False) -> list[Step]:
    """Return what leads from the keys of a repository to the wanted ones. After each step, everything is still readable.

    Secondary keys come first, then the primary one, which has been staged before. Only then may the new staged key replace it.

    prune: also remove the keys that are not wanted.
    """
    newer = [number for number in found if number > max(wanted)]
    other = [number for number in found if number != STAGED and number in wanted and found[number] != wanted[number]]
    if newer or other:
        names = ", ".join(str(number) for number in sorted({*newer, *other}))
        raise KeysError(
            f"{directory} has keys that the site's secrets do not have, or not under these numbers: {names}. Without them, what "
            "they encrypted would be lost. If the secrets are older than these keys, restore the latest secrets. Or remove this "
            "set from the secrets: the next run then takes the keys that the controller has. If nothing needs them any more, "
            "remove these files"
        )
    order = [*(number for number in sorted(wanted) if number != STAGED), STAGED]
    writes = [Step(number, wanted[number]) for number in order if found.get(number) != wanted[number]]
    return writes + [Step(number) for number in sorted(found) if prune and number not in wanted]


def primary_age(directory: Path, primary: int) -> int | None:
    """Return for how many seconds a repository has had this primary key."""
    try:
        return max(0, int(time.time() - (directory / str(primary)).stat().st_mtime))
    except OSError:
        return None


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(directory: Path, step: Step, owner: tuple[int, int]) -> None:
    # Keystone opens every file of the directory before it looks at the name. It would fail with a temporary file that it may not
    # read, or that is gone.
    handle, name = tempfile.mkstemp(prefix=f".{directory.name}.mikumo-", suffix=".tmp", dir=directory.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(step.key)
            stream.flush()
            os.fchown(stream.fileno(), *owner)
            os.fchmod(stream.fileno(), MODE)
            os.fsync(stream.fileno())
        Path(name).replace(directory / str(step.number))
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    _sync_directory(directory)


def owner_ids(owner: str, group: str) -> tuple[int, int] | None:
    """Return the numbers of a user and a group, or None if there is no such user yet."""
    try:
        return pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def _loose(path: Path, mode: int, owner: tuple[int, int]) -> bool:
    found = path.stat()
    return (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) != (*owner, mode)


def _paths(directory: Path, wanted: Mapping[int, str]) -> Iterator[tuple[Path, int]]:
    yield directory, DIRECTORY_MODE
    for number in wanted:
        yield directory / str(number), MODE


def loose_paths(directory: Path, wanted: Mapping[int, str], owner: tuple[int, int]) -> list[Path]:
    """Return paths that exist with another owner or mode."""
    return [path for path, mode in _paths(directory, wanted) if path.exists() and _loose(path, mode, owner)]


def apply(
    directory: Path,
    todo: list[Step],
    wanted: Mapping[int, str],
    owner: tuple[int, int],
    *,
    after_each: Callable[[], None] = lambda: None,
) -> None:
    """Take the steps.

    after_each: for tests.
    """
    try:
        for stale in directory.parent.glob(f".{directory.name}.mikumo-*.tmp"):
            stale.unlink(missing_ok=True)
        if not directory.is_dir():
            directory.mkdir(mode=DIRECTORY_MODE)
        for path, mode in _paths(directory, wanted):
            if path.exists() and _loose(path, mode, owner):
                # Without the owner's own bits, Keystone could not read it meanwhile.
                path.chmod(mode)
                os.chown(path, *owner)
        for step in todo:
            if step.key:
                _write(directory, step, owner)
            else:
                (directory / str(step.number)).unlink(missing_ok=True)
                _sync_directory(directory)
            after_each()
    except OSError as error:
        raise KeysError(f"{directory}: the keys cannot be written: {error.strerror}") from error
