# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads large files: verified, and never partially written."""

from __future__ import annotations

import bz2
import contextlib
import email.utils
import errno
import functools
import gzip
import hashlib
import lzma
import re
import shutil
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible_collections.mikumo.openstack.plugins.module_utils._image_format import COMPRESSED, UNPACKABLE, look
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import CloudError
from ansible_collections.mikumo.openstack.plugins.module_utils._web_address import public

BLOCK = 1 << 20
WIRE_BLOCK = 1 << 16
ATTEMPTS = 5
# Maximum number of seconds to honor in a server's Retry-After.
PATIENCE = 120
# Statuses after which the same request may succeed later. All others mean that the request is wrong.
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
REMEDIES = {
    401: "It requires a login: put user and password in the URL, or download the file elsewhere and give its path in file.",
    403: "It denies access: correct the URL. Its signature or token may have expired.",
    404: "The file does not exist: correct the URL.",
    407: "The proxy requires a login: correct http_proxy and https_proxy in the environment.",
    410: "The file is no longer published: correct the URL.",
}
# Exceptions that have no message except their name.
WORDS = {"IncompleteRead": "the connection was closed early", "TimeoutError": "no answer in time"}
OPEN: dict[str, Callable[..., Any]] = {"gzip": gzip.open, "xz": lzma.open, "bzip2": bz2.open}


@dataclass(frozen=True)
class Source:
    """A file whose checksum, if there is one, has been verified."""

    path: Path
    # Created from the cached file for this run only.
    temporary: bool = False


class _RefusedError(Exception):
    """A failed attempt that a retry cannot fix."""


