# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file with a site's secrets: finds it, and adds missing secrets.

Two simultaneous runs generate only one set: the directory is locked while the file is read and written. A new file is moved into
place atomically, and only if no other run was faster.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import secrets
import stat
import string
import tempfile
import typing as t
import uuid
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from ansible_collections.mikumo.openstack.plugins.module_utils._certificate_authority import (
    CertificateAuthorityError,
    new_certificate_authority,
)
from ansible_collections.mikumo.openstack.plugins.module_utils._keystone_keys import (
    KEY_SETS,
    STAGED,
    KeysError,
    new_keys,
    parsed_keys,
    rotated_keys,
    written_keys,
)

__all__ = ["ALPHABET", "AUTHORITY", "UNASKED", "Outcome", "Rotation", "SecretsFileError", "bring", "new_value", "place", "rotate"]

VARIABLE = "cloud_secrets"
LENGTH = 32
ALPHABET = string.ascii_letters + string.digits
AUTHORITY = "tls_ca"
# A run adds these to an existing file without consent: no account and no data depend on an old value. RabbitMQ's accounts follow
# from their passwords at each start. Keystone's keys are those that a controller has, if it has some.
UNASKED = frozenset(
    {
        AUTHORITY,
        *KEY_SETS,
        *(
            f"{name}_rabbitmq"
            for name in ("cinder", "cinder_volume", "heat", "neutron", "neutron_agents", "nova", "nova_compute")
        ),
    }
)
HEAD = re.compile(r"(?:[ \t]*(?:#.*)?\n)*---[ \t]*\n")
HEADER = """\
# The site's secrets. Keep a copy of this file in a safe place: a cloud cannot run without them.
# It may be encrypted: ansible-vault encrypt {name}
---
"""


class SecretsFileError(Exception):
    """A file that cannot be used or written. The message has only names, never values."""


class Outcome(t.NamedTuple):
    changed: bool
    # Names of secrets that were generated, or would be.
    generated: list[str]
    # Whether the file now has secrets that the inventory lacked, and must be read.
    read: bool


class Rotation(t.NamedTuple):
    """Numbers of keys, by the name of the secret."""

    changed: bool
    before: dict[str, list[int]]
    after: dict[str, list[int]]
    dropped: dict[str, list[int]]


