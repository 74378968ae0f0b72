# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils import _config_files as files

ME = {"owner": str(os.getuid()), "group": str(os.getgid())}


def sync(*entries, check_mode=False, secrets=(), **defaults):
    return files.sync(files.parse(list(entries), **{**ME, **defaults}), secrets=secrets, check_mode=check_mode)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("[database]\nconnection = mysql+pymysql://u:a%2Fb-c@h/d?charset=utf8\n", {"a%2Fb-c", "a/b-c"}),
        ("transport_url = rabbit://openstack:p%40ss%24w@h:5672/\n", {"p%40ss%24w", "p@ss$w"}),
        ("password = one$$two\n", {"one$$two", "one$two"}),
        ("memcache_secret_key = 'with quotes'\n", {"with quotes"}),
        ("    password: deep-in-yaml\n", {"deep-in-yaml"}),
        # Too short to be hidden wherever it stands, no secret at all, and a name that only speaks of one.
        ("password = abc\n", set()),
        ("auth_url = http://k:5000\nusername = glance\n", set()),
        ("password_expiration_time = 86400\n", set()),
        ("password = false\n", set()),
    ],
)
def test_secrets_are_found_in_the_data(text, secrets):
    assert files.secrets_of(text) == secrets


def test_writes_once(tmp_path):
    path = tmp_path / "new" / "deep" / "a.conf"
    entry = {"path": str(path), "content": "[DEFAULT]\ndebug = true\n"}
    first = sync(entry)
    assert first.changed
    assert first.changed_files == first.rewritten == [str(path)]
    assert path.read_text() == entry["content"]
    assert mode(path) == 0o640
    assert mode(path.parent) == 0o755
    before = path.stat()
    second = sync(entry)
    assert not second.changed
    assert second.diff == []
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_no_temporary_file_is_left(tmp_path):
    path = tmp_path / "a.conf"
    (tmp_path / f".a.conf{files.TEMPORARY}killed.tmp").write_text("half")
    sync({"path": str(path), "content": "x\n"})
    assert [each.name for each in tmp_path.iterdir()] == ["a.conf"]


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.conf"
    sync({"path": str(path), "content": "old\n"})

    def broken(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", broken)
    with pytest.raises(files.FilesError, match=r"a\.conf: cannot be brought into state present: .*No space left"):
        sync({"path": str(path), "content": "new\n"})
    assert path.read_text() == "old\n"
    assert [each.name for each in tmp_path.iterdir()] == ["a.conf"]


def test_metadata_alone_leaves_the_modification_time(tmp_path):
    path = tmp_path / "a.conf"
    sync({"path": str(path), "content": "x\n"})
    before = path.stat()
    outcome = sync({"path": str(path), "content": "x\n", "mode": "0600"})
    assert outcome.changed
    assert mode(path) == 0o600
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino
    assert outcome.rewritten == []
    assert outcome.diff[0]["before"].endswith(" 0640\n")
    assert outcome.diff[0]["after"].endswith(" 0600\n")


def test_check_mode_touches_nothing(tmp_path):
    path = tmp_path / "no" / "a.conf"
    outcome = sync(
        {"path": str(path), "content": "x\n", "owner": "nobody-has-this-name", "group": "nor-this"},
        {"path": str(tmp_path / "d"), "state": "directory", "owner": "nobody-has-this-name"},
        check_mode=True,
    )
    assert outcome.changed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("key", "what"), [("owner", "user"), ("group", "group")])
def test_unknown_owner_names_file_and_user(tmp_path, key, what):
    path = tmp_path / "a.conf"
    with pytest.raises(files.FilesError, match=rf"a\.conf: .*{what} 'no-such-name',? does not exist"):
        sync({"path": str(tmp_path / "first"), "content": ""}, {"path": str(path), "content": "", key: "no-such-name"})
    # nothing is written if one of the files cannot be
    assert list(tmp_path.iterdir()) == []


def test_directory(tmp_path):
    path = tmp_path / "d"
    sync({"path": str(path / "a"), "content": "x"}, {"path": str(path), "state": "directory"})
    assert mode(path) == 0o750
    assert not sync({"path": str(path), "state": "directory"}).changed
    assert sync({"path": str(path), "state": "directory", "mode": "0700"}).changed
    assert mode(path) == 0o700


