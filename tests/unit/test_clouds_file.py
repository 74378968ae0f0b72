# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clouds.yaml belongs to its user: ours are the entries of this site, and nothing else in it changes."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mikumo.openstack.plugins.module_utils._clouds_file import CloudsFileError, bring, bring_ca

PASSWORD = 'it\'s: a "pass" #word$'


def clouds(url: str = "http://10.0.0.11:5000/v3", password: str = PASSWORD) -> dict[str, Any]:
    common = {"region_name": "RegionOne", "interface": "public", "identity_api_version": 3}
    auth = {"auth_url": url, "user_domain_name": "Default", "project_domain_name": "Default"}
    return {
        name: {**common, "auth": {**auth, "username": user, "project_name": user, "password": password}}
        for name, user in (("mikumo", "admin"), ("mikumo-demo", "demo"))
    }


FOREIGN = """\
# my clouds; do not sort
clouds:
  zeta:   # the old one
    auth:
      auth_url: 'https://zeta.example.org:5000/v3'
      password: "0123"
      username: 'me'
    regions:
      - "one"
      - two
    verify: no
  # commented: out
  alpha: {auth_url: x, profile: vexxhost}

cache:
  expiration_time: 3600   # an hour
"""


def test_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    assert bring(path, clouds(), [PASSWORD], check_mode=True).changed
    assert not path.exists()
    outcome = bring(path, clouds(), [PASSWORD])
    assert outcome.changed
    assert PASSWORD not in outcome.after
    assert path.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(path.read_text()) == {"clouds": clouds()}
    assert not bring(path, clouds(), [PASSWORD]).changed
    assert [one.name for one in tmp_path.iterdir()] == ["clouds.yaml"]


WIDE = FOREIGN.replace("  ", "    ").replace("      - ", "    - ").replace("    #", " #")
FLUSH = FOREIGN.replace("      - ", "    - ")


