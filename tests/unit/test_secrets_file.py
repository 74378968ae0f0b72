# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a site's secrets is made once, whole, and for its owner alone; what is in it stays."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.mikumo.openstack.plugins.module_utils import _secrets_file
from ansible_collections.mikumo.openstack.plugins.module_utils._secrets_file import Outcome, SecretsFileError, bring, place
from ansible_collections.mikumo.openstack.plugins.plugin_utils._secrets import problem, unknown_secrets

NAMES = ["glance_database", "host_uuid", "rabbitmq"]


def read(path: Path) -> dict[str, str]:
    values: dict[str, str] = yaml.safe_load(path.read_text())["cloud_secrets"]
    return values


def test_first_run(tmp_path: Path) -> None:
    path = tmp_path / "group_vars/all/secrets.yml"
    assert bring(path, NAMES, [], add=False, check_mode=True) == Outcome(True, NAMES, False)
    assert list(tmp_path.iterdir()) == []
    os.umask(0)
    assert bring(path, NAMES, [], add=False) == Outcome(True, NAMES, True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [len(value) for value in read(path).values()] == [32, 36, 32]
    assert len(set(read(path).values())) == 3
    assert [one.name for one in path.parent.iterdir()] == ["secrets.yml"]
    before = path.read_text()
    assert bring(path, NAMES, [], add=True) == Outcome(False, [], True)
    assert bring(path, [], NAMES, add=True) == Outcome(False, [], False)
    assert path.read_text() == before


def _run(path: Path) -> None:
    bring(path, NAMES, [], add=False)


def test_many_runs_at_once_make_one_set(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    runs = [multiprocessing.Process(target=_run, args=(path,)) for _ in range(8)]
    for run in runs:
        run.start()
    made = None
    while any(run.is_alive() for run in runs):
        if path.exists():
            # never half a file, never another one
            assert list(read(path)) == NAMES
            made = made or path.read_text()
            assert path.read_text() == made
    assert [run.exitcode for run in runs] == [0] * 8
    assert made in (None, path.read_text())


def test_without_a_lock_the_first_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secrets.yml"

    def slow(given: Path) -> None:
        # another run writes between the look and the write
        monkeypatch.undo()
        _secrets_file._bring(given, NAMES, [], add=False, check_mode=False)

    monkeypatch.setattr(_secrets_file, "_look", slow)
    assert bring(path, NAMES, [], add=False) == Outcome(False, [], True)
    assert len(read(path)) == 3


def test_what_is_missing_needs_consent_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    text = "# mine\ncloud_secrets:\n  rabbitmq: 'quoted'   # old\n  glance_database: \"\"\nother: [a,   b]  # stays\n"
    path.write_text(text)
    with pytest.raises(SecretsFileError, match=r"secrets\.yml lacks glance_database, host_uuid.*secrets_add_missing=true"):
        bring(path, NAMES[:2], ["rabbitmq"], add=False)
    assert bring(path, NAMES[:2], ["rabbitmq"], add=True, check_mode=True) == Outcome(True, NAMES[:2], False)
    assert path.read_text() == text
    assert bring(path, NAMES[:2], ["rabbitmq"], add=True) == Outcome(True, NAMES[:2], True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read(path)["rabbitmq"] == "quoted"
    assert [len(read(path)[name]) for name in NAMES[:2]] == [32, 36]
    for line in ("# mine", "  rabbitmq: 'quoted'   # old"):
        assert line in path.read_text().splitlines()
    assert "# stays" in path.read_text()


def test_a_certificate_authority_is_a_block_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    assert bring(path, ["rabbitmq", "tls_ca"], [], add=False) == Outcome(True, ["rabbitmq", "tls_ca"], True)
    lines = path.read_text().splitlines()
    assert lines[lines.index("  tls_ca: |") + 1] == "    -----BEGIN PRIVATE KEY-----"
    assert lines[-1] == "    -----END CERTIFICATE-----"
    assert problem("tls_ca", read(path)["tls_ca"]) is None
    assert read(path)["tls_ca"].endswith("-----END CERTIFICATE-----\n")
    # Another addition leaves it as it is.
    bring(path, ["demo"], ["rabbitmq", "tls_ca"], add=True)
    assert [line for line in path.read_text().splitlines() if not line.startswith("  demo: ")] == lines


def test_a_certificate_authority_is_added_without_consent(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    text = "# mine\ncloud_secrets:\n  rabbitmq: 'quoted'   # old\n  demo: !unsafe 'a{{b'\n  # last\nother: [a, b]\n"
    path.write_text(text)
    given = ["rabbitmq", "demo"]
    assert bring(path, ["tls_ca"], given, add=False, check_mode=True) == Outcome(True, ["tls_ca"], False)
    # The file has one that the inventory lacks.
    assert bring(path, ["demo", "tls_ca"], [], add=False, check_mode=True) == Outcome(True, ["tls_ca"], True)
    with pytest.raises(SecretsFileError, match=r"secrets\.yml lacks glance_database\. A running") as error:
        bring(path, ["glance_database", "tls_ca"], given, add=False)
    assert "tls_ca" not in str(error.value)
    assert path.read_text() == text
    assert bring(path, ["tls_ca"], given, add=False) == Outcome(True, ["tls_ca"], True)
    after = path.read_text()
    assert set(text.splitlines()) <= set(after.splitlines())
    assert "\n  tls_ca: |\n    -----BEGIN PRIVATE KEY-----\n" in after
    assert problem("tls_ca", read_any(path)["tls_ca"]) is None
    assert bring(path, ["tls_ca"], given, add=False) == Outcome(False, [], True)
    assert path.read_text() == after


def read_any(path: Path) -> dict[str, str]:
    """Also what Ansible's own tags mark."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
    values: dict[str, str] = yaml.load(path.read_text(), Loader)["cloud_secrets"]  # noqa: S506
    return values


def test_a_certificate_authority_hides_no_secrets_of_another_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    for text in (None, "other: 1\n", "cloud_secrets: {demo: x}\n"):
        if text is not None:
            path.write_text(text)
        with pytest.raises(
            SecretsFileError, match=r"lacks tls_ca, and its other .* elsewhere\. Name their file, as in -e secrets"
        ):
            bring(path, ["tls_ca"], ["rabbitmq"], add=False)
        assert text is None or path.read_text() == text


def test_a_certificate_authority_is_not_added_to_an_encrypted_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    whole = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"
    path.write_text(whole)
    # It may be in the file. The role reads it, and says what to do if it is not.
    assert bring(path, ["tls_ca"], ["rabbitmq"], add=False) == Outcome(False, [], True)
    part = "cloud_secrets:\n  rabbitmq: !vault |\n    $ANSIBLE_VAULT;1.1;AES256\n    6162\n"
    path.write_text(part)
    with pytest.raises(SecretsFileError, match="is encrypted, and tls_ca cannot be added to it"):
        bring(path, ["tls_ca"], ["rabbitmq"], add=False)
    assert path.read_text() == part


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "is encrypted"),
        ("cloud_secrets:\n  a: !vault |\n    $ANSIBLE_VAULT;1.1;AES256\n    6162\n", "is encrypted"),
        ("cloud_secrets: [hush\n", "not valid YAML"),
        ("- hush\n", "does not contain variables"),
        ("cloud_secrets: hush\n", "is not a mapping of names to values"),
    ],
)
def test_files_that_are_not_added_to(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    path.write_text(text)
    with pytest.raises(SecretsFileError, match=words) as error:
        bring(path, NAMES, [], add=True)
    assert "hush" not in str(error.value)
    assert path.read_text() == text


def test_places_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretsFileError, match="does not exist: create it"):
        bring(tmp_path / "a/b/secrets.yml", NAMES, [], add=False)
    with pytest.raises(SecretsFileError, match=r"not in .* but elsewhere"):
        bring(tmp_path / "secrets.yml", ["rabbitmq"], ["demo"], add=True)
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text("a: 1\n")
    with pytest.raises(SecretsFileError, match=r"has a file all\.yml"):
        bring(tmp_path / "group_vars/all/secrets.yml", NAMES, [], add=False)
    (tmp_path / "link.yml").symlink_to("nowhere")
    with pytest.raises(SecretsFileError, match="symbolic link to a file that does not exist"):
        bring(tmp_path / "link.yml", NAMES, [], add=False)
    with pytest.raises(SecretsFileError, match="not a regular file"):
        bring(tmp_path / "group_vars", NAMES, [], add=False)


def test_without_ruamel_only_existing_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    path = tmp_path / "secrets.yml"
    assert bring(path, NAMES, [], add=False).changed
    with pytest.raises(SecretsFileError, match=r"pip install ruamel\.yaml"):
        bring(path, ["demo"], NAMES, add=True)


def test_place(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for site in (one, other):
        site.mkdir()
        (site / "hosts.yml").touch()
    first, second = (site / "group_vars/all/secrets.yml" for site in (one, other))
    assert place("", [str(one / "hosts.yml")]) == first
    assert place("", [str(one)]) == first
    assert place("", [str(one / "hosts.yml"), str(one)]) == first
    assert place("", [str(one), "a.example.org,b.example.org"]) == first
    assert place("~/x.yml", []) == Path.home() / "x.yml"
    assert place("x.yml", []) == Path.cwd() / "x.yml"
    with pytest.raises(SecretsFileError, match="several inventories"):
        place("", [str(one), str(other)])
    second.parent.mkdir(parents=True)
    assert place("", [str(one), str(other)]) == second
    first.parent.mkdir(parents=True)
    with pytest.raises(SecretsFileError, match="several inventories"):
        place("", [str(one), str(other)])
    first.touch()
    assert place("", [str(one), str(other)]) == first
    for sources in (["one.example.org,"], [], [str(tmp_path / "none")]):
        with pytest.raises(SecretsFileError, match="is not a file"):
            place("", sources)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"rabbitmq": "x", "host_uuid": "x", "glance_database": "x", "rabbitmq_old": "x"}, []),
        (
            {"rabitmq": "x", "host_uuid": "x", "glance_database": "x"},
            ["rabitmq is unknown: did you mean rabbitmq, which has no value?"],
        ),
        ({"quite_other": "x"}, []),
    ],
)
def test_misspelt_names(given: dict[str, str], told: list[str]) -> None:
    assert unknown_secrets(given, NAMES) == told