def test_absent(tmp_path):
    path = tmp_path / "a"
    path.write_text("x\n")
    link = tmp_path / "link"
    link.symlink_to("nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    entries = [{"path": str(each), "state": "absent"} for each in (path, link, empty)]
    assert sync(*entries, check_mode=True).changed
    assert path.exists()
    outcome = sync(*entries)
    assert outcome.changed
    assert list(tmp_path.iterdir()) == []
    assert not sync(*entries).changed


def test_refuses_what_is_something_else(tmp_path):
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "file").write_text("")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "file").write_text("")
    cases = [
        ({"path": "dir", "content": ""}, "is a directory, expected a file"),
        ({"path": "link", "content": ""}, "is a symbolic link to target, expected a file"),
        ({"path": "file", "state": "directory"}, "is a file, expected a directory"),
        ({"path": "dir", "state": "absent"}, "directory that is not empty"),
        ({"path": "file/below", "content": ""}, "a parent of this path is not a directory"),
    ]
    for entry, message in cases:
        with pytest.raises(files.FilesError, match=message):
            sync({**entry, "path": str(tmp_path / entry["path"])})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"path": "a.conf", "content": ""}, "the path must be absolute"),
        ({"path": "/etc/../a", "content": ""}, "the path must be absolute"),
        ({"path": "/a"}, "'content' is missing"),
        ({"path": "/a", "state": "absent", "content": ""}, "is not allowed with state absent"),
        ({"path": "/a", "content": "", "mode": "416"}, "in quotes, such as '0640'"),
        ({"path": "/a", "content": "", "mode": "u=rw"}, "in quotes, such as '0640'"),
    ],
)
def test_parse_errors(entry, message):
    with pytest.raises(files.FilesError, match=message):
        files.parse([entry])


def test_duplicate():
    with pytest.raises(files.FilesError, match="listed twice"):
        files.parse([{"path": "/a", "content": ""}, {"path": "/a/", "state": "directory"}])


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("password = abc", "password = ********"),
        ("memcache_secret_key=abc", "memcache_secret_key=********"),
        ("connection = mysql+pymysql://n:abc@h/n", "connection = ********"),
        ("transport_url = rabbit://o:abc@h:5672/", "transport_url = ********"),
        ("auth_key: 'abc'", "auth_key: ********"),
        ("  'PASSWORD': 'abc',", "  'PASSWORD': ********"),
        ("SECRET_KEY = 'abc'", "SECRET_KEY = ********"),
        ("default_pass = abc", "default_pass = ********"),
        ("export OS_PASSWORD=abc", "export OS_PASSWORD=********"),
        ("www_url = http://u:abc@h/x", "www_url = http://u:********@h/x"),
        ("grant all to a identified by 'abc'", "grant all to a identified by ********"),
        ('{"user": "a", "password": "abc"}', '{"user": "a", "password": ********}'),
        ("auth = {user: a, admin_token: abc}", "auth = {user: a, admin_token: ********}"),
        ("name = has abc in it", "name = has ******** in it"),
    ],
)
def test_secrets_are_masked(line, masked):
    assert files.mask(line + "\n", ["abc"]) == masked + "\n"
    if "abc" not in masked and line != "name = has abc in it":
        assert "abc" not in files.mask(line)


@pytest.mark.parametrize(
    "line",
    [
        "max_connections = 100",
        "token_cache_time = 300",
        "service_token_roles = service",
        "service_token_roles_required = true",
        "auth_url = http://10.0.0.11:5000",
        "password_file = /etc/x",
        "[token]",
        "provider = fernet",
        "# a comment about a password",
        "enforce_token = true",
    ],
)
def test_harmless_lines_stay(line):
    assert files.mask(line) == line


def test_private_key_block():
    text = "a\n-----BEGIN RSA PRIVATE KEY-----\nMII\nabc\n-----END RSA PRIVATE KEY-----\nb\n"
    masked = files.mask(text)
    assert "MII" not in masked
    assert masked.startswith("a\n-----BEGIN")
    assert masked.endswith("-----END RSA PRIVATE KEY-----\nb\n")


def test_rotation_shows_neither_side(tmp_path):
    path = tmp_path / "a.conf"
    sync({"path": str(path), "content": "user = a\npassword = oldold\n"})
    diff = sync({"path": str(path), "content": "user = a\npassword = newnew\n"}, secrets=["newnew"]).diff[0]
    assert "oldold" not in str(diff)
    assert "newnew" not in str(diff)
    assert diff["before"] != diff["after"]
    diff = sync({"path": str(path), "content": "user = b\npassword = newnew\n"}).diff[0]
    assert diff["before"].replace("user = a", "user = b") == diff["after"]


def test_hidden_content(tmp_path):
    for name, extra in (("x", {"hidden": True}), (".erlang.cookie", {}), ("fernet-keys/0", {})):
        path = tmp_path / name
        outcome = sync({"path": str(path), "content": "TOPSECRET", **extra})
        assert "TOPSECRET" not in str(outcome.diff)
        outcome = sync({"path": str(path), "content": "TOPSECREU", **extra})
        assert outcome.diff[0]["before"] != outcome.diff[0]["after"]


def test_binary_before(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"\xff\xfe")
    outcome = sync({"path": str(path), "content": "x"})
    assert "2 bytes of binary data" in outcome.diff[0]["before"]
    assert path.read_text() == "x"
