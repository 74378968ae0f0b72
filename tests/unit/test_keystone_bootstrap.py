# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mikumo.openstack.plugins.modules.keystone_bootstrap import ended


def identity(*endpoints):
    return {"type": "identity", "endpoints": [{"interface": interface, "region_id": region} for interface, region in endpoints]}


@pytest.mark.parametrize(
    ("catalog", "expected"),
    [
        ([], False),
        ([identity()], False),
        ([identity(("public", "RegionOne"))], False),
        ([identity(("public", "RegionOne"), ("internal", "Other"))], False),
        ([identity(("public", "RegionOne"), ("internal", "RegionOne"))], True),
        ([identity(("public", "RegionOne"), ("internal", "RegionOne"), ("admin", "RegionOne"))], True),
        ([{**identity(("public", "RegionOne"), ("internal", "RegionOne")), "type": "image"}], False),
    ],
)
def test_a_bootstrap_has_ended_when_its_last_work_is_there(catalog, expected):
    assert ended({"catalog": catalog}, "RegionOne") is expected
