# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in a user's clouds.yaml. Everything else in the file stays unchanged, including comments and quotes."""

from __future__ import annotations

import io
import os
import re
import stat
import tempfile
import typing as t
import urllib.parse
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from ansible_collections.mikumo.openstack.plugins.module_utils._config_files import mask_pair

__all__ = ["CloudsFileError", "Outcome", "bring", "bring_ca"]

Clouds = Mapping[str, Mapping[str, t.Any]]
MODE = 0o600
# A file that starts with this header may be rewritten.
HEADER = "# Credentials, written by Ansible (mikumo.openstack.clients). Entries of other clouds, and comments, stay.\n"


class CloudsFileError(Exception):
    """A file that must not be written. The message shows only names and URLs of clouds from the file."""


class Outcome(t.NamedTuple):
    changed: bool
    before: str
    after: str


def _ruamel(path: Path) -> t.Any:
    try:
        return import_module("ruamel.yaml")
    except ImportError:
        raise CloudsFileError(
            f"{path} has other content. Preserving it needs the Python module ruamel.yaml: run `pip install ruamel.yaml` "
            "in Ansible's own Python environment, or set cloud_credentials_file to another file"
        ) from None


def _look(path: Path) -> os.stat_result | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise CloudsFileError(
                f"the directory {path.parent} for {path.name} does not exist: create it, or set cloud_credentials_file to "
                "another file"
            ) from None
        return None
    except OSError as error:
        raise CloudsFileError(f"{path} cannot be examined: {error.strerror}") from error
    if stat.S_ISLNK(found.st_mode):
        raise CloudsFileError(
            f"{path} is a symbolic link to {path.readlink()}. This module neither follows nor replaces links: set "
            "cloud_credentials_file to the file that the link points to"
        )
    if not stat.S_ISREG(found.st_mode):
        raise CloudsFileError(f"{path} is not a regular file: remove it, or set cloud_credentials_file to another file")
    if found.st_uid != os.geteuid():
        raise CloudsFileError(
            f"{path} belongs to user ID {found.st_uid}, but Ansible runs as user ID {os.geteuid()}: run Ansible as the file's "
            "owner, or set cloud_credentials_file to another file"
        )
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CloudsFileError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise CloudsFileError(f"{path} is not UTF-8 text, and is not overwritten: convert it, or move it away") from None


def _same(have: t.Any, want: t.Any) -> bool:
    if isinstance(want, Mapping):
        return isinstance(have, Mapping) and all(key in have and _same(have[key], value) for key, value in want.items())
    return bool(have == want) and isinstance(have, bool) == isinstance(want, bool)


def _merge(have: t.Any, want: Mapping[str, t.Any]) -> None:
    """Copy the values in place. Values that a user added to the entry stay."""
    for key, value in want.items():
        if isinstance(value, Mapping) and isinstance(have.get(key), Mapping):
            _merge(have[key], value)
        elif key not in have or not _same(have[key], value):
            have[key] = dict(value) if isinstance(value, Mapping) else value


def _place(url: t.Any) -> tuple[str | None, int | None]:
    try:
        parts = urllib.parse.urlsplit(str(url))
        return parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None, None


def _elsewhere(path: Path, there: Mapping[str, t.Any], clouds: Clouds) -> Iterator[str]:
    for name, wanted in clouds.items():
        entry = there.get(name)
        if not isinstance(entry, Mapping):
            continue
        auth = entry.get("auth")
        url = auth.get("auth_url") if isinstance(auth, Mapping) else None
        if url and _place(url)[0] != _place(wanted["auth"]["auth_url"])[0]:
            yield (
                f"{path} already has a cloud {name} at {_shown(url)}, but this site's Keystone is at "
                f"{_shown(wanted['auth']['auth_url'])}: set another cloud_name for this site, set cloud_credentials_file to "
                "another file, or remove that entry if the site has moved"
            )


def _shown(url: t.Any) -> str:
    host, port = _place(url)
    return f"{host}:{port}" if port else str(host)


