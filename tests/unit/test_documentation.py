# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plugin's documentation says is what the plugin does."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from support.documentation import PACKAGE, documentation_of

ROOT = Path(__file__).resolve().parents[2]
ACTIONS = sorted(path.stem for path in (ROOT / "plugins/action").glob("[a-z]*.py"))
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("[a-z]*.py"))
FILTERS = sorted(path.stem for path in (ROOT / "plugins/filter").glob("[a-z]*.py"))
LOOKUPS = sorted(path.stem for path in (ROOT / "plugins/lookup").glob("[a-z]*.py"))


class ArgumentsSeenError(Exception):
    """The module has said what its arguments are."""


def argument_spec(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    module = importlib.import_module(f"{PACKAGE}.modules.{name}")
    if name in ACTIONS and not hasattr(module, "main"):
        # All of it runs where Ansible does.
        arguments: dict[str, Any] = importlib.import_module(f"{PACKAGE}.action.{name}").ARGUMENTS
        return arguments
    shared = importlib.import_module(f"{PACKAGE}.module_utils._cloud_module")
    seen: dict[str, Any] = {}

    def stop(*_arguments: Any, **options: Any) -> None:
        seen.update(options)
        raise ArgumentsSeenError

    # a module may have a class of its own that goes before Ansible's
    for place in (module, shared):
        for class_name in {"AnsibleModule", "Module", "ServiceModule"} & set(vars(place)):
            monkeypatch.setattr(place, class_name, stop)
    with pytest.raises(ArgumentsSeenError):
        module.main()
    assert seen["supports_check_mode"] is True
    spec: dict[str, Any] = seen["argument_spec"]
    return spec


def described(options: dict[str, Any], suboptions: str) -> dict[str, Any]:
    """Type, default and so on of each option, from a documentation or an argument spec."""
    found: dict[str, Any] = {}
    for name, option in options.items():
        found[name] = {key: option[key] for key in ("choices", "elements") if key in option}
        found[name] |= {"type": option.get("type", "str"), "required": bool(option.get("required", False))}
        if option.get("default") is not None:
            found[name]["default"] = option["default"]
        if option.get(suboptions):
            found[name]["options"] = described(option[suboptions], suboptions)
    return found


@pytest.mark.parametrize("name", MODULES)
def test_documented_options_are_the_arguments(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    documentation = documentation_of(name)
    assert documentation["module"] == name
    assert described(documentation["options"], "suboptions") == described(argument_spec(name, monkeypatch), "options")


@pytest.mark.parametrize("name", MODULES)
def test_modules_say_how_they_behave(name: str) -> None:
    module = importlib.import_module(f"{PACKAGE}.modules.{name}")
    documentation = documentation_of(name)
    attributes = {name: attribute["support"] for name, attribute in documentation["attributes"].items()}
    # what changes nothing has nothing to show
    reads = name == "services_alive" or name.endswith(("_info", "_facts"))
    wanted = {"check_mode": "full", "diff_mode": "none" if reads else "full", "idempotent": "full"}
    assert wanted.items() <= attributes.items()
    assert documentation["author"]
    assert documentation["version_added"]
    assert yaml.safe_load(module.RETURN)


# Modules of the machine that runs Ansible. They are called twice here, the others in tests/integration, on real services.
LOCAL: dict[str, dict[str, Any]] = {
    "clouds_file": {
        "path": "{directory}/clouds.yaml",
        "clouds": {"mikumo": {"auth": {"auth_url": "http://192.0.2.1:5000/v3", "username": "admin", "password": "pw"}}},
    },
    "secrets_file": {"path": "{directory}/secrets.yml", "missing": ["rabbitmq"]},
}
ELSEWHERE = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/integration").glob("test_*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_says_so_changes_nothing_the_second_time(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attributes = documentation_of(name)["attributes"]
    if attributes["diff_mode"]["support"] == "none" or name in ACTIONS:
        return
    if name not in LOCAL:
        # converge() predicts, does, and does it again.
        assert f'converge("{name}"' in ELSEWHERE
        return
    module = importlib.import_module(f"{PACKAGE}.modules.{name}")
    arguments = json.loads(json.dumps(LOCAL[name]).replace("{directory}", str(tmp_path)))
    changes = []
    for _time in range(2):
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        changes.append(json.loads(capsys.readouterr().out)["changed"])
    assert changes == [True, False]


@pytest.mark.parametrize("name", MODULES)
def test_examples_use_options_that_exist(name: str) -> None:
    module = importlib.import_module(f"{PACKAGE}.modules.{name}")
    options = set(documentation_of(name)["options"])
    tasks = yaml.safe_load(module.EXAMPLES)
    assert tasks
    for task in tasks:
        assert set(task.get(f"mikumo.openstack.{name}") or {}) <= options, task["name"]


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_has_a_file_and_a_documentation_of_its_own(name: str) -> None:
    plugin = importlib.import_module(f"{PACKAGE}.filter.{name}")
    assert list(plugin.FilterModule().filters()) == [name]
    assert yaml.safe_load(plugin.DOCUMENTATION)["name"] == name
    assert f"mikumo.openstack.{name}" in plugin.EXAMPLES
    assert yaml.safe_load(plugin.RETURN)["_value"]["description"]


@pytest.mark.parametrize("name", LOOKUPS)
def test_each_lookup_is_documented(name: str) -> None:
    plugin = importlib.import_module(f"{PACKAGE}.lookup.{name}")
    assert yaml.safe_load(plugin.DOCUMENTATION)["name"] == name
    assert f"mikumo.openstack.{name}" in plugin.EXAMPLES
