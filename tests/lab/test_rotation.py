# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every secret of a running cloud is changed at once, to one that is hard to write: the next run brings it everywhere.

Part of `make test-full`. The lab keeps the new secrets.
"""

from __future__ import annotations

import json
import secrets
import shlex
import string
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from .conftest import NODES, ROOT, Make, in_one_line, site_secrets

pytestmark = pytest.mark.full

SECRETS = ROOT / "inventories/lab/group_vars/all/secrets.yml"
LETTERS = string.ascii_letters + string.digits
# What URLs, oslo.config, INI files, YAML, SQL and shells read in their own way. Each secret gets all of it, in another order.
HARD = [
    "$name",
    "${x}",
    "$$",
    "@h",
    ":",
    "/",
    "#",
    "?q",
    "%41",
    "%(x)s",
    "&",
    "'",
    '"',
    "\\",
    ";",
    ",",
    " ",
    "=",
    "<!",
    "|",
    "`id`",
    "[",
    "]",
]
# What keystone-manage can have in the URL of its database.
EASY = list("-._~!&'()*+,;=")


def hard_to_write(name: str) -> str:
    chance = secrets.SystemRandom()
    marks = [*EASY] if name == "keystone_database" else [*HARD]
    if name.endswith("_rabbitmq"):
        marks.remove("/")
    chance.shuffle(marks)
    text = "".join(marks)
    while "\\$" in text:
        chance.shuffle(marks)
        text = "".join(marks)
    if name == "heat_encryption":
        text = text.replace("\\", "")[:20]
    if text.endswith("\\"):
        text += "x"
    return text + "".join(chance.choice(LETTERS) for _ in range((32 if name == "heat_encryption" else 62) - len(text)))


def services() -> list[str]:
    found: list[str] = yaml.safe_load((ROOT / "inventories/lab/group_vars/all/cloud.yml").read_text())["cloud_services"]
    return found


def accounts(values: dict[str, str]) -> dict[str, Any]:
    """What try_secrets.py wants to know of the services that this lab has."""
    apis = [name for name in services() if name not in ("keystone", "horizon")]
    hosts = yaml.safe_load((ROOT / "inventories/lab/hosts.yml").read_text())["all"]["hosts"]
    users = [[name, "Default", values[f"{name}_keystone"]] for name in apis]
    users += [["admin", "Default", values["keystone_admin"]], ["demo", "Default", values["demo"]]]
    if "heat" in apis:
        users.append(["heat_domain_admin", "heat", values["heat_domain"]])
    return {
        "host": hosts["controller"]["ansible_host"],
        "database": {name: values[f"{name}_database"] for name in [*apis, "keystone"]},
        "keystone": users,
        "rabbitmq": {name.removesuffix("_rabbitmq"): value for name, value in values.items() if name.endswith("_rabbitmq")},
    }


def let_in(values: dict[str, str]) -> dict[str, bool]:
    """Which accounts these secrets open."""
    program = (ROOT / "tests/lab/try_secrets.py").read_text(encoding="utf-8")
    done = subprocess.run(
        ["scripts/node-ssh", "inventories/lab/hosts.yml", "controller", f"python3 -c {shlex.quote(program)}"],
        cwd=ROOT,
        input=json.dumps(accounts(values)) + "\n",
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, bool] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def rotated(make: Make) -> tuple[dict[str, str], dict[str, str], str]:
    """Old and new secrets, and what the run said that brought them everywhere."""
    make("site")
    make("resources")
    old = site_secrets()
    before = let_in(old)
    assert set(before.values()) == {True}, before
    # The run generates a missing certificate authority, and takes Keystone's keys from the controller.
    new = {name: hard_to_write(name) for name in old if name != "tls_ca" and not name.endswith("_keys")}
    assert not set(old.values()) & set(new.values())
    # Written beside it first: a test that is killed here leaves one set or the other.
    text = yaml.safe_dump({"cloud_secrets": new}, width=4096)
    temporary = SECRETS.with_name(".secrets.rotated")
    temporary.touch(mode=0o600)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(SECRETS)
    output = make("site", "--diff")
    return old, site_secrets(), output


Rotated = tuple[dict[str, str], dict[str, str], str]


def test_new_secrets_open_every_account(rotated: Rotated) -> None:
    _old, new, _output = rotated
    found = let_in(new)
    assert set(found.values()) == {True}, found


def test_old_secrets_open_none(rotated: Rotated) -> None:
    old, _new, _output = rotated
    found = let_in(old)
    assert set(found.values()) == {False}, found


def test_a_second_run_has_nothing_to_do(rotated: Rotated, make: Make, changed: Callable[[str], dict[str, int]]) -> None:
    assert changed(make("site", "--diff")) == {}


def test_the_cloud_works(rotated: Rotated, make: Make) -> None:
    """Through the queue, the metadata service and token caches of all services, with clouds.yaml of the new passwords."""
    make("ready")
    make("resources")
    make("verify")


@pytest.mark.parametrize("node", NODES)
def test_no_node_shows_a_new_secret(rotated: Rotated, node: str, search: Callable[[str], str]) -> None:
    assert search(node) == ""


def test_ansible_said_neither(rotated: Rotated) -> None:
    old, new, output = rotated
    assert [name for values in (old, new) for name, value in in_one_line(values).items() if value in output] == []
