# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.filter.oslo_config import FilterModule
from ansible_collections.mikumo.openstack.plugins.plugin_utils._oslo_config import ConfigError, render

render_filter = FilterModule().filters()["oslo_config"]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("text", "a = text"),
        ("  text ", "a = text"),
        ("", "a ="),
        (True, "a = true"),
        (False, "a = false"),
        (0, "a = 0"),
        (1.5, "a = 1.5"),
        ([], "a ="),
        (["x", 1, True], "a = x,1,true"),
        ({"k": "v", "k2": "http://h:1/"}, "a = k:v,k2:http://h:1/"),
        ("$my_ip:%(x)s", "a = $my_ip:%(x)s"),
    ],
)
def test_values(value, line):
    assert render({"s": {"a": value}}) == f"[s]\n{line}\n"


def test_order_and_omission():
    config = {"b": {"x": 1}, "a": {"y": None}, "none": None, "DEFAULT": {"z": 2, "w": None}, "c": {}}
    assert render(config) == "[DEFAULT]\nz = 2\n\n[b]\nx = 1\n"
    assert render({}) == ""


def test_repeated_lines():
    assert render({"s": {"a[]": ["x,y", None, 2], "b[]": []}}) == "[s]\na = x,y\na = 2\n"


def test_header():
    assert render({"s": {"a": 1}}, "one\n\ntwo\n") == "# one\n#\n# two\n\n[s]\na = 1\n"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("text", "expects a dictionary"),
        ({"s": "text"}, r"section \[s\]: expected a dictionary of options, got str"),
        ({"s": {"a": "x\ny"}}, r"s\.a: the value has more than one line"),
        ({"s": {"a": ["x,y"]}}, r"s\.a: the element 'x,y' contains ','"),
        ({"s": {"a": [["x"]]}}, r"s\.a: a value of type list"),
        ({"s": {"a": {"k:": "v"}}}, r"s\.a: the element 'k:' contains ':'"),
        ({"s": {True: "x"}}, "option name True is of type bool"),
        ({"s": {"a=b": "x"}}, r"s\.a=b: not a valid name"),
        ({"s": {"#a": "x"}}, r"s\.#a: not a valid name"),
        ({"s": {"a[]": "x"}}, r"s\.a\[\]: the suffix '\[\]' requires a list"),
        ({"s]": {}}, "not a valid name for an INI section"),
        ({1: {}}, "not a valid name for an INI section"),
    ],
)
def test_errors(config, message):
    with pytest.raises(ConfigError, match=message):
        render(config)
    with pytest.raises(AnsibleFilterError, match=message):
        render_filter(config)


def test_filter():
    assert render_filter({"s": {"a": 1}}, header="x") == "# x\n\n[s]\na = 1\n"
