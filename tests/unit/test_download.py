# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads from real servers on this machine."""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import lzma
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from support.web import serving

from ansible_collections.mikumo.openstack.plugins.module_utils._download import Downloads, Source
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import CloudError

DATA = b"data of the image"
PACKED = gzip.compress(DATA)


def sha(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


SHA = sha(DATA)
WRONG = "sha256:" + "0" * 64


@pytest.fixture
def web():
    with serving(data=DATA) as site:
        yield site


@pytest.fixture
def slept():
    return []


@pytest.fixture
def downloads(tmp_path, slept):
    return Downloads(tmp_path / "cache", timeout=5, sleep=slept.append)


@pytest.mark.parametrize(
    ("settings", "requests"),
    [
        ({}, 1),
        ({"fail": [500, 503, 502]}, 4),
        ({"fail": ["reset"]}, 2),
        ({"fail": [(302, ("Location", "/elsewhere?signature=secret"))]}, 2),
        ({"cut": 7, "next": [{"cut": 0}]}, 2),
        ({"cut": 7, "next": [{"cut": 9}, {"cut": 0}]}, 3),
        ({"data": b"older data, longer", "cut": 7, "next": [{"cut": 0, "data": DATA}]}, 2),
    ],
)
def test_download(settings, requests, web, downloads):
    web.update(settings)
    source = downloads.fetch(web["url"], SHA, "image tiny")
    assert source.path.read_bytes() == DATA
    assert len(web["paths"]) == requests
    assert [one.name for one in source.path.parent.iterdir()] == [source.path.name]
    # From the cache.
    assert downloads.fetch(web["url"], SHA, "image tiny") == source
    assert len(web["paths"]) == requests


def test_damaged_file_in_the_cache_is_downloaded_again(web, downloads):
    path = downloads.fetch(web["url"], SHA, "image tiny").path
    path.write_bytes(b"damaged")
    assert downloads.cached(web["url"], SHA) is None
    assert downloads.fetch(web["url"], SHA, "image tiny").path.read_bytes() == DATA


@pytest.mark.parametrize(
    ("settings", "words", "attempts"),
    [
        ({"fail": [404] * 9}, "answers 404. The file does not exist: correct the URL", 1),
        ({"fail": [403] * 9}, "answers 403. It denies access", 1),
        ({"fail": [410] * 9}, "answers 410. The file is no longer published", 1),
        ({"fail": [401] * 9}, "answers 401. It requires a login", 1),
        ({"fail": [400] * 9}, "answers 400. Correct the URL", 1),
        ({"fail": [501] * 9}, "answers 501. Correct the URL", 1),
        ({"fail": [204] * 9}, "answers 204. Correct the URL", 1),
        ({"fail": [500] * 9}, "answers 500. Tried 5 times", 5),
        ({"fail": ["reset"] * 9}, "failed: .*. Tried 5 times", 5),
        ({"fail": [(429, ("Retry-After", "7200"))] * 9}, "answers 429, and asks for a retry after 7200 seconds", 1),
        ({"fail": [(302, ("Location", "/a/disk.img"))] * 99}, "redirects in a loop", 31),
        ({"fail": [(302, ("Location", "ftp://127.0.0.1/x"))]}, "invalid web address", 1),
        ({"fail": [(302, ("Location", "/b?sig=hidden")), 403]}, r"answers 403 \(redirected to 127.0.0.1\)", 2),
        ({"headers": {"Content-Encoding": "br"}}, "encoded as br", 1),
        ({"data": b"<html>Please log in</html>"}, "expected [0-9a-f]{64}. The file is an HTML page of 26 bytes", 1),
    ],
)
def test_download_that_fails(settings, words, attempts, web, downloads):
    web.update(settings)
    with pytest.raises(CloudError, match=words) as caught:
        downloads.fetch(web["url"], SHA, "image tiny")
    assert "hidden" not in str(caught.value)
    assert len(web["paths"]) == attempts
    assert list(downloads._path(web["url"], SHA).parent.iterdir()) == []


@pytest.mark.parametrize(("header", "expected"), [("3", [3]), ("0", [0]), ("nonsense", [2]), (None, [2])])
def test_server_says_when_to_come_back(header, expected, web, downloads, slept):
    web["fail"] = [(503, ("Retry-After", header)) if header else (503,)]
    assert downloads.fetch(web["url"], SHA, "image tiny").path.read_bytes() == DATA
    assert slept == expected


def test_server_says_at_which_time_to_come_back(web, downloads, slept):
    web["fail"] = [(503, ("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"))]
    downloads.fetch(web["url"], SHA, "image tiny")
    assert slept == [0]


def test_wrong_checksum(web, downloads):
    with pytest.raises(CloudError, match="expected 0000"):
        downloads.fetch(web["url"], WRONG, "image tiny")
    assert list(downloads._path(web["url"], WRONG).parent.iterdir()) == []


@pytest.mark.parametrize("checksum", [SHA, None])
def test_nothing_of_a_run_that_was_killed_is_taken(checksum, web, downloads):
    path = downloads._path(web["url"], checksum)
    path.parent.mkdir()
    path.with_name(path.name + ".part").write_bytes(DATA[:5])
    assert downloads.fetch(web["url"], checksum, "image tiny").path.read_bytes() == DATA
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_length_that_is_wrong_for_good(web, downloads):
    web.update(claims=9)
    with pytest.raises(CloudError, match=r"failed: the connection was closed early. Tried 5 times"):
        downloads.fetch(web["url"], None, "image tiny")


# The checksum is that of the published file, whatever the server calls its encoding.
@pytest.mark.parametrize(
    ("name", "sent", "encoding", "checksum", "expected"),
    [
        ("disk.img.gz", PACKED, "", sha(PACKED), PACKED),
        ("disk.img.gz", PACKED, "gzip", sha(PACKED), PACKED),
        ("disk.img.gz", PACKED, "x-gzip", sha(PACKED, "sha512"), PACKED),
        ("disk.img", PACKED, "gzip", SHA, DATA),
        ("disk.img.gz", gzip.compress(PACKED), "gzip", sha(PACKED), PACKED),
        ("disk.img.gz", PACKED, "", None, PACKED),
        ("disk.img.gz", PACKED, "gzip", None, PACKED),
        ("disk.img", PACKED, "gzip", None, DATA),
        ("disk.img", PACKED, "", None, PACKED),
    ],
)
def test_encoding_of_the_server(name, sent, encoding, checksum, expected, *, web, downloads):
    web.update(data=sent, headers={"Content-Encoding": encoding} if encoding else {})
    source = downloads.fetch(web["url"].replace("disk.img", name), checksum, "image tiny")
    assert source.path.read_bytes() == expected
    assert [one.name for one in source.path.parent.iterdir()] == [source.path.name]


def closed_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_nothing_listens(downloads, slept):
    url = f"http://user:hidden@127.0.0.1:{closed_port()}/disk.img?token=hidden"
    with pytest.raises(CloudError, match=r"/disk.img failed: Connection refused. Tried 5 times") as caught:
        downloads.fetch(url, SHA, "image tiny")
    assert "hidden" not in str(caught.value)
    assert slept == [2, 4, 8, 16]


def test_unknown_host(downloads, slept, monkeypatch):
    def unknown(*_arguments, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(CloudError, match=r"http://mirror.example.org/disk.img cannot be reached: its host name"):
        downloads.fetch("http://mirror.example.org/disk.img?token=hidden", SHA, "image tiny")
    assert slept == []


def test_resolver_that_does_not_answer_is_asked_again(downloads, slept, monkeypatch):
    def silent(*_arguments, **_options):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    with pytest.raises(CloudError, match=r"Temporary failure in name resolution. Tried 5 times"):
        downloads.fetch("http://mirror.example.org/disk.img", SHA, "image tiny")
    assert len(slept) == 4


@pytest.fixture
def tls(tmp_path):
    """A server with a certificate that nobody knows."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)

    def serve():
        while True:
            try:
                connection, _address = listening.accept()
            except ssl.SSLError:
                continue
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(DATA), DATA))

    thread = threading.Thread(target=serve)
    thread.start()
    yield certificate, f"127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_certificate(tls, tmp_path, downloads, slept):
    certificate, host = tls
    with pytest.raises(CloudError, match=r"TLS certificate that cannot be verified: self-signed certificate.*download_ca_cert"):
        downloads.fetch(f"https://{host}/disk.img", SHA, "image tiny")
    assert slept == []
    known = Downloads(tmp_path / "cache", ca_cert=str(certificate))
    assert known.fetch(f"https://{host}/disk.img", SHA, "image tiny").path.read_bytes() == DATA


def test_server_without_tls(web, downloads, slept):
    with pytest.raises(CloudError, match="fails the TLS handshake"):
        downloads.fetch(web["url"].replace("http:", "https:"), SHA, "image tiny")
    assert slept == []


def test_authority_that_is_no_file(tmp_path, web):
    with pytest.raises(CloudError, match=r"download_ca_cert: /nowhere/ca.pem is not a file"):
        Downloads(tmp_path, ca_cert="/nowhere/ca.pem").fetch(web["url"], SHA, "image tiny")


def test_proxy_of_the_environment(web, downloads, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://{web['host']}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert downloads.fetch("http://mirror.invalid/disk.img", SHA, "image tiny").path.read_bytes() == DATA
    assert web["paths"] == ["http://mirror.invalid/disk.img"]


def test_proxy_that_is_down(downloads, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://user:hidden@127.0.0.1:{closed_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(CloudError, match="cannot be reached through the proxy: Connection refused") as caught:
        downloads.fetch("http://mirror.invalid/disk.img", SHA, "image tiny")
    assert "hidden" not in str(caught.value)


def test_names_in_the_cache_tell_nothing_secret(downloads):
    for url in (
        "http://user:hidden@h/a/disk.img?token=hidden",
        "http://h/a/disk.img;token=hidden#hidden",
        "http://h/?hidden",
        f"http://h/{'long' * 100}%2f..%20disk.img",
    ):
        path = downloads._path(url, None)
        assert "hidden" not in path.name
        assert len(path.name) < 130
        assert path.parent == downloads._cache_dir
        assert "/" not in path.name


# Directories and disks


def test_cache_that_cannot_be(tmp_path, web):
    (tmp_path / "file").touch()
    with pytest.raises(CloudError, match=r"cannot be stored in .*file/cache: Not a directory. Set cache_dir"):
        Downloads(tmp_path / "file" / "cache").fetch(web["url"], SHA, "image tiny")


def test_full_disk(tmp_path, web, downloads, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(CloudError, match=r"No space left on device. Free space there"):
        downloads.fetch(web["url"], SHA, "image tiny")


# Unpacking


@pytest.mark.parametrize("packed", [gzip.compress(DATA), lzma.compress(DATA), bz2.compress(DATA)])
def test_unpack(packed, tmp_path, downloads):
    path = tmp_path / "packed"
    path.write_bytes(packed)
    source = downloads.unpacked(Source(path), "image tiny")
    assert source.path.read_bytes() == DATA
    assert source.temporary


def test_unpack_what_is_not_packed(tmp_path, downloads):
    path = tmp_path / "plain"
    path.write_bytes(DATA)
    assert downloads.unpacked(Source(path), "image tiny") == Source(path)


LONG = bytes(range(256)) * 2000


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (gzip.compress(LONG)[:-20], "truncated or damaged gzip data"),
        (lzma.compress(LONG)[:-20], "truncated or damaged xz data"),
        (bz2.compress(LONG)[:-20], "truncated or damaged bzip2 data"),
        (gzip.compress(LONG)[:-8] + b"12345678", "truncated or damaged gzip data"),
        (lzma.compress(LONG)[:200] + b"no" * 300, "truncated or damaged xz data"),
        (bz2.compress(LONG)[:100] + b"no" * 300, "truncated or damaged bzip2 data"),
        (b"\x28\xb5\x2f\xfd" + b"\0" * 99, "zstd compressed data, but unpack supports only gzip, xz, bzip2"),
    ],
)
def test_unpack_what_cannot_be(packed, words, tmp_path, downloads):
    path = tmp_path / "packed"
    path.write_bytes(packed)
    with pytest.raises(CloudError, match=words):
        downloads.unpacked(Source(path), "image tiny")
    assert list(tmp_path.glob("cache/*")) == []
