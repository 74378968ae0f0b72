# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles say of their arguments is what their defaults are, and what their READMEs say."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2.meta
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from support.documentation import documentation_of

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir())
# Options that are handed to a module as they are, and the option of the module that they have to describe.
HANDED_ON = {
    ("resources", "resources_images"): ("images", "images"),
    ("service", "service_description.files"): ("service", "files"),
    ("service", "service_description.schemas"): ("database_schema", None),
    ("service", "service_description.units"): ("service", "units"),
}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else None


def specs(role: str) -> dict[str, Any]:
    entries: dict[str, Any] = load(ROLES / role / "meta/argument_specs.yml")["argument_specs"]
    return entries


def options(role: str) -> dict[str, Any]:
    return {name: option for entry in specs(role).values() for name, option in entry["options"].items()}


def defaults(role: str) -> dict[str, Any]:
    return load(ROLES / role / "defaults/main.yml") or {}


def strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All strings in a value, each with the key that it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from strings(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, key)


@pytest.mark.parametrize("role", NAMES)
def test_arguments_are_the_defaults(role: str) -> None:
    described = {name: option["default"] for name, option in options(role).items() if "default" in option}
    # Ansible computes a default that is a template even where it is not used: the role would want the site's settings.
    assert described == {name: value for name, value in defaults(role).items() if "{{" not in str(value)}
    assert set(defaults(role)) <= set(options(role))
    assert all(name.startswith(f"{role}_") for name in options(role))


def described(given: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pairs of name and option, with those that options have in them."""
    for name, option in given.items():
        yield name, option
        yield from described(option.get("options", {}))


@pytest.mark.parametrize("role", NAMES)
def test_every_option_has_a_description_of_its_own(role: str) -> None:
    for entry in specs(role).values():
        assert entry["short_description"]
        assert entry["description"]
        assert all(option.get("description") and option.get("type") for _, option in described(entry["options"]))
        for (one, first), (other, second) in pairwise(entry["options"].items()):
            assert first["description"] != second["description"], f"{one} and {other}"


@pytest.mark.parametrize("role", NAMES)
def test_secrets_are_marked(role: str) -> None:
    secret = re.compile(r"(password|secret|secrets|_key|transport_url)$")
    for name, option in described(options(role)):
        if secret.search(name) and option["type"] in ("str", "list"):
            assert option.get("no_log"), name


@pytest.mark.parametrize(("role", "option"), HANDED_ON)
def test_what_a_module_gets_is_described_as_the_module_describes_it(role: str, option: str) -> None:
    module, suboption = HANDED_ON[role, option]
    wanted = documentation_of(module)["options"]
    if suboption:
        wanted = wanted[suboption]["suboptions"]
    told = options(role)
    for name in option.split("."):
        told = told[name]["options"]
    for key in ("type", "elements", "choices", "required"):
        assert {name: of.get(key) for name, of in told.items()} == {name: of.get(key) for name, of in wanted.items()}


@pytest.mark.parametrize("role", NAMES)
def test_role_says_what_it_is_for(role: str) -> None:
    assert load(ROLES / role / "meta/main.yml")["galaxy_info"]["description"]


def test_readmes_are_up_to_date() -> None:
    result = subprocess.run(
        [sys.executable, "scripts/role-readme", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def needed(role: str, entry: str) -> set[str]:
    """Options that have no value outside of a site: required ones, and those whose default is a setting of the site."""
    site = re.compile(r"\bcloud_\w+\b(?! *\| *default)")
    return {
        name
        for name, option in specs(role)[entry]["options"].items()
        if option.get("required") or site.search(str(defaults(role).get(name, "")))
    }


@pytest.mark.parametrize("role", NAMES)
def test_example_gives_what_the_role_needs_and_nothing_else(role: str) -> None:
    plays = load(ROLES / role / "meta/example.yml")
    uses = [(play, task) for play in plays for task in play["tasks"] if "ansible.builtin.import_role" in task]
    assert uses
    for play, task in uses:
        imported = task["ansible.builtin.import_role"]
        assert imported["name"] == f"mikumo.openstack.{role}"
        entry, given = imported.get("tasks_from", "main"), task.get("vars", {})
        assert needed(role, entry) <= set(given)
        told = specs(role)[entry]["options"]
        assert set(given) <= set(told)
        assert not ArgumentSpecValidator(told).validate(given).error_messages
        others = {name: value for name, value in defaults(role).items() if name not in given and entry == "main"}
        assert play["gather_facts"] or "ansible_facts" not in str(others)
        for _, text in strings(given):
            used = jinja2.meta.find_undeclared_variables(jinja2.Environment(autoescape=True).parse(text))
            assert used - {"lookup"} <= set(options(role)), text


@pytest.mark.parametrize("role", NAMES)
def test_settings_of_a_site_are_read_in_defaults_alone(role: str) -> None:
    # preflight is about the site's settings, and secrets makes one of them.
    if role in ("preflight", "secrets"):
        return
    site = re.compile(r"\bcloud_\w+|\bgroups\b|\bhostvars\b")
    for path in [*(ROLES / role / "tasks").glob("*.yml"), *(ROLES / role / "vars").glob("*.yml")]:
        for key, text in strings(load(path)):
            # A message may name the setting that the operator has to change.
            expressions = re.findall(r"{{.*?}}", text, re.DOTALL) if key in ("msg", "fail_msg", "name") else [text]
            assert not [one for one in expressions if site.search(one)], f"{path}: {text}"
    for path in (ROLES / role).glob("templates/*"):
        assert not site.search(path.read_text()), path


@pytest.mark.parametrize("role", NAMES)
def test_files_of_tasks_fit_on_a_screen(role: str) -> None:
    for path in (ROLES / role / "tasks").glob("*.yml"):
        assert len(path.read_text().splitlines()) <= 100, path