class _LaterError(Exception):
    """A failed attempt that may be retried, after the given seconds if the server requests it."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


def hashes(path: Path, algorithms: Iterable[str]) -> dict[str, str]:
    """Return the hashes of a file. Caches them for other images of the same run."""
    status = path.stat()
    return {name: _hash(path, name, status.st_size, status.st_mtime_ns) for name in algorithms}


@functools.cache
def _hash(path: Path, algorithm: str, size: int, changed: int) -> str:  # noqa: ARG001
    digest = hashlib.new(algorithm)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


class Downloads:
    """Downloads, cached in a directory."""

    def __init__(
        self,
        cache_dir: Path,
        timeout: float = 60,
        ca_cert: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        get: Callable[..., Any] | None = None,
    ) -> None:
        self._cache_dir = cache_dir
        self._timeout = timeout
        self._ca_cert = ca_cert
        self._sleep = sleep
        self._given_get = get

    def local(self, path: Path, checksum: str | None, what: str) -> Source:
        try:
            self._verify(path, checksum, f"{what}, file {path}", "Put the right file there, or correct checksum.")
        except OSError as error:
            raise CloudError(f"{what}: file {path} cannot be read: {error.strerror}.", "described") from error
        return Source(path)

    def cached(self, url: str, checksum: str | None) -> Source | None:
        path = self._path(url, checksum)
        try:
            right = path.is_file() and (not checksum or _matches(path, checksum))
        except OSError:
            # Treat an unreadable file like a missing one.
            return None
        return Source(path) if right else None

    def fetch(self, url: str, checksum: str | None, what: str) -> Source:
        """Return the file, from the cache if the checksum verifies it there. Without a checksum, always download it."""
        if self._ca_cert and not Path(self._ca_cert).is_file():
            raise CloudError(f"download_ca_cert: {self._ca_cert} is not a file on the host that the module runs on.", "described")
        try:
            return self._fetched(url, checksum, what)
        except OSError as error:
            raise self._cannot_keep(f"{what}: the download of {public(url)}", error) from error

    def unpacked(self, source: Source, what: str) -> Source:
        """Decompress a file. Return an uncompressed file unchanged."""
        kind = look(source.path).kind
        if kind not in COMPRESSED:
            return source
        if kind not in UNPACKABLE:
            raise CloudError(
                f"{what}: {source.path} is {kind} compressed data, but unpack supports only {', '.join(UNPACKABLE)}. Unpack "
                "it, and give the path of the result in file.",
                "described",
            )
        target = self._cache_dir / f"{hashes(source.path, ['sha256'])['sha256'][:16]}.unpacked"
        try:
            self._make_cache()
            try:
                with OPEN[kind](source.path, "rb") as packed, target.open("wb") as file:
                    shutil.copyfileobj(packed, file, BLOCK)
            except BaseException:
                target.unlink(missing_ok=True)
                raise
        except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
            raise _damaged(what, source.path, kind, error) from error
        except OSError as error:
            if error.errno is None:
                # The bz2 library reports damaged data like this.
                raise _damaged(what, source.path, kind, error) from error
            raise self._cannot_keep(f"{what}: the content of {source.path}", error) from error
        return Source(target, temporary=True)

    def _fetched(self, url: str, checksum: str | None, what: str) -> Source:
        if checksum:
            cached = self.cached(url, checksum)
            if cached is not None:
                return cached
        path = self._path(url, checksum)
        partial = path.with_name(path.name + ".part")
        self._make_cache()
        try:
            encoded = self._transfer(url, partial, what)
            if checksum:
                self._is_published(partial, checksum)
            elif encoded and not re.search(r"[.](gz|tgz|svgz|Z)$", urlsplit(url).path):
                # Without a checksum, only the name shows whether the server compressed the file or the file itself is compressed.
                _decode(partial)
            self._verify(partial, checksum, f"{what}, from {public(url)}", "Correct checksum, or the URL.")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return Source(path)

    @staticmethod
    def _is_published(partial: Path, checksum: str) -> bool:
        """Return whether the file matches the checksum. Decompresses a file that the server compressed for the transfer."""
        if not _matches(partial, checksum):
            _decode(partial, lambda path: _matches(path, checksum))
        return _matches(partial, checksum)

    def _transfer(self, url: str, partial: Path, what: str) -> bool:
        """Transfer one file, with retries. Return whether the server declared it as compressed for the transfer."""
        shown, attempt = public(url), 0
        while True:
            attempt += 1
            try:
                with _explained():
                    return self._attempt(url, partial)
            except _RefusedError as error:
                raise CloudError(f"{what}: {shown} {error}", "missing") from error.__cause__
            except _LaterError as error:
                if attempt == ATTEMPTS:
                    raise CloudError(
                        f"{what}: {shown} {error}. Tried {ATTEMPTS} times. Check the network and the proxy settings "
                        "of this host, or download the file elsewhere and give its path in file.",
                        "unreachable",
                    ) from error.__cause__
                self._sleep(2**attempt if error.after is None else error.after)

    def _attempt(self, url: str, partial: Path) -> bool:
        # Compression during the transfer would change the length.
        with self._get(url, {"Accept-Encoding": "identity"}) as answer:
            _check(answer)
            encoding = answer.headers.get("Content-Encoding", "").lower()
            if encoding not in ("", "identity", "gzip", "x-gzip"):
                raise _RefusedError(f"sends the file encoded as {encoding}, which the request excludes. Correct the server.")
            expected, got = answer.headers.get("Content-Length", ""), 0
            with partial.open("wb") as file:
                # Do not decode: a server may declare the file's own compression as content encoding.
                for block in answer.raw.stream(WIRE_BLOCK, decode_content=False):
                    got += file.write(block)
            if expected.isdigit() and got < int(expected):
                raise EOFError(f"received only {got} of {expected} bytes")
            return encoding in ("gzip", "x-gzip")

    def _get(self, url: str, headers: dict[str, str]) -> Any:
        get = self._given_get or import_module("requests").get
        return get(url, headers=headers, stream=True, timeout=self._timeout, verify=self._ca_cert or True)

    def _make_cache(self) -> None:
        self._cache_dir.mkdir(parents=True, exist_ok=True)

    def _cannot_keep(self, what: str, error: OSError) -> CloudError:
        remedy = "Set cache_dir to a directory that this user can write to"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "Free space there, or set cache_dir to a directory with more space"
        return CloudError(f"{what} cannot be stored in {self._cache_dir}: {error.strerror or error}. {remedy}.", "other")

    def _path(self, url: str, checksum: str | None) -> Path:
        # Different images often have the same file name ("disk.img"). The key in front distinguishes them.
        key = hashlib.sha256((checksum or url).encode()).hexdigest()[:16]
        name = Path(unquote(urlsplit(public(url)).path)).name
        return self._cache_dir / f"{key}-{re.sub(r'[^A-Za-z0-9._+-]', '_', name)[-100:] or 'image'}"

    @staticmethod
    def _verify(path: Path, checksum: str | None, what: str, remedy: str) -> None:
        if checksum and not _matches(path, checksum):
            algorithm = checksum.partition(":")[0]
            found = hashes(path, [algorithm])[algorithm]
            raise CloudError(
                f"{what}: the {algorithm} of the file is {found}, expected {checksum.partition(':')[2]}. "
                f"The file is {look(path).name} of {path.stat().st_size} bytes. {remedy}",
                "described",
            )


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Divide errors into permanent and transient ones. Do not show the libraries' messages: they contain the URL."""
    requests: Any = import_module("requests")
    urllib3: Any = import_module("urllib3")
    try:
        yield
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        chain = list(_chain(error))
        root = next((one for one in chain if isinstance(one, OSError) and one.errno), chain[-1])
        certificate = next((one for one in chain if isinstance(one, ssl.SSLCertVerificationError)), None)
        if certificate is not None:
            raise _RefusedError(
                f"has a TLS certificate that cannot be verified: {certificate.verify_message}. Set download_ca_cert to the "
                "certificate file of its CA, or correct the host in the URL."
            ) from error
        if any(isinstance(one, ssl.SSLError) and not isinstance(one, ssl.SSLEOFError) for one in chain):
            raise _RefusedError("fails the TLS handshake. Correct the scheme (http or https) or the port in the URL.") from error
        if isinstance(root, socket.gaierror) and root.errno != socket.EAI_AGAIN:
            raise _RefusedError(
                "cannot be reached: its host name, or that of the proxy, cannot be resolved. Correct the name."
            ) from error
        if isinstance(error, requests.exceptions.TooManyRedirects):
            raise _RefusedError("redirects in a loop. Correct the URL.") from error
        if isinstance(error, ValueError):
            # An invalid scheme or address, for example after a redirect.
            raise _RefusedError("leads to an invalid web address. Correct the URL.") from error
        where = "cannot be reached through the proxy" if isinstance(error, requests.exceptions.ProxyError) else "failed"
        reason = root.strerror if isinstance(root, OSError) and root.strerror else type(root).__name__
        raise _LaterError(f"{where}: {WORDS.get(reason, reason)}") from error
    except EOFError as error:
        raise _LaterError(f"failed: {error}") from error


