# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection uses of others, it declares: collections in galaxy.yml, Python libraries in meta/requirements.txt."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
OURS = "mikumo.openstack"
NAME = r"[a-z][a-z0-9_]*"
DEPENDENCIES: dict[str, str] = yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"]
# A filter, a test, a lookup, or a plugin named as a value: strategy, connection.
BEFORE = r"""\|\s*|\bis (?:not )?|(?:lookup|query|q|map|select|reject)\(\s*['"]|strategy: |connection: """
IN_TEXT = re.compile(rf"(?:{BEFORE})({NAME}\.{NAME})\.{NAME}")
KEY = re.compile(rf"({NAME}\.{NAME})\.({NAME})")


def files() -> list[Path]:
    return [path for directory in ("roles", "playbooks", "inventories") for path in sorted((ROOT / directory).rglob("*.yml"))]


def keys(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
        for item in value.values():
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


def modules() -> dict[str, set[str]]:
    """Modules and actions of tasks by their full names, with the options that are given to them."""
    used: dict[str, set[str]] = {}
    for path in files():
        # Elsewhere a name with two dots may be anything, such as an option of RabbitMQ.
        if not {"tasks", "handlers", "playbooks", "molecule"} & set(path.parts):
            continue
        for name, options in keys(yaml.safe_load(path.read_text())):
            if KEY.fullmatch(str(name)):
                used.setdefault(name, set()).update(options if isinstance(options, dict) else ())
    return used


def collections() -> set[str]:
    """Collections from which something is used, other than this one and Ansible itself."""
    used = {name.rpartition(".")[0] for name in modules()}
    for path in files():
        used.update(IN_TEXT.findall(path.read_text()))
    for path in (ROOT / "plugins").rglob("*.py"):
        used.update(".".join(words) for words in re.findall(r"ansible_collections\.(\w+)\.(\w+)", path.read_text()))
    return used - {"ansible.builtin", OURS}


def test_collections_in_use_are_dependencies() -> None:
    assert collections() == set(DEPENDENCIES)


def third_party() -> dict[str, str]:
    return {name: module for name in modules() if (module := name.rpartition(".")[0]) in DEPENDENCIES}


@pytest.mark.parametrize("name", sorted(third_party()))
def test_oldest_version_has_the_module_and_its_options(name: str) -> None:
    collection, _dot, module = name.rpartition(".")
    spec = importlib.util.find_spec(f"ansible_collections.{collection}")
    assert spec is not None
    assert spec.submodule_search_locations, f"{collection} is not installed"
    place = Path(next(iter(spec.submodule_search_locations)))
    path = place / f"plugins/modules/{module}.py"
    if not path.exists():
        # The module has moved to another collection, which this one depends on and leads to.
        routing = yaml.safe_load((place / "meta/runtime.yml").read_text())["plugin_routing"]
        assert routing["modules"][module]["redirect"]
        return
    strings = [
        node.value.value
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and ast.unparse(node.targets[0]) == "DOCUMENTATION"
    ]
    document = yaml.safe_load(strings[0])
    oldest = oldest_of(DEPENDENCIES[collection])
    options = document.get("options", {})
    added = {"module": document.get("version_added")} | {
        option: options[option].get("version_added") for option in modules()[name] if option in options
    }
    # Versions of Ansible before there were collections are all older.
    younger = {what: version for what, version in added.items() if version and Version(str(version)) > oldest}
    assert younger == {}


def oldest_of(specifiers: str) -> Version:
    return min(Version(one.version) for one in SpecifierSet(specifiers) if one.operator in (">=", "==", "~="))


# Name of a library where it is not that of its module.
LIBRARIES = {"openstack": "openstacksdk", "ruamel": "ruamel.yaml"}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    # What ansible-core itself depends on is there.
    return (
        found - set(sys.stdlib_module_names) - {"ansible", "ansible_collections", "yaml", "jinja2", "cryptography", "packaging"}
    )


def test_libraries_of_the_control_machine_are_declared() -> None:
    lines = (ROOT / "meta/requirements.txt").read_text().splitlines()
    declared = {re.split(r"[<>=~!]", line)[0] for line in lines if line and not line.startswith("#")}
    for directory in ("action", "filter", "lookup", "plugin_utils", "vars"):
        for path in (ROOT / "plugins" / directory).glob("*.py"):
            assert {LIBRARIES.get(name, name) for name in imported(path)} <= declared, path
    environment = yaml.safe_load((ROOT / "meta/execution-environment.yml").read_text())
    assert environment["dependencies"]["python"] == "meta/requirements.txt"


def test_pinned_versions_are_allowed() -> None:
    """requirements.txt, with which the tests run, has no version that the collection does not declare."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())
    assert SpecifierSet(runtime["requires_ansible"]).contains(pins["ansible-core"])
    for name, bounds in re.findall(r"^([\w.-]+)([<>=~!].*)$", (ROOT / "meta/requirements.txt").read_text(), re.MULTILINE):
        assert SpecifierSet(bounds).contains(pins[name]), name
