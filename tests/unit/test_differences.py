# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._differences import Differences, differing, text


@pytest.mark.parametrize(
    ("described", "found", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ({}, {})),
        ({"a": 1}, {"a": 2}, ({"a": 2}, {"a": 1})),
        ({"a": 1}, {}, ({"a": None}, {"a": 1})),
        ({"a": None}, {"a": 2}, ({}, {})),
        ({"a": False}, {"a": True}, ({"a": True}, {"a": False})),
        ({"a": ""}, {"a": "x"}, ({"a": "x"}, {"a": ""})),
    ],
)
def test_differing(described, found, expected):
    assert differing(described, found) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, ""),
        ({"a": True}, "a: true\n"),
        ({"a": None}, "a: null\n"),
        ({"a": ""}, 'a: ""\n'),
        ({"a": {"b": 1}}, "a:\n  b: 1\n"),
        ({"a": {}}, "a: {}\n"),
        ({"a": ["x", 2], "b": []}, "a:\n  - x\n  - 2\nb: []\n"),
    ],
)
def test_text(value, expected):
    assert text(value) == expected


def test_nothing_differs():
    differences = Differences()
    differences.updated("user", "nova", {}, {})
    differences.updated("user", "nova", {"enabled": True}, {"enabled": True})
    assert not differences.changed
    assert differences.changes == []
    assert differences.diff == {"before": "", "after": ""}


def test_changed_diff_and_messages_come_from_one_record():
    differences = Differences()
    differences.created("user", "nova", {"enabled": True, "email": None})
    differences.updated("service", "glance", {"url": "a", "kept": 1}, {"url": "b", "kept": 1})
    differences.updated("image", "tiny", {}, {"os_distro": "x"})
    differences.removed("role", "gone", {"name": "gone"}, "no longer needed")
    assert differences.changed
    assert differences.changes == [
        "user nova: created",
        "service glance: url a -> b",
        "image tiny: os_distro null -> x",
        "role gone: no longer needed",
    ]
    assert differences.diff == {
        "before": "service:\n  glance:\n    url: a\nimage:\n  tiny: {}\nrole:\n  gone:\n    name: gone\n",
        "after": "user:\n  nova:\n    enabled: true\nservice:\n  glance:\n    url: b\nimage:\n  tiny:\n    os_distro: x\n",
    }