def _check(answer: Any) -> None:
    status = answer.status_code
    if status in TRANSIENT:
        after = _seconds(answer.headers.get("Retry-After"))
        if after is not None and after > PATIENCE:
            raise _RefusedError(f"answers {status}, and asks for a retry after {after:.0f} seconds. Run again then.")
        raise _LaterError(f"answers {status}", after)
    if status != 200:
        where = f" (redirected to {urlsplit(answer.url).hostname})" if answer.history else ""
        raise _RefusedError(f"answers {status}{where}. {REMEDIES.get(status, 'Correct the URL.')}")


def _decode(path: Path, is_right: Callable[[Path], bool] = lambda _path: True) -> None:
    """Decompress in place a file that the server compressed for the transfer, if the result is right."""
    if look(path).kind != "gzip":
        return
    plain = path.with_name(path.name + ".plain")
    try:
        with gzip.open(path) as packed, plain.open("wb") as file:
            shutil.copyfileobj(packed, file, BLOCK)
        if is_right(plain):
            plain.replace(path)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        # A truncated or damaged file. The checksum or the format check reports it.
        return
    finally:
        plain.unlink(missing_ok=True)


def _damaged(what: str, path: Path, kind: str, error: Exception) -> CloudError:
    return CloudError(
        f"{what}: {path} is truncated or damaged {kind} data: {error}. Download or copy it again, and give its checksum.",
        "described",
    )


def _chain(error: BaseException) -> Iterable[BaseException]:
    """Return an exception and its causes. Libraries chain them, set a reason, or pass the first one as an argument."""
    seen: list[BaseException] = []
    pending = [error]
    while pending:
        one = pending.pop(0)
        if one in seen:
            continue
        seen.append(one)
        following = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        pending += [other for other in following if isinstance(other, BaseException)]
    return seen


def _seconds(text: str | None) -> float | None:
    """Parse Retry-After: seconds, or a date."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _matches(path: Path, checksum: str) -> bool:
    algorithm, _colon, digest = checksum.partition(":")
    return hashes(path, [algorithm])[algorithm] == digest
