# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.mikumo.openstack.plugins.plugin_utils import _addresses as addresses


def test_address_in():
    own = ["127.0.0.1", "10.0.0.11", "10.0.1.11", "fd00::1"]
    assert addresses.address_in(own, "10.0.1.0/24") == "10.0.1.11"
    assert addresses.address_in([*own, "10.0.1.11"], "10.0.1.0/24") == "10.0.1.11"
    assert addresses.address_in(own, "fd00::/64") == "fd00::1"


@pytest.mark.parametrize(
    ("own", "cidr", "message"),
    [
        (["10.0.0.1"], "10.0.1.0/24", r"none of the node's addresses is in 10\.0\.1\.0/24; it has: 10\.0\.0\.1\."),
        ([], "10.0.1.0/24", "it has: none at all"),
        (["10.0.1.2", "10.0.1.1"], "10.0.1.0/24", r"several .* 10\.0\.1\.1, 10\.0\.1\.2"),
        (["x"], "10.0.1.0/24", "'x' does not appear to be an IPv4"),
        (["10.0.0.1"], "10.0.0.1/24", r"did you mean 10\.0\.0\.0/24\?"),
        (["10.0.0.1"], "10.0.0.1", "is not a network"),
        (["10.0.0.1"], None, "None is not a network"),
        ("10.0.0.1", "10.0.0.0/24", "wants a list"),
    ],
)
def test_address_in_errors(own, cidr, message):
    with pytest.raises(addresses.AddressError, match=message):
        addresses.address_in(own, cidr)


@pytest.mark.parametrize(
    ("networks", "problems"),
    [
        ({"a": "10.0.0.0/24", "b": "10.0.1.0/24", "c": "fd00::/64"}, []),
        ({"a": "10.0.0.0/24", "b": "10.0.0.0/24"}, []),
        ({"a": "10.0.0.0/24", "c": "10.0.0.0/24"}, ["a (10.0.0.0/24) and c (10.0.0.0/24) overlap"]),
        ({"a": "10.0.0.0/24", "b": "10.0.0.0/16"}, ["a (10.0.0.0/24) and b (10.0.0.0/16) overlap"]),
        ({"a": "10.0.0.5/24", "b": "x/y"}, ["a: 10.0.0.5/24 is an address in a network", "b: 'x/y' is not a network"]),
    ],
)
def test_network_overlaps(networks, problems):
    found = addresses.network_overlaps(networks, [["a", "b"]])
    assert len(found) == len(problems)
    for message, begin in zip(found, problems, strict=True):
        assert message.startswith(begin)
