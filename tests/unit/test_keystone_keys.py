# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keystone can read what it encrypted at every moment of an adoption or a rotation, on every controller."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from cryptography.fernet import Fernet, MultiFernet

from ansible_collections.mikumo.openstack.plugins.filter.keystone_key_files import keystone_key_files
from ansible_collections.mikumo.openstack.plugins.module_utils._keystone_keys import (
    FERNET_KEYS,
    KEY_SETS,
    KeysError,
    Step,
    apply,
    checked_keys,
    found_keys,
    loose_paths,
    new_keys,
    parsed_keys,
    primary_age,
    rotated_keys,
    steps,
    written_keys,
)
from ansible_collections.mikumo.openstack.plugins.module_utils._secrets_file import Outcome, SecretsFileError, bring, rotate
from ansible_collections.mikumo.openstack.plugins.modules import keystone_keys
from ansible_collections.mikumo.openstack.plugins.plugin_utils._secrets import new_secrets, problem

A, B, C, D, E, F = (Fernet.generate_key().decode() for _ in range(6))
MOST = dict.fromkeys(KEY_SETS, 3)
OWNER = (os.getuid(), os.getgid())
PLACE = Path("/etc/keystone/fernet-keys")


def fernet(keys: Mapping[int, str]) -> MultiFernet:
    """As Keystone reads a repository: the highest number encrypts, all decrypt."""
    return MultiFernet([Fernet(keys[number]) for number in sorted(keys, reverse=True)])


def make(directory: Path, keys: Mapping[int, str]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for number, key in keys.items():
        (directory / str(number)).write_text(key)
    return directory


# --- sets of keys ----------------------------------------------------------------------------------------------------


def test_a_new_set_is_what_keystone_manage_makes() -> None:
    keys = parsed_keys(new_keys())
    assert sorted(keys) == [0, 1]
    assert fernet(keys).decrypt(Fernet(keys[1]).encrypt(b"x")) == b"x"
    values = new_secrets(list(KEY_SETS))
    assert [problem(name, value) for name, value in values.items()] == [None, None]
    assert len({key for value in values.values() for key in parsed_keys(value).values()}) == 4


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({0: A, 1: B}, "is not a text"),
        (12345678, "is not a text"),
        ("longsecret", "has no key in line 1"),
        (f"0: {A}\n1: {B[:-2]}=\n", "has no key in line 2"),
        (f"0: {A}\n1: {B[:-1]}\n", "has no key in line 2"),
        (f"0: {A}\n01: {B}\n", "has no key in line 2"),
        (f"0: {A}\n1: {B}\n1: {C}\n", "two keys with the number 1"),
        (f"0: {A}\n1: {A}\n", "the same key twice"),
        (f"0: {A}\n", "only the key 0"),
        (f"1: {A}\n2: {B}\n", "no key 0"),
    ],
)
def test_sets_that_are_refused(value: object, words: str) -> None:
    told = problem(FERNET_KEYS, value)
    assert told
    assert told.startswith(f"{FERNET_KEYS} ")
    assert words in told
    assert "a block that begins with `keystone_fernet_keys: |`" in told
    for key in (A, B, C, "longsecret"):
        assert key[:12] not in told


@pytest.mark.parametrize("text", [f"0: {A}\n4: {B}\n", f"\n  4: {B}  \r\n0: {A}"])
def test_sets_that_are_read(text: str) -> None:
    assert parsed_keys(text) == {0: A, 4: B}
    assert written_keys(parsed_keys(text)) == f"0: {A}\n4: {B}\n"


@pytest.mark.parametrize(
    ("before", "most", "stay"),
    [
        ({0: A, 1: B}, 3, {1: B, 2: A}),
        ({0: A, 1: B, 2: C}, 3, {2: C, 3: A}),
        ({0: A, 1: B, 2: C}, 4, {1: B, 2: C, 3: A}),
        ({0: A, 4: B, 7: C, 9: D, 12: E}, 3, {12: E, 13: A}),
    ],
)
def test_a_rotation(before: dict[int, str], most: int, stay: dict[int, str]) -> None:
    after = rotated_keys(before, most)
    staged = after.pop(0)
    assert after == stay
    assert staged not in before.values()
    assert len(stay) < most


