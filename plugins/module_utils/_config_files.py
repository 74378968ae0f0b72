# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import re
import stat
import tempfile
import time
import typing as t
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FilesError", "Outcome", "Wanted", "mask", "mask_pair", "parse", "sync"]

PRESENT, ABSENT, DIRECTORY = "present", "absent", "directory"
# Part of the name of every temporary file. With it the next run recognizes files that a killed run left behind.
TEMPORARY = ".mikumo-"


class FilesError(Exception):
    """A file that cannot be brought into the desired state."""


# --- masking of diffs ------------------------------------------------------------------------------------------------

MASK = "********"
CHANGED = f"{MASK} (another value)"

_SECRET_NAME = re.compile(
    r"(?:pass(?:word|wd|phrase)?$|password|passwd|passphrase|secret|token|credential|transport_url|auth_key"
    r"|private_?key|encryption_key|fixed_key|api_key|connection$|_dsn$|_cookie$)",
    re.IGNORECASE,
)
# Names that only refer to a secret. A diff should show their values.
_HARMLESS_NAME = re.compile(
    r"(?:_roles|_required|_time|_timeout|_expiration|_ttl|_provider|_driver|_file|_path|_dir|_length|_algorithm"
    r"|_strategy|_type|_url|_limit|_size)$",
    re.IGNORECASE,
)
SHORTEST = 4
_HARMLESS_VALUE = re.compile(r"(?:true|false|none|null|)", re.IGNORECASE)
_LINE = re.compile(
    r"^(?P<lead>\s*(?:-\s+)?(?:export\s+|set\s+)?[\"']?(?P<name>[A-Za-z_][\w.\-\[\]]*)[\"']?\s*(?:=>|[=:])[ \t]*)"
    r"(?P<value>\S.*?)(?P<tail>\s*)$"
)
_INLINE = re.compile(
    r"(?P<lead>[\"']?\b(?P<name>[A-Za-z_][\w.\-]*)[\"']?\s*(?:=>|[=:])\s*)(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;}\]]+)"
)
_URL = re.compile(r"(?P<lead>\b[A-Za-z][A-Za-z0-9+.\-]*://[^\s/:@\"']*:)(?P<value>[^\s@/\"']+)(?=@)")
_SQL = re.compile(r"(?P<lead>\bIDENTIFIED\s+(?:VIA\s+\w+\s+USING|BY(?:\s+PASSWORD)?)\s+)(?P<value>'[^']*')", re.IGNORECASE)
_KEY_BLOCK = re.compile(
    r"(?P<lead>-----BEGIN (?P<kind>[A-Z0-9 ]*PRIVATE KEY)-----\s)(?P<value>.*?)(?=-----END (?P=kind)-----|\Z)",
    re.DOTALL,
)
_SECRET_FILE = re.compile(r"(?:\.key|cookie|/fernet-keys/[^/]+|/credential-keys/[^/]+)$")


def _is_secret(name: str) -> bool:
    if name.lower().endswith("transport_url"):
        return True
    return bool(_SECRET_NAME.search(name)) and not _HARMLESS_NAME.search(name)


def _forms(secret: str) -> set[str]:
    """Return the forms of a secret in files: in a URL, oslo.config, JSON, Python or YAML. It may be a URL's encoded password."""
    decoded = urllib.parse.unquote(secret)
    # A "%" in a password may not be an encoding. Decoding it to one letter would mask half of the file.
    texts = {secret, decoded} if len(decoded) >= SHORTEST else {secret}
    return {
        form
        for text in texts
        for form in (
            text,
            urllib.parse.quote(text, safe=""),
            text.replace("$", "$$"),
            json.dumps(text)[1:-1],
            text.replace("'", "''"),
        )
    }


