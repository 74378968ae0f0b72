# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Large files from the web: checked, atomic, and continued where an earlier attempt broke off."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import CloudError

BLOCK = 1 << 20
# When a connection breaks, the block that has been begun is lost.
WIRE_BLOCK = 1 << 16
ATTEMPTS = 5


@dataclass(frozen=True)
class Source:
    """A file whose checksum, if one is described, has been found right."""

    path: Path


def hashes(path: Path, algorithms: Iterable[str]) -> dict[str, str]:
    """Hashes of a file. Asked for again, also in the same run by another image, they are not computed again."""
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
    """Downloads into a directory, where they are kept for the next time."""

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
        if not path.is_file():
            raise CloudError(f"{what}: file {path} is not there. Expected it on the host that the module runs on.", "described")
        self._verify(path, checksum, f"{what}, file {path}", "Put the right file there, or correct checksum.")
        return Source(path)

    def cached(self, url: str, checksum: str | None) -> Source | None:
        path = self._path(url, checksum)
        if not path.is_file() or (checksum and not _matches(path, checksum)):
            return None
        return Source(path)

    def fetch(self, url: str, checksum: str | None, what: str) -> Source:
        """The file, from the cache if it can be verified there. Without a checksum it is downloaded each time."""
        if checksum:
            cached = self.cached(url, checksum)
            if cached is not None:
                return cached
        path = self._path(url, checksum)
        partial = path.with_name(path.name + ".part")
        try:
            self._cache_dir.mkdir(parents=True, exist_ok=True)
            if not checksum:
                # Two halves of different versions of a file could not be told from a whole one.
                partial.unlink(missing_ok=True)
            resumed = partial.exists()
            self._transfer(url, partial, what, resume=bool(checksum))
            if resumed and checksum and not _matches(partial, checksum):
                # The file on the server is another one than that of the first part.
                partial.unlink()
                self._transfer(url, partial, what, resume=True)
            try:
                self._verify(partial, checksum, f"{what}, from {url}", "Correct checksum, or the URL.")
            except CloudError:
                partial.unlink()
                raise
            partial.replace(path)
        except OSError as error:
            raise CloudError(
                f"{what}: {url} cannot be kept in {self._cache_dir}: {error}. Make room there, or set cache_dir."
            ) from error
        return Source(path)

    def _path(self, url: str, checksum: str | None) -> Path:
        # Names of images on the web repeat ("disk.img"): the key in front tells them apart.
        key = hashlib.sha256((checksum or url).encode()).hexdigest()[:16]
        return self._cache_dir / f"{key}-{Path(urlsplit(url).path).name or 'image'}"

    def _transfer(self, url: str, partial: Path, what: str, *, resume: bool) -> None:
        requests: Any = import_module("requests")
        failures = 0
        while True:
            have = partial.stat().st_size if partial.exists() else 0
            try:
                self._attempt(url, partial, have if resume else 0)
            except requests.exceptions.HTTPError as error:
                status = error.response.status_code
                if status < 500 and status not in (408, 429):
                    raise CloudError(f"{what}: {url} answers {status}. Correct the URL.", "missing") from error
                reason = f"answers {status}"
            except requests.exceptions.SSLError as error:
                raise CloudError(f"{what}: the TLS certificate of {url} is not accepted: {error}", "tls") from error
            except (requests.exceptions.RequestException, EOFError) as error:
                reason = f"breaks off: {error}"
            else:
                return
            now = partial.stat().st_size if partial.exists() else 0
            # As long as it goes on, a bad line may take its time.
            failures = 1 if resume and now > have else failures + 1
            if failures >= ATTEMPTS:
                raise CloudError(
                    f"{what}: {url} {reason}. Tried {ATTEMPTS} times. Check the network and the proxy settings of "
                    "this host, or download the file elsewhere and name it in file.",
                    "unreachable",
                )
            self._sleep(2**failures)

    def _attempt(self, url: str, partial: Path, have: int) -> None:
        get = self._given_get or import_module("requests").get
        # Compressed on the way, its length and the parts' borders would be other ones.
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
        with get(url, headers=headers, stream=True, timeout=self._timeout, verify=self._ca_cert or True) as answer:
            if answer.status_code == 416:
                # Nothing comes after what is there: it is complete, or another file. The checksum tells.
                return
            answer.raise_for_status()
            append = have > 0 and answer.status_code == 206
            expected = answer.headers.get("Content-Length")
            got = 0
            with partial.open("ab" if append else "wb") as file:
                for block in answer.iter_content(WIRE_BLOCK):
                    file.write(block)
                    got += len(block)
            if expected is not None and got < int(expected):
                raise EOFError(f"{got} of {expected} bytes")

    @staticmethod
    def _verify(path: Path, checksum: str | None, what: str, remedy: str) -> None:
        if checksum and not _matches(path, checksum):
            algorithm = checksum.partition(":")[0]
            found = hashes(path, [algorithm])[algorithm]
            raise CloudError(
                f"{what}: the {algorithm} of the file is {found}, expected {checksum.partition(':')[2]}. {remedy}",
                "described",
            )


def _matches(path: Path, checksum: str) -> bool:
    algorithm, _colon, digest = checksum.partition(":")
    return hashes(path, [algorithm])[algorithm] == digest
