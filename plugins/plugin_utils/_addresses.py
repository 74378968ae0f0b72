# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import ipaddress
import itertools
import typing as t
from collections.abc import Mapping, Sequence

__all__ = ["AddressError", "address_in", "network", "network_overlaps"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressError(ValueError):
    """An address or a network that is not what it should be."""


def network(text: t.Any) -> Network:
    """A network in CIDR notation; anything else is an error that says what is wrong with it."""
    if not isinstance(text, str) or "/" not in text:
        raise AddressError(f"{text!r} is not a network; give it like 10.0.0.0/24")
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        if "host bits" in str(error):
            meant = ipaddress.ip_network(text, strict=False)
            raise AddressError(f"{text} is an address in a network, not a network; did you mean {meant}?") from None
        raise AddressError(f"{text!r} is not a network; give it like 10.0.0.0/24 ({error})") from None


def address_in(addresses: Sequence[str], cidr: str) -> str:
    """The one of these addresses that is in the network."""
    if isinstance(addresses, str) or not isinstance(addresses, Sequence):
        raise AddressError(f"address_in wants a list of addresses, not {type(addresses).__name__}")
    wanted = network(cidr)
    try:
        found = sorted({str(address) for address in addresses if ipaddress.ip_address(str(address)) in wanted})
    except ValueError as error:
        raise AddressError(f"{error} (looking for the address in {cidr})") from None
    if len(found) == 1:
        return found[0]
    given = ", ".join(map(str, addresses)) or "none at all"
    if not found:
        raise AddressError(
            f"none of the node's addresses is in {cidr}; it has: {given}. "
            "Correct the network in the inventory, or give the node an address in it"
        )
    raise AddressError(
        f"several of the node's addresses are in {cidr}: {', '.join(found)}. "
        "Set the role's address for this node to the one it shall use"
    )


def network_overlaps(networks: Mapping[str, t.Any], may_equal: Sequence[Sequence[str]] = ()) -> list[str]:
    """Problems with the networks of a site, by the names of their settings; pairs in `may_equal` may be the same."""
    if not isinstance(networks, Mapping):
        raise AddressError(f"network_overlaps wants a dictionary of networks, not {type(networks).__name__}")
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
        problems.append(f"{first} ({one}) and {second} ({other}) overlap; give each a range of its own")
    return problems