class _Masker:
    """Hides secret values. Marks values that are not in `known`: a rotation is visible, but not the value."""

    def __init__(self, secrets: Iterable[str], known: frozenset[str] | None) -> None:
        # longest first: a short secret may be part of a long one
        self.secrets = sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True)
        self.known = known
        self.found: set[str] = set()

    def hide(self, value: str) -> str:
        self.found.add(value)
        return MASK if self.known is None or value in self.known else CHANGED

    def _replace(self, match: re.Match[str]) -> str:
        return match["lead"] + self.hide(match["value"])

    def _replace_block(self, match: re.Match[str]) -> str:
        return match["lead"] + self.hide(match["value"]) + "\n"

    def _replace_named(self, match: re.Match[str]) -> str:
        value = match["value"]
        if not _is_secret(match["name"]) or _HARMLESS_VALUE.fullmatch(value) or value.startswith(MASK):
            return match[0]
        return match["lead"] + self.hide(value)

    def _line(self, line: str) -> str:
        match = _LINE.match(line)
        # A value in brackets may contain several pairs. Only some of them may be secret.
        if match and _is_secret(match["name"]) and not _HARMLESS_VALUE.fullmatch(match["value"]):
            return match["lead"] + self.hide(match["value"])
        line = _URL.sub(self._replace, line)
        line = _SQL.sub(self._replace, line)
        line = _INLINE.sub(self._replace_named, line)
        for secret in self.secrets:
            if secret in line:
                line = line.replace(secret, self.hide(secret))
        return line

    def text(self, text: str) -> str:
        text = _KEY_BLOCK.sub(self._replace_block, text)
        return "".join(
            self._line(line.rstrip("\n")) + ("\n" if line.endswith("\n") else "") for line in text.splitlines(keepends=True)
        )


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask values that are in `secrets` or belong to an option with a secret-looking name."""
    return _Masker(secrets, None).text(text)


def mask_pair(before: str, after: str, secrets: Iterable[str] = ()) -> tuple[str, str]:
    """Mask the secrets in both sides of a diff, including the old ones."""
    secrets = list(secrets)
    old = _Masker(secrets, None)
    masked = old.text(before)
    new = _Masker(secrets, frozenset(old.found) if before else None)
    return masked, new.text(after)


def secrets_of(text: str) -> set[str]:
    """Return the secret values of a configuration, both verbatim and in the forms that a service may log."""
    masker = _Masker((), None)
    masker.text(text)
    found: set[str] = set()
    for value in masker.found:
        # The whole value of an option may be a URL.
        inner = [match["value"] for match in _URL.finditer(value)] or [value.strip().strip("\"'")]
        for one in inner:
            # oslo.config escapes "$" as "$$".
            plain = one.replace("$$", "$")
            found |= {one, plain, urllib.parse.unquote(one), urllib.parse.unquote(plain)}
    return {value for value in found if len(value) >= SHORTEST}


# --- desired state ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    path: Path
    state: str
    owner: str
    group: str
    mode: int
    content: bytes = b""
    # the whole content is a secret: a diff shows only its size
    hidden: bool = False


def _mode(path: str, text: str) -> int:
    # An unquoted 0640 in YAML is the number 416. Accepting it would set unintended permissions.
    if not re.fullmatch(r"0[0-7]{3,4}", text):
        raise FilesError(f"{path}: mode {text!r} is not valid; give octal digits with a leading zero, in quotes, such as '0640'")
    return int(text, 8)


def _searchable(mode: int) -> int:
    """Return the mode of a directory for the mode of a file: execute permission wherever there is read permission."""
    return mode | (mode & 0o444) >> 2


def parse(files: Sequence[dict[str, t.Any]], *, owner: str = "root", group: str = "root", mode: str = "0640") -> list[Wanted]:
    """Return the desired files, directories first. Validates as much as possible without examining the machine."""
    wanted: list[Wanted] = []
    seen: set[Path] = set()
    for entry in files:
        given = str(entry["path"])
        path = Path(os.path.normpath(given))
        if not path.is_absolute() or ".." in Path(given).parts:
            raise FilesError(f"{given}: the path must be absolute and must not contain '..'")
        if path in seen:
            raise FilesError(f"{given}: listed twice in one call; remove one of the entries")
        seen.add(path)
        state = entry.get("state") or PRESENT
        content = entry.get("content")
        if state == PRESENT and content is None:
            raise FilesError(f"{given}: 'content' is missing; an empty file needs content: ''")
        if state != PRESENT and content is not None:
            raise FilesError(f"{given}: 'content' is not allowed with state {state}")
        own_mode = entry.get("mode")
        number = _mode(given, str(own_mode or mode))
        wanted.append(
            Wanted(
                path=path,
                state=state,
                owner=str(entry.get("owner") or owner),
                group=str(entry.get("group") or group),
                mode=_searchable(number) if state == DIRECTORY and not own_mode else number,
                content=(content or "").encode("utf-8"),
                hidden=bool(entry.get("hidden")) or bool(_SECRET_FILE.search(str(path))),
            )
        )
    # Set a directory's owner before creating files in it. Removals come last.
    order = {DIRECTORY: 0, PRESENT: 1, ABSENT: 2}
    return sorted(wanted, key=lambda item: order[item.state])


# --- current state and differences -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    wanted: Wanted
    # None: the user or group does not exist yet, which only check mode accepts
    uid: int | None
    gid: int | None
    exists: bool
    content: bool
    metadata: bool
    before: bytes = b""
    before_metadata: str = ""

    @property
    def any(self) -> bool:
        return self.content or self.metadata


@dataclass(frozen=True)
class Outcome:
    changed: bool
    changed_files: list[str]
    diff: list[dict[str, str]]
    # Changed files that get a new modification time.
    rewritten: list[str]


def _user_id(item: Wanted, check_mode: bool) -> int | None:
    try:
        return int(item.owner) if item.owner.isdigit() else pwd.getpwnam(item.owner).pw_uid
    except KeyError:
        if check_mode:
            return None
        raise FilesError(
            f"{item.path}: its owner, user {item.owner!r}, does not exist on this machine; "
            "install the package that creates it first, or give another owner"
        ) from None


def _group_id(item: Wanted, check_mode: bool) -> int | None:
    try:
        return int(item.group) if item.group.isdigit() else grp.getgrnam(item.group).gr_gid
    except KeyError:
        if check_mode:
            return None
        raise FilesError(
            f"{item.path}: its group {item.group!r} does not exist on this machine; "
            "install the package that creates it first, or give another group"
        ) from None


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFREG: "a file",
        stat.S_IFDIR: "a directory",
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFSOCK: "a socket",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFBLK: "a block device",
        stat.S_IFCHR: "a character device",
    }
    return kinds.get(stat.S_IFMT(mode), "something unknown")


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise FilesError(f"{path}: a parent of this path is not a directory") from None
    except OSError as error:
        raise FilesError(f"{path}: cannot be examined: {error.strerror}") from error


def _compare(item: Wanted, check_mode: bool) -> Change:
    found = _look(item.path)
    if item.state == ABSENT:
        return _compare_absent(item, found)
    uid, gid = _user_id(item, check_mode), _group_id(item, check_mode)
    if found is None:
        return Change(item, uid, gid, exists=False, content=True, metadata=True)
    expected = stat.S_IFDIR if item.state == DIRECTORY else stat.S_IFREG
    if stat.S_IFMT(found.st_mode) != expected:
        target = f" to {item.path.readlink()}" if stat.S_ISLNK(found.st_mode) else ""
        raise FilesError(
            f"{item.path}: is {_kind(found.st_mode)}{target}, expected {_kind(expected)}; "
            "this module neither follows nor replaces it: remove it, or give another path"
        )
    metadata = (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) != (uid, gid, item.mode)
    before_metadata = _metadata(_user_name(found.st_uid), _group_name(found.st_gid), stat.S_IMODE(found.st_mode))
    if item.state == DIRECTORY:
        return Change(item, uid, gid, exists=True, content=False, metadata=metadata, before_metadata=before_metadata)
    before = _read(item.path)
    return Change(
        item,
        uid,
        gid,
        exists=True,
        content=before != item.content,
        metadata=metadata,
        before=before,
        before_metadata=before_metadata,
    )


def _compare_absent(item: Wanted, found: os.stat_result | None) -> Change:
    before = b""
    if found is not None:
        if stat.S_ISDIR(found.st_mode):
            if any(item.path.iterdir()):
                raise FilesError(f"{item.path}: is a directory that is not empty, and is not removed; empty it first")
        elif stat.S_ISREG(found.st_mode):
            before = _read(item.path)
        elif not stat.S_ISLNK(found.st_mode):
            raise FilesError(f"{item.path}: is {_kind(found.st_mode)}, which this module does not remove")
    gone = found is not None
    return Change(item, None, None, exists=gone, content=gone, metadata=False, before=before)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FilesError(f"{path}: cannot be read: {error.strerror}") from error


def _metadata(owner: str, group: str, mode: int) -> str:
    return f"{owner}:{group} {mode:04o}\n"


def _shown(item: Wanted, content: bytes, exists: bool) -> str:
    if not exists:
        return ""
    if item.hidden:
        return f"({len(content)} bytes, not shown)\n"
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return f"({len(content)} bytes of binary data)\n"


def _differences(change: Change, secrets: Sequence[str]) -> Iterator[dict[str, str]]:
    item = change.wanted
    path = str(item.path)
    if item.state == ABSENT:
        before, after = mask_pair(_shown(item, change.before, True), "", secrets)
        yield {
            "before_header": path,
            "after_header": f"{path} (absent)",
            "before": before or "(empty)\n",
            "after": after,
        }
        return
    if change.content and item.state == PRESENT:
        before, after = mask_pair(_shown(item, change.before, change.exists), _shown(item, item.content, True), secrets)
        header = path if change.exists else f"{path} (absent)"
        if before == after:
            after += "(the content differs)\n"
        yield {"before_header": header, "after_header": path, "before": before, "after": after}
    # the task shows the owner and mode of a new file; a new directory has nothing else to show
    if change.metadata and (change.exists or item.state == DIRECTORY):
        header = f"{path} (directory)" if item.state == DIRECTORY else f"{path} (owner and mode)"
        yield {
            "before_header": header,
            "after_header": header,
            "before": change.before_metadata,
            "after": _metadata(item.owner, item.group, item.mode),
        }


# --- applying the changes --------------------------------------------------------------------------------------------


def _fsync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_parents(path: Path) -> None:
    missing = []
    for parent in path.parents:
        if parent.is_dir():
            break
        missing.append(parent)
    for parent in reversed(missing):
        parent.mkdir()
        # mkdir's mode is subject to the umask, chmod's is not
        parent.chmod(0o755)


def _ids(change: Change) -> tuple[int, int]:
    if change.uid is None or change.gid is None:
        raise FilesError(f"{change.wanted.path}: owner and group are unknown")
    return change.uid, change.gid


def _write(change: Change) -> None:
    item = change.wanted
    uid, gid = _ids(change)
    prefix = f".{item.path.name}{TEMPORARY}"
    for stale in item.path.parent.glob(f"{prefix}*.tmp"):
        stale.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".tmp", dir=item.path.parent)
    try:
        # mkstemp creates the file with 0600; set content, owner and then the wider mode before the rename
        with os.fdopen(handle, "wb") as stream:
            stream.write(item.content)
            stream.flush()
            os.fchown(stream.fileno(), uid, gid)
            os.fchmod(stream.fileno(), item.mode)
            # The kernel's own timestamps lag by up to a clock tick. _units compares them with the start of a unit.
            # A unit that starts within this tick would seem to have read the new content.
            now = time.time_ns()
            os.utime(stream.fileno(), ns=(now, now))
            os.fsync(stream.fileno())
        Path(name).replace(item.path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    _fsync_directory(item.path.parent)


def _set_metadata(change: Change) -> None:
    item = change.wanted
    uid, gid = _ids(change)
    found = item.path.lstat()
    narrow = stat.S_IMODE(found.st_mode) & item.mode
    # first restrict, then change the owner, then widen: at no time may more users read the file than before or after
    item.path.chmod(narrow)
    os.chown(item.path, uid, gid, follow_symlinks=False)
    item.path.chmod(item.mode)


def _apply(change: Change) -> None:
    item = change.wanted
    if item.state == ABSENT:
        found = _look(item.path)
        if found is None:
            return
        if stat.S_ISDIR(found.st_mode):
            item.path.rmdir()
        else:
            item.path.unlink()
        _fsync_directory(item.path.parent)
        return
    _make_parents(item.path)
    if item.state == DIRECTORY:
        item.path.mkdir(mode=0o700, exist_ok=True)
        _set_metadata(change)
    elif change.content:
        _write(change)
    else:
        _set_metadata(change)


def sync(wanted: Sequence[Wanted], *, secrets: Sequence[str] = (), check_mode: bool = False) -> Outcome:
    """Bring all files into the desired state. Examines all of them before changing the first one."""
    changes = [change for change in (_compare(item, check_mode) for item in wanted) if change.any]
    diff = [difference for change in changes for difference in _differences(change, secrets)]
    if not check_mode:
        for change in changes:
            try:
                _apply(change)
            except OSError as error:
                raise FilesError(f"{change.wanted.path}: cannot be brought into state {change.wanted.state}: {error}") from error
    rewritten = [str(change.wanted.path) for change in changes if change.content]
    return Outcome(bool(changes), [str(change.wanted.path) for change in changes], diff, rewritten)
