"""What the roles say of their arguments is what their defaults are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir())


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else None


@pytest.mark.parametrize("role", NAMES)
def test_arguments_are_the_defaults(role: str) -> None:
    specs = load(ROLES / role / "meta/argument_specs.yml")["argument_specs"]
    defaults = load(ROLES / role / "defaults/main.yml") or {}
    options = {name: option for entry in specs.values() for name, option in entry["options"].items()}
    described = {name: option["default"] for name, option in options.items() if "default" in option}
    # Ansible computes a default that is a template even where it is not used: the role would want the site's settings.
    assert described == {name: value for name, value in defaults.items() if "{{" not in str(value)}
    assert set(defaults) <= set(options)
    assert all(name.startswith(f"{role}_") for name in options)
    assert all(option.get("description") for option in options.values())


@pytest.mark.parametrize("role", NAMES)
def test_role_says_what_it_is_for(role: str) -> None:
    assert load(ROLES / role / "meta/main.yml")["galaxy_info"]["description"]


def test_readmes_are_up_to_date() -> None:
    result = subprocess.run(
        [sys.executable, "scripts/role-readme", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("role", NAMES)
def test_examples_need_nothing_but_the_roles_own_arguments(role: str) -> None:
    options = {
        name for entry in load(ROLES / role / "meta/argument_specs.yml")["argument_specs"].values() for name in entry["options"]
    }
    for block in re.findall(r"```yaml\n(.*?)```", (ROLES / role / "README.md").read_text(), re.DOTALL):
        for play in yaml.safe_load(block):
            for task in play["tasks"]:
                assert set(task.get("vars", {})) <= options
                assert not re.search(r"\bcloud_", str(task.get("vars")))


@pytest.mark.parametrize("role", NAMES)
def test_settings_of_a_site_are_read_in_defaults_alone(role: str) -> None:
    # preflight is about the site's settings, and the names of their files are in messages
    if role in ("preflight", "secrets"):
        return
    for path in [
        *(ROLES / role / "tasks").glob("*.yml"),
        *(ROLES / role / "vars").glob("*.yml"),
        *(ROLES / role).glob("templates/*"),
    ]:
        expressions = re.findall(r"{{[^}]*}}|^ *(?:when|that|loop):[^\n]*$", path.read_text(), re.MULTILINE)
        assert not [text for text in expressions if re.search(r"\bcloud_\w+|\bgroups\b|\bhostvars\b", text)], path


@pytest.mark.parametrize("role", NAMES)
def test_files_of_tasks_fit_on_a_screen(role: str) -> None:
    for path in (ROLES / role / "tasks").glob("*.yml"):
        assert len(path.read_text().splitlines()) <= 100, path