@pytest.mark.parametrize("foreign", [FOREIGN, WIDE, FLUSH], ids=["two", "four", "flush lists"])
def test_everything_else_stays_to_the_letter(foreign: str, tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(foreign)
    path.chmod(0o600)
    outcome = bring(path, clouds(), [PASSWORD])
    assert "0123" not in outcome.before + outcome.after
    assert PASSWORD not in outcome.after
    after = path.read_text().splitlines()
    assert [line for line in difflib.ndiff(foreign.splitlines(), after) if line.startswith(("-", "?"))] == []
    assert yaml.safe_load(path.read_text())["clouds"] == yaml.safe_load(foreign)["clouds"] | clouds()
    before = path.read_text()
    assert not bring(path, clouds(), [PASSWORD]).changed
    # a rotated password changes its own lines
    assert bring(path, clouds(password="another-one"), ["another-one"]).changed
    changed = [line for line in path.read_text().splitlines() if line not in before.splitlines()]
    assert {line.split(":")[0].strip() for line in changed} == {"password"}


def test_what_a_user_added_to_our_entry_stays(tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    bring(path, clouds(), [])
    path.write_text(path.read_text().replace("  mikumo:\n", "  mikumo:\n    cacert: /etc/ca.pem  # mine\n"))
    assert not bring(path, clouds(), []).changed
    bring(path, clouds(password="another-one"), [])
    assert "    cacert: /etc/ca.pem  # mine\n" in path.read_text()
    assert yaml.safe_load(path.read_text())["clouds"]["mikumo"]["auth"]["password"] == "another-one"


@pytest.mark.parametrize(
    "text",
    ["", "\n", "# mine\n", "clouds:\n", "clouds: {}\n", "cache: {auth: false}\n", "---\n# x\nclouds:\n  a: {profile: b}\n"],
)
def test_files_without_our_entries(text: str, tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(text)
    assert bring(path, clouds(), []).changed
    assert clouds().items() <= yaml.safe_load(path.read_text())["clouds"].items()
    assert all(line in path.read_text() for line in text.splitlines() if line.startswith("#"))
    assert not bring(path, clouds(), []).changed


def test_permissions_that_others_could_read_are_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    bring(path, clouds(), [])
    path.chmod(0o644)
    assert bring(path, clouds(), [], check_mode=True).changed
    assert path.stat().st_mode & 0o777 == 0o644
    outcome = bring(path, clouds(), [])
    assert (outcome.changed, path.stat().st_mode & 0o777) == (True, 0o600)
    assert "0644" in outcome.before


REFUSED = {
    "no YAML": ("clouds: [secret-in-file\n", "not valid YAML"),
    "two of one name": ("clouds:\n  a: {password: secret-in-file}\n  a: {}\n", r"not valid YAML \(see line 3\)"),
    "two documents": ("a: 1\n---\nb: secret-in-file\n", "not valid YAML"),
    "a list": ("- secret-in-file\n", "must contain a mapping of cloud names"),
    "clouds that are a list": ("clouds: [secret-in-file]\n", "must contain a mapping of cloud names"),
    "our name elsewhere": (
        "clouds:\n  mikumo:\n    auth: {auth_url: 'https://u:secret-in-file@other.example.org:5000/v3'}\n",
        "already has a cloud mikumo at other.example.org:5000",
    ),
    "not UTF-8": (b"\xff\xfe secret-in-file", "not UTF-8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_not_overwritten(case: str, tmp_path: Path) -> None:
    text, words = REFUSED[case]
    content = text if isinstance(text, bytes) else text.encode()
    path = tmp_path / "clouds.yaml"
    path.write_bytes(content)
    with pytest.raises(CloudsFileError, match=words) as error:
        bring(path, clouds(), [])
    assert "secret-in-file" not in str(error.value)
    assert str(path) in str(error.value)
    assert path.read_bytes() == content


def test_places_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CloudsFileError, match="does not exist: create it"):
        bring(tmp_path / "none/clouds.yaml", clouds(), [])
    link = tmp_path / "link.yaml"
    link.symlink_to(tmp_path / "target.yaml")
    with pytest.raises(CloudsFileError, match=r"symbolic link to .*target\.yaml"):
        bring(link, clouds(), [])
    assert not (tmp_path / "target.yaml").exists()
    with pytest.raises(CloudsFileError, match="not a regular file"):
        bring(tmp_path, clouds(), [])
    path = tmp_path / "clouds.yaml"
    path.write_text(FOREIGN)
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(CloudsFileError, match=f"belongs to user ID {uid}"):
        bring(path, clouds(), [])
    assert path.read_text() == FOREIGN


def test_without_ruamel_only_a_file_of_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    path = tmp_path / "clouds.yaml"
    assert bring(path, clouds(), []).changed
    assert not bring(path, clouds(), []).changed
    path.write_text(FOREIGN)
    with pytest.raises(CloudsFileError, match=r"pip install ruamel\.yaml"):
        bring(path, clouds(), [])
    assert path.read_text() == FOREIGN


CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def test_authorities_have_a_file_that_others_may_read(tmp_path: Path) -> None:
    path = tmp_path / "mikumo-ca.pem"
    assert bring_ca(path, CA, check_mode=True)
    assert not path.exists()
    assert bring_ca(path, CA)
    assert (path.read_text(), path.stat().st_mode & 0o777) == (CA, 0o644)
    assert not bring_ca(path, CA)
    # The site has got another authority.
    assert bring_ca(path, CA.replace("A", "B"), check_mode=True)
    assert path.read_text() == CA
    assert bring_ca(path, CA.replace("A", "B"))
    assert path.read_text() == CA.replace("A", "B")
    assert [one.name for one in tmp_path.iterdir()] == ["mikumo-ca.pem"]


def test_clouds_refer_to_their_authorities(tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    bring(path, clouds(), [PASSWORD])
    trusting = {name: {**cloud, "cacert": "/home/me/mikumo-ca.pem"} for name, cloud in clouds().items()}
    assert bring(path, trusting, [PASSWORD]).changed
    assert yaml.safe_load(path.read_text()) == {"clouds": trusting}
    assert not bring(path, trusting, [PASSWORD]).changed


def test_authorities_that_are_no_longer_needed(tmp_path: Path) -> None:
    path, unused = tmp_path / "clouds.yaml", "/home/me/mikumo-ca.pem"
    path.write_text(FOREIGN)
    bring(path, {name: {**cloud, "cacert": unused} for name, cloud in clouds().items()}, [PASSWORD])
    own = path.read_text().replace("alpha: {", f"alpha: {{cacert: {unused}, ")
    path.write_text(own)
    assert bring(path, clouds(), [PASSWORD], unused_ca=unused).changed
    found = yaml.safe_load(path.read_text())["clouds"]
    assert {name: found[name] for name in clouds()} == clouds()
    # another cloud of the user, and authorities of the user's own
    assert found["alpha"]["cacert"] == unused
    assert not bring(path, clouds(), [PASSWORD], unused_ca=unused).changed
    path.write_text(path.read_text().replace("  mikumo:\n", "  mikumo:\n    cacert: /etc/ca.pem\n"))
    assert not bring(path, clouds(), [PASSWORD], unused_ca=unused).changed


def test_places_of_authorities_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CloudsFileError, match="does not exist: create it"):
        bring_ca(tmp_path / "none/mikumo-ca.pem", CA)
    link = tmp_path / "link.pem"
    link.symlink_to(tmp_path / "target.pem")
    with pytest.raises(CloudsFileError, match=r"symbolic link to .*target\.pem"):
        bring_ca(link, CA)
    assert not (tmp_path / "target.pem").exists()
