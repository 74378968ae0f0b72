# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mikumo.openstack.plugins.plugin_utils import _addresses as addresses


def links(*own: str, secondary: tuple[str, ...] = ()) -> dict:
    """Facts of a node with these addresses, as 10.0.0.1/24 each, on one interface."""
    found = [
        {"address": address, "prefixlen": int(length), "secondary": f"{address}/{length}" in secondary, "family": "ipv4"}
        for address, _slash, length in (text.partition("/") for text in own)
    ]
    found.append({"address": "fd00::1", "prefixlen": 64, "secondary": False, "family": "ipv6"})
    return {"links": {"lo": {"addresses": []}, "eth0": {"addresses": found}}}


@pytest.mark.parametrize(
    "facts",
    [
        {"all_ipv4_addresses": ["10.0.0.11", "10.0.1.11"]},
        {"all_ipv4_addresses": ["10.0.1.11", "10.0.1.11"]},
        links("10.0.0.11/24", "10.0.1.11/24"),
        # a virtual address, and one more that somebody added
        links("10.0.1.9/32", "10.0.1.11/24"),
        links("10.0.1.11/24", "10.0.1.9/24", secondary=("10.0.1.9/24",)),
        # better than none
        links("10.0.1.11/32"),
    ],
)
def test_node_address(facts):
    assert addresses.node_address(facts, "10.0.1.0/24") == "10.0.1.11"


@pytest.mark.parametrize(
    ("facts", "cidr", "message"),
    [
        (
            {"all_ipv4_addresses": ["10.0.0.1"]},
            "10.0.1.0/24",
            r"the node has no IPv4 address in 10\.0\.1\.0/24\. Its addresses: 10\.0\.0\.1\.",
        ),
        ({"all_ipv4_addresses": []}, "10.0.1.0/24", "Its addresses: none"),
        ({}, "10.0.1.0/24", "Its addresses: none.*IPv6 is not supported"),
        (
            {"all_ipv4_addresses": ["10.0.1.2", "10.0.1.1"]},
            "10.0.1.0/24",
            r"several .* 10\.0\.1\.1, 10\.0\.1\.2. Set my_setting to",
        ),
        (links("10.0.1.2/24", "10.0.1.1/25"), "10.0.1.0/24", r"several .* 10\.0\.1\.1, 10\.0\.1\.2"),
        ({"all_ipv4_addresses": ["x"]}, "10.0.1.0/24", "'x' does not appear to be an IPv4"),
        ({"all_ipv4_addresses": ["10.0.0.1"]}, "10.0.0.1/24", r"did you mean 10\.0\.0\.0/24\?"),
        ({"all_ipv4_addresses": ["10.0.0.1"]}, "10.0.0.1", "is not a network"),
        ({"all_ipv4_addresses": ["10.0.0.1"]}, None, "None is not a network"),
        (["10.0.0.1"], "10.0.0.0/24", "expects the facts"),
    ],
)
def test_node_address_errors(facts, cidr, message):
    with pytest.raises(addresses.AddressError, match=message):
        addresses.node_address(facts, cidr, "my_setting")


@pytest.mark.parametrize(
    ("networks", "problems"),
    [
        ({"a": "10.0.0.0/24", "b": "10.0.1.0/24", "c": "fd00::/64"}, []),
        ({"a": "10.0.0.0/24", "b": "10.0.0.0/24"}, []),
        ({"a": "10.0.0.0/24", "c": "10.0.0.0/24"}, ["a (10.0.0.0/24) and c (10.0.0.0/24) overlap"]),
        ({"a": "10.0.0.0/24", "b": "10.0.0.0/16"}, ["a (10.0.0.0/24) and b (10.0.0.0/16) overlap"]),
        ({"a": "10.0.0.5/24", "b": "x/y"}, ["a: 10.0.0.5/24 is a host address", "b: 'x/y' is not a network"]),
    ],
)
def test_network_overlaps(networks, problems):
    found = addresses.network_overlaps(networks, [["a", "b"]])
    assert len(found) == len(problems)
    for message, begin in zip(found, problems, strict=True):
        assert message.startswith(begin)
