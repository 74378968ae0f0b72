# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a node's firewall, from the table of ports, and their text for nftables."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ansible_collections.mikumo.openstack.plugins.plugin_utils._ports import (
    CONTROLLER,
    LOOPBACK,
    SSH,
    TUNNEL,
    USERS,
    Port,
    node_ports,
    span,
)

__all__ = ["FirewallError", "firewall_rules", "firewall_ruleset"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Rule = dict[str, t.Any]
KEYS = {"protocol", "ports", "sources", "purpose"}
WITH_PORTS = ("tcp", "udp")
# nftables refuses longer comments.
COMMENT_LENGTH = 120


class FirewallError(ValueError):
    """Rules that nftables would refuse or misunderstand."""


# --- from the table ---------------------------------------------------------------------------------------------------


def firewall_rules(
    groups: Collection[str],
    *,
    services: Collection[str],
    tenant_network_type: str,
    variables: Mapping[str, t.Any],
    controllers: Iterable[str],
    management: Iterable[str],
    tunnel: Iterable[str],
) -> list[Rule]:
    """Return the rules of a node in these groups.

    The table knows groups of nodes. Only the controllers' addresses are known in every run, also in one with --limit. Any other
    group stands for its whole network: a rule must not depend on who takes part in a run, and a new node must not be locked out.
    """
    networks = {"controllers": list(controllers), "management": list(management), "tunnel": list(tunnel)}
    rules: list[Rule] = []
    for port in node_ports(groups, services, tenant_network_type):
        # The firewall always accepts SSH and loopback.
        if not port.reach or port.listens == LOOPBACK or port == SSH:
            continue
        first, last = span(port, variables)
        rule = {
            "protocol": port.protocol,
            "ports": [] if port.protocol not in WITH_PORTS else [str(first) if first == last else f"{first}-{last}"],
            "sources": _sources(port, networks),
            "purpose": port.purpose,
        }
        if rule not in rules:
            rules.append(rule)
    return rules


def _sources(port: Port, networks: Mapping[str, Sequence[str]]) -> list[str]:
    if USERS in port.reach:
        return []
    if port.tenants or port.listens == TUNNEL:
        return list(networks["tunnel"])
    if set(port.reach) == {CONTROLLER}:
        return list(networks["controllers"])
    return [*networks["management"], *(networks["controllers"] if CONTROLLER in port.reach else ())]


# --- for nftables -----------------------------------------------------------------------------------------------------

# `delete` needs a table that is there. All of the file is one transaction: packets meet the old rules or the new ones.
HEAD = """\
# Managed by Ansible (mikumo.openstack.firewall).
# Packets to this node itself. Other tables, forwarded packets and network namespaces stay as they are.
table inet mikumo
delete table inet mikumo

table inet mikumo {
  chain input {
    type filter hook input priority filter; policy drop;

    iif "lo" accept
    ct state { established, related } accept
    # Connections that this node opened before the firewall watched them. By default, no service listens on these ports.
    tcp dport 32768-60999 tcp flags & (syn | ack) == ack accept
    meta l4proto { icmp, ipv6-icmp } accept
    udp sport 67 udp dport 68 accept comment "DHCP"
    udp sport 547 udp dport 546 accept comment "DHCPv6"
"""
TAIL = """\

    meta pkttype { broadcast, multicast } drop
    limit rate 5/second burst 10 packets log prefix "mikumo-firewall: "
  }
}
"""


def firewall_ruleset(rules: t.Any, ssh_ports: t.Any) -> str:
    """Return the file for `nft -f`."""
    if not isinstance(rules, (list, tuple)):
        raise FirewallError(f"the rules are of type {type(rules).__name__}; give a list")
    if not isinstance(ssh_ports, (list, tuple)) or not ssh_ports:
        raise FirewallError("there is no port for SSH; the node would be out of reach")
    ssh = {"protocol": "tcp", "ports": sorted({str(port) for port in ssh_ports}, key=_first), "purpose": "SSH"}
    return "".join([HEAD, *_lines(ssh), "\n", *(line for rule in rules for line in _lines(rule)), TAIL])


def _lines(rule: t.Any) -> Iterator[str]:
    if not isinstance(rule, Mapping) or set(rule) - KEYS or not rule.get("protocol"):
        raise FirewallError(f"the rule {rule!r} is not understood; give protocol, ports, sources and purpose")
    protocol, purpose = str(rule["protocol"]), str(rule.get("purpose") or "")
    ports = [_port(port, rule) for port in rule.get("ports") or ()]
    if protocol in WITH_PORTS:
        if not ports:
            raise FirewallError(f"the rule {dict(rule)!r} has no ports; it would open all of them")
        match = f"{protocol} dport {_set(ports)}"
    elif protocol == "gre":
        match = "meta l4proto gre"
    else:
        raise FirewallError(f"protocol {protocol!r} is not known; give tcp, udp or gre")
    if not re.fullmatch(r"[^\"\\\n]*", purpose) or len(purpose.encode()) > COMMENT_LENGTH:
        raise FirewallError(
            f"purpose {purpose!r} has quotes, backslashes or several lines, or more than {COMMENT_LENGTH} characters"
        )
    comment = f' comment "{purpose}"' if purpose else ""
    given = rule.get("sources")
    for source in _families(given) if given else ("",):
        yield f"    {source}{match} accept{comment}\n"


def _set(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else "{ " + ", ".join(parts) + " }"


def _first(port: str) -> int:
    head = port.partition("-")[0]
    return int(head) if head.isdigit() else 0


def _port(value: t.Any, rule: Mapping[str, t.Any]) -> str:
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", str(value))
    numbers = [int(number) for number in found.groups() if number] if found else []
    if not numbers or not all(1 <= number <= 65535 for number in numbers) or numbers != sorted(set(numbers)):
        raise FirewallError(f"port {value!r} of the rule {rule.get('purpose')!r} is not a number or a range like 5900-6923")
    return str(value)


def _families(sources: t.Any) -> Iterator[str]:
    """Yield a match for the sources of each address family. Sets of nftables must not overlap."""
    if isinstance(sources, str) or not isinstance(sources, Iterable):
        raise FirewallError(f"sources {sources!r} are not a list")
    try:
        networks = [ipaddress.ip_network(str(source)) for source in sources]
    except ValueError as error:
        raise FirewallError(f"{error}; give addresses and networks like 10.0.0.0/24") from error
    v4 = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv4Network))
    v6 = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv6Network))
    for match, found in (("ip", list(v4)), ("ip6", list(v6))):
        if found:
            yield f"{match} saddr {_set([_shown(one) for one in found])} "


def _shown(one: Network) -> str:
    return str(one.network_address) if one.num_addresses == 1 else str(one)
