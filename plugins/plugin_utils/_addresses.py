# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress
import itertools
import typing as t
from collections.abc import Mapping, Sequence

__all__ = ["AddressError", "network", "network_overlaps", "node_address"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressError(ValueError):
    """An invalid address or network."""


def network(text: t.Any) -> Network:
    """Parse a network in CIDR notation. Raise AddressError with the reason if the text is anything else."""
    if not isinstance(text, str) or "/" not in text:
        raise AddressError(f"{text!r} is not a network; give it like 10.0.0.0/24")
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        if "host bits" in str(error):
            meant = ipaddress.ip_network(text, strict=False)
            raise AddressError(f"{text} is a host address, not a network; did you mean {meant}?") from None
        raise AddressError(f"{text!r} is not a network; give it like 10.0.0.0/24 ({error})") from None


def _own_addresses(facts: Mapping[str, t.Any]) -> list[tuple[str, bool]]:
    """Return the node's IPv4 addresses. The flag marks extra ones: secondary or virtual (/32) addresses."""
    links = facts.get("links")
    if not isinstance(links, Mapping):
        return [(str(address), False) for address in facts.get("all_ipv4_addresses") or ()]
    return [
        (str(one["address"]), bool(one.get("secondary")) or one.get("prefixlen") == 32)
        for link in links.values()
        for one in link.get("addresses") or ()
        if one.get("family", "ipv4") == "ipv4"
    ]


def node_address(facts: t.Any, cidr: t.Any, setting: str = "the role's address") -> str:
    """Return the node's own address in the network. `setting` is the variable that selects an address, for the error messages.

    Ignores secondary and virtual addresses if the node has another address in the network.
    """
    if not isinstance(facts, Mapping):
        raise AddressError(f"node_address expects the facts of a node, not {type(facts).__name__}")
    wanted = network(cidr)
    own = _own_addresses(facts)
    try:
        found = {address: extra for address, extra in own if ipaddress.ip_address(address) in wanted}
    except ValueError as error:
        raise AddressError(f"{error} (looking for the address in {cidr})") from None
    primary = [address for address, extra in found.items() if not extra] or list(found)
    if len(primary) == 1:
        return primary[0]
    if not primary:
        has = ", ".join(address for address, _extra in own) or "none"
        raise AddressError(
            f"the node has no IPv4 address in {cidr}. Its addresses: {has}. Correct the network in the inventory, or give the "
            "node an address in it. IPv6 is not supported"
        )
    several = ", ".join(sorted(primary))
    raise AddressError(f"the node has several addresses in {cidr}: {several}. Set {setting} to the one that services should use")


def network_overlaps(networks: Mapping[str, t.Any], may_equal: Sequence[Sequence[str]] = ()) -> list[str]:
    """Return problems with the networks of a site. Pairs of settings in `may_equal` may have the same network."""
    if not isinstance(networks, Mapping):
        raise AddressError(f"network_overlaps expects a dictionary of networks, not {type(networks).__name__}")
    problems: list[str] = []
    valid: dict[str, Network] = {}
    for name, text in networks.items():
        try:
            valid[name] = network(text)
        except AddressError as error:
            problems.append(f"{name}: {error}")
    same = {frozenset(pair) for pair in may_equal}
    for (first, one), (second, other) in itertools.combinations(valid.items(), 2):
        if one.version != other.version or not one.overlaps(other):
            continue
        if one == other and frozenset((first, second)) in same:
            continue
        problems.append(f"{first} ({one}) and {second} ({other}) overlap; give each its own range")
    return problems