def test_a_rotation_without_a_secondary_key_is_refused() -> None:
    with pytest.raises(KeysError, match="Keystone needs 3"):
        rotated_keys({0: A, 1: B}, 2)


def test_key_files_of_the_role() -> None:
    files = keystone_key_files(f"0: {A}\n1: {B}\n", "/keys")
    assert [(one["path"], one.get("content"), one["mode"], one["owner"]) for one in files] == [
        ("/keys", None, "0700", "keystone"),
        ("/keys/0", A, "0600", "keystone"),
        ("/keys/1", B, "0600", "keystone"),
    ]


# --- key repositories ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "wanted", "prune", "expected"),
    [
        # Nothing to do, and a new node.
        ({0: A, 1: B}, {0: A, 1: B}, True, []),
        ({}, {0: A, 1: B, 2: C}, False, [Step(1, B), Step(2, C), Step(0, A)]),
        # A rotation, and one that drops a key.
        ({0: A, 1: B}, {0: D, 1: B, 2: A}, False, [Step(2, A), Step(0, D)]),
        ({0: A, 1: B, 2: C}, {0: D, 2: C, 3: A}, False, [Step(3, A), Step(0, D)]),
        ({0: A, 1: B, 2: C}, {0: D, 2: C, 3: A}, True, [Step(3, A), Step(0, D), Step(1)]),
        # Killed before and after the new primary key.
        ({0: A, 1: B, 2: A}, {0: D, 1: B, 2: A}, False, [Step(0, D)]),
        # A node that missed a rotation.
        ({0: A, 1: B}, {0: E, 2: A, 3: D}, False, [Step(2, A), Step(3, D), Step(0, E)]),
    ],
)
def test_order_of_the_steps(found: dict[int, str], wanted: dict[int, str], prune: bool, expected: list[Step]) -> None:
    assert steps(PLACE, found, wanted, prune=prune) == expected


@pytest.mark.parametrize(
    ("found", "wanted", "numbers"),
    [
        # Secrets that were generated anew for an existing controller, and secrets from an old backup.
        ({0: A, 1: B}, {0: C, 1: D}, ": 1. Without"),
        ({0: A, 1: B, 2: C}, {0: C, 1: B}, ": 2. Without"),
        ({0: A, 2: B, 3: C}, {0: D, 1: E, 2: F}, ": 2, 3. Without"),
    ],
)
def test_keys_that_nothing_could_replace_stay(found: dict[int, str], wanted: dict[int, str], numbers: str) -> None:
    with pytest.raises(KeysError) as error:
        steps(PLACE, found, wanted, prune=True)
    assert numbers in str(error.value)
    assert not [key for key in (A, B, C, D, E, F) if key in str(error.value)]


@pytest.mark.parametrize("rotations", [1, 2])
def test_every_state_of_a_rotation_reads_every_token(rotations: int, tmp_path: Path) -> None:
    """Two controllers, killed after each number of writes: each reads the tokens of the other, old and new."""
    before = {0: A, 1: B}
    for _ in range(rotations - 1):
        before = rotated_keys(before, 3)
    after = rotated_keys(before, 3)
    directories = [make(tmp_path / name, before) for name in ("one", "two")]
    old = fernet(before).encrypt(b"old")
    states = [before]
    todo = steps(directories[0], before, after)
    apply(directories[0], todo, after, OWNER, after_each=lambda: states.append(found_keys(directories[0])))
    assert len(states) == 3
    assert states[-1] == {**before, **after}
    for here in states:
        for there in states:
            assert fernet(here).decrypt(old) == b"old"
            assert fernet(here).decrypt(fernet(there).encrypt(b"new")) == b"new"
            # The next run goes on from here.
            rest = steps(directories[1], make_state(directories[1], here), after)
            apply(directories[1], rest, after, OWNER)
            assert found_keys(directories[1]) == {**before, **after}
    # What is removed at the end has not been the primary key since the rotation before.
    prune = steps(directories[0], found_keys(directories[0]), after, prune=True)
    assert [step.number for step in prune] == ([] if rotations == 1 else [1])
    apply(directories[0], prune, after, OWNER)
    assert found_keys(directories[0]) == after
    assert fernet(after).decrypt(old) == b"old"


