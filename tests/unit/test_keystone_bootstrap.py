# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mikumo.openstack.plugins.modules.keystone_bootstrap import missing


def identity(*endpoints):
    return {"type": "identity", "endpoints": [{"interface": interface, "region_id": region} for interface, region in endpoints]}


ALL = ("public", "internal", "admin")


@pytest.mark.parametrize(
    ("catalog", "expected"),
    [
        ([], [*ALL]),
        ([identity()], [*ALL]),
        ([identity(("public", "RegionOne"))], ["internal", "admin"]),
        ([identity(("public", "RegionOne"), ("internal", "RegionOne"))], ["admin"]),
        ([identity(("public", "RegionOne"), ("internal", "Other"), ("admin", "RegionOne"))], ["internal"]),
        ([identity(*((interface, "RegionOne") for interface in ALL))], []),
        ([identity(*((interface, "RegionOne") for interface in ALL), ("public", "Other"))], []),
        ([{**identity(*((interface, "RegionOne") for interface in ALL)), "type": "image"}], [*ALL]),
    ],
)
def test_a_bootstrap_has_ended_when_each_interface_has_an_endpoint(catalog, expected):
    assert missing({"catalog": catalog}, "RegionOne") == expected
