"""What the roles say of their arguments is what their defaults are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[2] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir())


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else None


@pytest.mark.parametrize("role", NAMES)
def test_arguments_are_the_defaults(role: str) -> None:
    specs = load(ROLES / role / "meta/argument_specs.yml")["argument_specs"]
    defaults = load(ROLES / role / "defaults/main.yml") or {}
    options = {name: option for entry in specs.values() for name, option in entry["options"].items()}
    described = {name: option["default"] for name, option in options.items() if "default" in option}
    assert described == defaults
    assert all(name.startswith(f"{role}_") for name in options)
    assert all(option.get("description") for option in options.values())


@pytest.mark.parametrize("role", NAMES)
def test_role_says_what_it_is_for(role: str) -> None:
    assert load(ROLES / role / "meta/main.yml")["galaxy_info"]["description"]