def _parsed(path: Path, text: str) -> tuple[t.Any, t.Any]:
    """Return the parsed file, and the YAML object that writes it again."""
    ruamel = _ruamel(path)
    yaml = ruamel.YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    try:
        content = yaml.load(text)
        _content, indent, offset = import_module("ruamel.yaml.util").load_yaml_guess_indent(text)
    except ruamel.error.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (see line {mark.line + 1})" if mark else ""
        # The parser's own message quotes the line, which may contain a password.
        raise CloudsFileError(f"{path} is not valid YAML{line}, and is not overwritten: correct it, or move it away") from None
    deeper = re.search(r"^( +)[^\s#-]", text, re.MULTILINE)
    yaml.map_indent = len(deeper[1]) if deeper else 2
    if offset is not None:
        yaml.sequence_indent, yaml.sequence_dash_offset = indent, offset
    return content, yaml


def _ours_alone(text: str, clouds: Clouds) -> bool:
    """Return whether the file has no content from anybody else."""
    return not text.removeprefix(HEADER).strip() or text == _whole(clouds)


def _whole(clouds: Clouds) -> str:
    yaml = import_module("yaml")
    return HEADER + str(
        yaml.safe_dump({"clouds": {name: dict(cloud) for name, cloud in clouds.items()}}, sort_keys=False, width=4096)
    )


def _merged(path: Path, text: str, clouds: Clouds, unused_ca: str) -> str:
    if _ours_alone(text, clouds):
        return _whole(clouds)
    content, yaml = _parsed(path, text)
    if content is None:
        content = {}
    if not isinstance(content, Mapping) or not isinstance(content.get("clouds", {}) or {}, Mapping):
        raise CloudsFileError(
            f"{path} must contain a mapping of cloud names under clouds:, as OpenStack's clients expect. It is not overwritten: "
            "correct it, or move it away"
        )
    there = content.get("clouds") or {}
    wrong = list(_elsewhere(path, there, clouds))
    if wrong:
        raise CloudsFileError("; ".join(wrong))
    # An authority of the user's own stays.
    entries = [entry for name, entry in there.items() if name in clouds and isinstance(entry, Mapping)]
    trusting = [entry for entry in entries if unused_ca and entry.get("cacert") == unused_ca]
    if _same(there, clouds) and not trusting:
        return text
    for entry in trusting:
        del entry["cacert"]  # type: ignore[attr-defined]
    if not there:
        content["clouds"] = there = {}  # type: ignore[index]
    _merge(there, clouds)
    stream = io.StringIO()
    yaml.dump(content, stream)
    # The parser drops the comments of a file that contains nothing else.
    return (
        stream.getvalue()
        if len(content) > 1 or text.strip().find("clouds:") >= 0
        else text.rstrip("\n") + "\n" + stream.getvalue()
    )


def bring(path: Path, clouds: Clouds, secrets: list[str], *, unused_ca: str = "", check_mode: bool = False) -> Outcome:
    """Write the entries into the file, readable only by its owner.

    unused_ca: file with authorities to which entries no longer refer.
    """
    found = _look(path)
    before = "" if found is None else _read(path)
    after = _merged(path, before, clouds, unused_ca)
    changed = found is None or before != after
    loose = found is not None and stat.S_IMODE(found.st_mode) != MODE
    if not check_mode:
        try:
            if changed:
                _write(path, after)
            elif loose:
                path.chmod(MODE)
        except OSError as error:
            raise CloudsFileError(f"{path} cannot be written: {error.strerror}") from error
    shown = mask_pair(before, after, secrets)
    if loose and found is not None:
        shown = (f"{shown[0]}mode {stat.S_IMODE(found.st_mode):04o}\n", f"{shown[1]}mode {MODE:04o}\n")
    return Outcome(changed or loose, *shown)


def bring_ca(path: Path, certificate: str, *, check_mode: bool = False) -> bool:
    """Write the certificate authorities into their own file. Return whether it differed."""
    found = _look(path)
    if found is not None and _read(path) == certificate:
        return False
    if not check_mode:
        try:
            _write(path, certificate)
            # It holds no secret, and other users' clients may read it.
            path.chmod(0o644)
        except OSError as error:
            raise CloudsFileError(f"{path} cannot be written: {error.strerror}") from error
    return True


def _write(path: Path, text: str) -> None:
    # mkstemp creates the file with mode 0600.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