def make_state(directory: Path, keys: Mapping[int, str]) -> dict[int, str]:
    for file in directory.iterdir():
        file.unlink()
    return found_keys(make(directory, keys))


def test_no_temporary_file_in_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keystone opens every file there, and fails with one that it may not read or that is gone."""
    directory = make(tmp_path / "keys", {0: A, 1: B})
    seen: list[str] = []
    replace = Path.replace

    def look(self: Path, target: Path) -> Path:
        seen.extend(file.name for file in directory.iterdir())
        assert self.stat().st_mode & 0o777 == 0o600
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", look)
    (tmp_path / ".keys.mikumo-killed.tmp").touch()
    wanted = {0: C, 1: B, 2: A}
    apply(directory, steps(directory, found_keys(directory), wanted), wanted, OWNER)
    assert set(seen) == {"0", "1", "2"}
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["0", "1", "2", "keys"]


def test_modes(tmp_path: Path) -> None:
    os.umask(0)
    directory = tmp_path / "keys"
    wanted = {0: A, 1: B}
    apply(directory, steps(directory, {}, wanted), wanted, OWNER)
    assert [path.stat().st_mode & 0o777 for path in (directory, directory / "0", directory / "1")] == [0o700, 0o600, 0o600]
    assert loose_paths(directory, wanted, OWNER) == []
    (directory / "1").chmod(0o644)
    before = (directory / "1").stat().st_mtime_ns
    assert loose_paths(directory, wanted, OWNER) == [directory / "1"]
    apply(directory, [], wanted, OWNER)
    assert loose_paths(directory, wanted, OWNER) == []
    # It tells when the key became the primary one.
    assert (directory / "1").stat().st_mtime_ns == before


def test_age_of_the_primary_key(tmp_path: Path) -> None:
    directory = make(tmp_path, {0: A, 1: B})
    os.utime(directory / "1", (0, 0))
    age = primary_age(directory, 1)
    assert age
    assert age > 10**9
    assert primary_age(directory, 0) in range(100)
    assert primary_age(directory, 2) is None


# --- adoption --------------------------------------------------------------------------------------------------------


def secrets_of(path: Path) -> dict[str, str]:
    values: dict[str, str] = yaml.safe_load(path.read_text())["cloud_secrets"]
    return values


def test_the_controllers_keys_become_the_secrets(tmp_path: Path) -> None:
    directory = make(tmp_path / "keys", {0: A, 5: B, 6: C})
    (directory / ".hidden").write_text("x")
    (directory / "7").touch()
    path = tmp_path / "secrets.yml"
    path.write_text("# mine\ncloud_secrets:\n  demo: 'x'  # stays\n")
    adopted = {FERNET_KEYS: checked_keys(directory)}
    names = list(KEY_SETS)
    assert bring(path, names, ["demo"], add=False, adopted=adopted) == Outcome(True, names, True)
    values = secrets_of(path)
    assert parsed_keys(values[FERNET_KEYS]) == {0: A, 5: B, 6: C}
    # The other set is new. And nothing has to be done on the controller.
    assert sorted(parsed_keys(values["keystone_credential_keys"])) == [0, 1]
    assert steps(directory, found_keys(directory), parsed_keys(values[FERNET_KEYS]), prune=True) == []
    assert path.read_text().startswith("# mine\ncloud_secrets:\n  demo: 'x'  # stays\n  keystone_fernet_keys: |\n    0: ")
    assert bring(path, names, ["demo"], add=False, adopted=adopted) == Outcome(False, [], True)


def test_nothing_is_generated_for_a_controller_that_nobody_asked(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    text = "cloud_secrets:\n  demo: 'x'\n"
    path.write_text(text)
    with pytest.raises(SecretsFileError, match=r"lacks keystone_fernet_keys, and the controller may have such keys"):
        bring(path, [FERNET_KEYS], ["demo"], add=True)
    assert path.read_text() == text
    # Asked, it has none.
    assert bring(path, [FERNET_KEYS], ["demo"], add=False, adopted={}).changed
    # A new site.
    assert bring(tmp_path / "new.yml", ["demo", FERNET_KEYS], [], add=False).changed


@pytest.mark.parametrize(
    ("keys", "words"),
    [({0: A}, "only the key 0"), ({1: A, 2: B}, "no key 0"), ({0: A, 1: "hush"}, "/1 is not a Fernet key")],
)
def test_repositories_that_are_not_adopted(keys: dict[int, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(KeysError, match=words) as error:
        checked_keys(make(tmp_path / "keys", keys))
    assert not [key for key in (A, B, "hush") if key in str(error.value)]


def test_repositories_without_keys(tmp_path: Path) -> None:
    assert checked_keys(tmp_path / "none") == ""
    assert checked_keys(tmp_path) == ""


# --- rotation in the file --------------------------------------------------------------------------------------------


def test_rotation_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    bring(path, ["demo", *KEY_SETS], [], add=False)
    path.write_text(path.read_text() + "other: [a, b]  # stays\n")
    before = secrets_of(path)
    current = {name: before[name] for name in KEY_SETS}
    text = path.read_text()
    plan = rotate(path, current, MOST, check_mode=True)
    assert path.read_text() == text
    done = rotate(path, current, MOST)
    assert done == plan
    assert done.after == {name: [0, 1, 2] for name in KEY_SETS}
    assert done.dropped == {name: [] for name in KEY_SETS}
    after = secrets_of(path)
    assert after["demo"] == before["demo"]
    assert "# stays" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    for name in KEY_SETS:
        old, new = parsed_keys(before[name]), parsed_keys(after[name])
        assert (new[1], new[2]) == (old[1], old[0])
    # A second run that began before the first one ended goes on with its keys.
    assert not rotate(path, current, MOST).changed
    assert secrets_of(path) == after
    with pytest.raises(SecretsFileError, match="is not what this run uses"):
        rotate(path, {name: new_keys() for name in KEY_SETS}, MOST)
    assert secrets_of(path) == after
    assert rotate(path, {name: after[name] for name in KEY_SETS}, MOST).dropped == {name: [1] for name in KEY_SETS}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
            "is encrypted, and keystone_fernet_keys cannot be rotated in it. Run ansible-vault",
        ),
        ("cloud_secrets:\n  keystone_fernet_keys: !vault |\n    $ANSIBLE_VAULT;1.1;AES256\n    6162\n", "is encrypted"),
        ("cloud_secrets:\n  keystone_fernet_keys: '{{ hush }}'\n", "has no key in line 1"),
        ("cloud_secrets: {}\n", "is not what this run uses"),
        ("- hush\n", "is not what this run uses"),
    ],
)
def test_files_in_which_nothing_is_rotated(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    path.write_text(text)
    with pytest.raises(SecretsFileError, match=words) as error:
        rotate(path, {FERNET_KEYS: f"0: {A}\n1: {B}\n"}, MOST)
    assert not [key for key in (A, B, "hush") if key in str(error.value)]
    assert path.read_text() == text


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SecretsFileError, match=r"does not exist\. Name the file"):
        rotate(tmp_path / "secrets.yml", {}, MOST)


@pytest.mark.parametrize("check", [True, False])
def test_keys_are_neither_in_the_result_nor_in_the_journal(
    check: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _self, message, **more: logged.append(f"{message} {more}"))
    monkeypatch.setattr(keystone_keys, "owner_ids", lambda *_names: (os.getuid(), os.getgid()))
    text = new_keys()
    arguments = {
        "repositories": [{"path": str(tmp_path / "keys"), "keys": text}],
        "_ansible_check_mode": check,
        "_ansible_diff": True,
    }
    with patch_module_args(arguments), pytest.raises(SystemExit):
        keystone_keys.main()
    result = json.loads(capsys.readouterr().out)
    assert result["changed"] is True
    assert logged
    keys = list(parsed_keys(text).values())
    assert [key for key in keys if key in f"{result} {logged}"] == []