def place(path: str, sources: Sequence[str]) -> Path:
    """Return the given path, or the default path next to the inventory.

    sources: inventory sources, as in ansible_inventory_sources.
    """
    if path:
        found = Path(os.path.expanduser(path))  # noqa: PTH111
        return found if found.is_absolute() else Path.cwd() / found
    roots: list[Path] = []
    for source in sources:
        given = Path(source)
        root = given if given.is_dir() else given.parent
        if "," not in source and given.exists() and root not in roots:
            roots.append(root)
    files = [root / "group_vars/all/secrets.yml" for root in roots]
    for sought in ([one for one in files if one.exists()], [one for one in files if one.parent.is_dir()], files):
        if len(sought) == 1:
            return sought[0]
        if sought:
            break
    told = ", ".join(sources) or "none"
    if files:
        raise SecretsFileError(
            f"several inventories were given ({told}), and new secrets could belong next to any of them: name the file, as in "
            f"-e secrets_file={files[0]}"
        )
    raise SecretsFileError(
        f"the inventory ({told}) is not a file, and new secrets have no place next to it: name a file, as in "
        "-e secrets_file=/path/to/secrets.yml"
    )


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems cannot lock directories. There, only os.link stops a second run from writing its own file.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _look(path: Path) -> str | None:
    """Return the text of the file, or None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        if path.is_symlink():
            raise SecretsFileError(f"{path} is a symbolic link to a file that does not exist") from None
        return None
    except OSError as error:
        raise SecretsFileError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise SecretsFileError(f"{path} is not a regular file")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretsFileError(f"{path} cannot be read: {getattr(error, 'strerror', 'it is not UTF-8')}") from None


def _yaml() -> t.Any:
    try:
        yaml = import_module("ruamel.yaml").YAML()
    except ImportError:
        raise SecretsFileError(
            "the Python module ruamel.yaml is not installed. Changing an existing file without losing its comments needs it: run "
            "`pip install ruamel.yaml` in Ansible's own Python environment"
        ) from None
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml


def _written(value: str) -> str:
    """Return a value that ruamel.yaml writes as a block if it has several lines."""
    if "\n" not in value:
        return value
    block: t.Any = import_module("ruamel.yaml.scalarstring").LiteralScalarString(value)
    return t.cast(str, block)


def _parsed(path: Path, text: str) -> t.Any:
    yaml = _yaml()
    try:
        return yaml.load(text)
    except Exception as error:
        mark = getattr(error, "problem_mark", None)
        line = f", see line {mark.line + 1}" if mark else ""
        # The parser's message quotes the line, which may contain a secret.
        raise SecretsFileError(f"{path} is not valid YAML{line}") from None


def new_value(name: str) -> str:
    """Return a random value.

    This is a certificate authority, a set of Fernet keys, a UUID if the name ends in _uuid, or 32 letters and digits (190 bits).
    """
    if name in KEY_SETS:
        fernet: str = new_keys()
        return fernet
    if name == AUTHORITY:
        try:
            authority: str = new_certificate_authority()
        except CertificateAuthorityError as error:
            raise SecretsFileError(str(error)) from None
        return authority
    return str(uuid.uuid4()) if name.endswith("_uuid") else "".join(secrets.choice(ALPHABET) for _letter in range(LENGTH))


def _scalar(value: str) -> str:
    """Return a generated value in YAML: several lines as a block, which is read back unchanged."""
    lines = value.splitlines()
    return "\n".join(["|", *(f"    {line}" for line in lines)]) if len(lines) > 1 else value


def _temporary(path: Path, text: str) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)


def _create(path: Path, text: str) -> bool:
    """Create the file. Return False if another run was faster."""
    temporary = _temporary(path, text)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def _replace(path: Path, text: str) -> None:
    # Keep a symbolic link: replace its target.
    target = Path(os.path.realpath(path))
    temporary = _temporary(target, text)
    try:
        temporary.replace(target)
    except OSError:
        temporary.unlink()
        raise


def _empty(value: t.Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _lacks(path: Path, missing: Sequence[str]) -> str:
    return (
        f"{path} lacks {', '.join(missing)}. A running cloud still uses the lost value: restore it from a backup. If the "
        "service is new to this site, run again with -e secrets_add_missing=true, which generates only these"
    )


def bring(
    path: Path,
    missing: Sequence[str],
    given: Sequence[str],
    *,
    add: bool,
    check_mode: bool = False,
    adopted: Mapping[str, str] | None = None,
) -> Outcome:
    """Add the secrets that the inventory lacks to the file.

    given: names that the inventory has; add: consent to add to existing secrets; adopted: keys that the controller already uses,
    or None if it was not asked.
    """
    if not missing:
        return Outcome(False, [], False)
    directory = path.parent
    if not directory.is_dir():
        _make_directory(directory, check_mode)
        if check_mode:
            return Outcome(True, list(missing), False)
    try:
        with _locked(directory):
            return _bring(path, list(missing), list(given), add=add, check_mode=check_mode, adopted=adopted)
    except OSError as error:
        raise SecretsFileError(f"{path} cannot be written: {error.strerror}") from error


def _make_directory(directory: Path, check_mode: bool) -> None:
    group_vars = directory.parent
    if directory.name == "all" and group_vars.name == "group_vars":
        single = [name for name in ("all", "all.yml", "all.yaml", "all.json") if (group_vars / name).is_file()]
        if single:
            # Ansible would read this directory instead of the file.
            raise SecretsFileError(
                f"new secrets belong in {directory}/secrets.yml, but {group_vars} has a file {single[0]}, "
                f"which Ansible ignores next to a directory {directory.name}. Move it: cd {group_vars} && "
                f"mv {single[0]} main.yml && mkdir all && mv main.yml all/"
            )
    elif not directory.parent.is_dir():
        raise SecretsFileError(
            f"the directory {directory} for new secrets does not exist: create it, or set secrets_file to another file"
        )
    if check_mode:
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SecretsFileError(f"the directory {directory} for new secrets cannot be created: {error.strerror}") from error


def _bring(
    path: Path,
    missing: list[str],
    given: list[str],
    *,
    add: bool,
    check_mode: bool,
    adopted: Mapping[str, str] | None = None,
) -> Outcome:
    text = _look(path)
    if text is None:
        if given:
            raise _elsewhere(path, missing)
        if check_mode:
            return Outcome(True, missing, False)
        lines = "".join(f"  {name}: {_scalar(_value(name, adopted))}\n" for name in missing)
        if _create(path, f"{HEADER.format(name=path.name)}{VARIABLE}:\n{lines}"):
            return Outcome(True, missing, True)
        text = _look(path) or ""
    return _complete(path, text, missing, given, add=add, check_mode=check_mode, adopted=adopted)


def _value(name: str, adopted: Mapping[str, str] | None) -> str:
    return (adopted or {}).get(name) or new_value(name)


def _elsewhere(path: Path, missing: Sequence[str]) -> SecretsFileError:
    found = f"the inventory lacks {', '.join(missing)}, and its other secrets are not in {path} but elsewhere. "
    if UNASKED.issuperset(missing):
        return SecretsFileError(
            f"{found}Name their file, as in -e secrets_file=/path/to/secrets.yml, and this run adds what is missing to it: "
            f"Ansible does not merge two variables {VARIABLE}"
        )
    return SecretsFileError(
        f"{found}Restore the missing ones from a backup. If the service is new to this site, add them to the others: Ansible "
        f"does not merge two variables {VARIABLE}"
    )


def _complete(
    path: Path,
    text: str,
    missing: list[str],
    given: list[str],
    *,
    add: bool,
    check_mode: bool,
    adopted: Mapping[str, str] | None,
) -> Outcome:
    if text.startswith("$ANSIBLE_VAULT"):
        if not add:
            # The encrypted file may have them without being part of the inventory. The task that reads it has the vault password.
            return Outcome(False, [], True)
        raise _encrypted(path, missing)
    content = _parsed(path, text)
    if content is None:
        content = {}
    if not isinstance(content, Mapping):
        raise SecretsFileError(f"{path} does not contain variables. It must begin with {VARIABLE}:")
    there = {} if content.get(VARIABLE) is None else content[VARIABLE]
    if not isinstance(there, Mapping):
        raise SecretsFileError(
            f"{VARIABLE} in {path} is not a mapping of names to values. Correct it, and add {', '.join(missing)} yourself"
        )
    absent = [name for name in missing if _empty(there.get(name))]
    if not absent:
        return Outcome(False, [], True)
    if not add:
        _refuse_without_consent(path, absent, given, there)
    unseen = [name for name in absent if name in KEY_SETS] if there and adopted is None else []
    if unseen:
        raise SecretsFileError(
            f"{path} lacks {', '.join(unseen)}, and the controller may have such keys, which nothing can replace. It has "
            "to answer, so that its keys can be added"
        )
    if "!vault" in text:
        raise _encrypted(path, absent)
    if not check_mode:
        _write(path, text, content, {name: _written(_value(name, adopted)) for name in absent})
    # In check mode, the file may still have some of the others.
    return Outcome(True, absent, not check_mode or len(absent) < len(missing))


def _refuse_without_consent(path: Path, absent: Sequence[str], given: Sequence[str], there: Mapping[str, t.Any]) -> None:
    asked = [name for name in absent if name not in UNASKED]
    if asked:
        raise SecretsFileError(_lacks(path, asked))
    # The inventory's secrets come from another file, and would be hidden by an addition to this one.
    if any(name not in there for name in given):
        raise _elsewhere(path, absent)


def _write(path: Path, text: str, content: t.Any, values: dict[str, str]) -> None:
    there = content.get(VARIABLE)
    if there:
        there.update(values)
    elif content:
        content[VARIABLE] = values
    else:
        content = {VARIABLE: values}
    stream = io.StringIO()
    _yaml().dump(content, stream)
    # ruamel.yaml loses the comments before the mark of a document's start, and the mark.
    head = HEAD.match(text)
    _replace(path, (head[0] if head else "") + stream.getvalue())


def _encrypted(path: Path, missing: Sequence[str]) -> SecretsFileError:
    return SecretsFileError(
        f"{path} is encrypted, and {', '.join(missing)} cannot be added to it. Run ansible-vault decrypt {path}, run this "
        f"again, then run ansible-vault encrypt {path}"
    )


def rotate(path: Path, current: Mapping[str, str], most: Mapping[str, int], *, check_mode: bool = False) -> Rotation:
    """Rotate sets of Fernet keys in the file: the staged key becomes the primary one. Sets that have been rotated stay.

    current: the sets that the run knows, by name; most: how many keys each may have.
    """
    if not path.is_file():
        raise SecretsFileError(f"{path} does not exist. Name the file of the secrets, as in -e secrets_file=/path/to/secrets.yml")
    try:
        with _locked(path.parent):
            return _rotate(path, current, most, check_mode)
    except OSError as error:
        raise SecretsFileError(f"{path} cannot be written: {error.strerror}") from error


def _rotate(path: Path, current: Mapping[str, str], most: Mapping[str, int], check_mode: bool) -> Rotation:
    text = _look(path) or ""
    if text.startswith("$ANSIBLE_VAULT"):
        raise _sealed(path, current)
    content = _parsed(path, text)
    there = content.get(VARIABLE) if isinstance(content, Mapping) else None
    values: dict[str, str] = {}
    before, after, dropped = {}, {}, {}
    for name, known in current.items():
        value = there.get(name) if isinstance(there, Mapping) else None
        if str(getattr(value, "tag", "")).endswith("!vault"):
            raise _sealed(path, current)
        try:
            keys = parsed_keys(known)
            there_now = parsed_keys(value) if isinstance(value, str) else {}
            rotated = rotated_keys(keys, most[name])
        except KeysError as error:
            raise SecretsFileError(f"{name} {error}") from None
        if there_now == keys:
            values[name] = _written(written_keys(rotated))
        elif {**there_now, STAGED: ""} == {**rotated, STAGED: ""}:
            # Another run has rotated it meanwhile. All go on with its staged key.
            rotated = there_now
        else:
            raise SecretsFileError(
                f"{name} in {path} is not what this run uses. If it is in another file, name that one, as in "
                "-e secrets_file=/path/to/secrets.yml"
            )
        before[name], after[name] = sorted(there_now), sorted(rotated)
        dropped[name] = sorted(set(keys) - set(rotated))
    if values and not check_mode:
        _write(path, text, content, values)
    return Rotation(bool(values), before, after, dropped)


def _sealed(path: Path, names: Mapping[str, str]) -> SecretsFileError:
    return SecretsFileError(
        f"{path} is encrypted, and {', '.join(names)} cannot be rotated in it. Run ansible-vault decrypt {path}, run this again, "
        f"then run ansible-vault encrypt {path}"
    )
