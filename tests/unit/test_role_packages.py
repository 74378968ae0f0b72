# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mikumo.openstack.plugins.plugin_utils import _role_packages as role_packages


def roles(tmp_path, **defaults):
    for name, text in defaults.items():
        path = tmp_path / name / "defaults" / "main.yml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return tmp_path


def test_union(tmp_path):
    path = roles(
        tmp_path,
        nova="nova_packages: [nova-api, python3-x]\nnova_more_packages: [nova-conductor]\nnova_packages_state: x\n",
        glance="glance_packages: [glance-api, python3-x]\n",
        empty="---\n",
        lab="lab_packages: ['{{ x }}', mmdebstrap]\n",
    )
    (tmp_path / "nothing" / "tasks").mkdir(parents=True)
    assert role_packages.packages(path) == ["glance-api", "nova-api", "nova-conductor", "python3-x"]
    assert role_packages.packages(path, ["glance", "nothing"]) == ["glance-api", "python3-x"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a_packages: '{{ b }}'\n", r"main\.yml: a_packages is a template"),
        ("a_packages: ['x', '{{ b }}']\n", "a_packages contains the template"),
        ("a_packages: x\n", "a_packages is the string 'x'"),
        ("a_packages: {x: y}\n", "a_packages is of type dict"),
        ("a_packages: [1]\n", "contains 1, which is not a package name"),
        ("- x\n", "expected a dictionary"),
        ("a: [\n", "invalid YAML"),
    ],
)
def test_errors(tmp_path, text, message):
    with pytest.raises(role_packages.PackagesError, match=message):
        role_packages.packages(roles(tmp_path, a=text))


def test_unknown_role(tmp_path):
    with pytest.raises(role_packages.PackagesError, match="there is no role x"):
        role_packages.packages(tmp_path, ["x"])


def test_this_collection():
    found = role_packages.packages(Path(__file__).resolve().parents[2] / "roles")
    assert found == sorted(set(found))
