# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall of a node opens what the table of ports says, and nothing that its data does not say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mikumo.openstack.plugins.filter.firewall_rules import firewall_rules
from ansible_collections.mikumo.openstack.plugins.filter.firewall_ruleset import firewall_ruleset
from ansible_collections.mikumo.openstack.plugins.plugin_utils._ports import (
    ANY,
    API,
    EVERY,
    LOOPBACK,
    MANAGEMENT,
    PORTS,
    TUNNEL,
    USERS,
    needed_ports,
    node_ports,
)
from ansible_collections.mikumo.openstack.plugins.plugin_utils._site import GROUPS

ROOT = Path(__file__).resolve().parents[2]
CORE = ["keystone", "glance", "placement", "nova", "neutron"]
ALL = [*CORE, "cinder", "heat", "horizon"]
MANAGEMENT_NETWORK, TUNNELS, CONTROLLER = "10.0.0.0/24", "10.0.1.0/24", "10.0.0.11"
EVERYBODY: tuple[str, ...] = ()


def opened(groups: list[str], services: list[str] = CORE, kind: str = "vxlan", **variables: Any) -> dict[str, tuple[str, ...]]:
    """Who may reach what."""
    rules = firewall_rules(
        groups,
        services=services,
        tenant_network_type=kind,
        variables=variables,
        controllers=[CONTROLLER],
        management=[MANAGEMENT_NETWORK],
        tunnel=[TUNNELS],
    )
    found = {f"{rule['protocol']} {','.join(rule['ports'])}".strip(): tuple(rule["sources"]) for rule in rules}
    assert len(found) == len(rules)
    return found


APIS = dict.fromkeys(["tcp 5000", "tcp 9292", "tcp 8778", "tcp 8774", "tcp 6080", "tcp 9696"], EVERYBODY)
INSIDE = {
    "tcp 8775": (MANAGEMENT_NETWORK,),
    "tcp 3306": (MANAGEMENT_NETWORK, CONTROLLER),
    "tcp 5671": (MANAGEMENT_NETWORK, CONTROLLER),
}
VXLAN = {"udp 4789": (TUNNELS,)}
VNC = {"tcp 5900-6923": (CONTROLLER,)}


@pytest.mark.parametrize(
    ("groups", "services", "kind", "wanted"),
    [
        ([], ALL, "vxlan", {}),
        (["bastion"], ALL, "vxlan", {}),
        (["controller_nodes"], CORE, "vxlan", {**APIS, **INSIDE}),
        (
            ["controller_nodes"],
            ALL,
            "gre",
            {**APIS, **INSIDE, **dict.fromkeys(["tcp 8776", "tcp 8004", "tcp 80", "tcp 443"], EVERYBODY)},
        ),
        (["network_nodes"], ALL, "vxlan", VXLAN),
        (["network_nodes"], ALL, "gre", {"gre": (TUNNELS,)}),
        (["network_nodes"], ALL, "vlan", {}),
        (["compute_nodes"], ALL, "vxlan", {**VXLAN, **VNC}),
        (["compute_nodes", "network_nodes"], ALL, "vxlan", {**VXLAN, **VNC}),
        (["storage_nodes"], ALL, "vxlan", {"tcp 3260": (MANAGEMENT_NETWORK,)}),
        (["storage_nodes"], CORE, "vxlan", {}),
        (list(GROUPS), CORE, "vxlan", {**APIS, **INSIDE, **VXLAN, **VNC}),
    ],
)
def test_what_a_node_accepts(groups: list[str], services: list[str], kind: str, wanted: dict[str, tuple[str, ...]]) -> None:
    assert opened(groups, services, kind) == wanted


def test_ports_of_the_sites_own_choice() -> None:
    found = opened(["controller_nodes"], glance_port="9393", horizon_port=8080)
    assert "tcp 9393" in found
    assert "tcp 9292" not in found
    # Apache's, on loopback
    assert "tcp 8080" not in found


# --- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", PORTS, ids=lambda port: f"{port.group} {port.protocol} {port.number} {port.listens}")
def test_a_row_of_the_table(port: Any) -> None:
    assert port.group in (EVERY, *GROUPS)
    assert set(port.reach) <= {USERS, *GROUPS}
    assert port.listens in (ANY, API, LOOPBACK, MANAGEMENT, TUNNEL)
    assert port.service in ("", *ALL)
    assert port.protection
    assert port.last == 0 or port.number < port.last
    assert (port.number == 0) == (port.protocol not in ("tcp", "udp"))
    # A socket for nobody else is on loopback, and the other way round.
    assert (port.listens == LOOPBACK) == (port.reach == ())


def test_an_api_has_a_socket_on_loopback_and_one_of_haproxy() -> None:
    for number, port in needed_ports(["controller_nodes"], ALL, {}).items():
        if "haproxy.service" in port.units and number not in (443, 8404):
            sockets = [one for one in PORTS if one.number == number]
            assert [one.listens for one in sockets] == [LOOPBACK, API]
            assert port.listens == ANY
            assert len(port.units) == 2


def test_a_node_in_several_groups_has_each_socket_once() -> None:
    found = [(port.protocol, port.number, port.listens) for port in node_ports(GROUPS, ALL, "vxlan")]
    assert len(found) == len(set(found))


def test_reference_is_up_to_date() -> None:
    result = subprocess.run(
        [sys.executable, "scripts/ports-docs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


# --- the text ---------------------------------------------------------------------------------------------------------


def rule(**values: Any) -> dict[str, Any]:
    return {"protocol": "tcp", "ports": ["443"], "sources": [], "purpose": "Horizon", **values}


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (rule(), ['tcp dport 443 accept comment "Horizon"']),
        (rule(purpose=""), ["tcp dport 443 accept"]),
        ({"protocol": "tcp", "ports": [9100]}, ["tcp dport 9100 accept"]),
        (rule(ports=[80, "5900-6923"], purpose=""), ["tcp dport { 80, 5900-6923 } accept"]),
        (rule(sources=["10.0.0.11"], purpose=""), ["ip saddr 10.0.0.11 tcp dport 443 accept"]),
        # nftables refuses sets that overlap
        (rule(sources=["10.0.0.11", "10.0.0.0/24"], purpose=""), ["ip saddr 10.0.0.0/24 tcp dport 443 accept"]),
        (rule(sources=["10.0.2.1", "10.0.0.0/24"], purpose=""), ["ip saddr { 10.0.0.0/24, 10.0.2.1 } tcp dport 443 accept"]),
        (
            rule(sources=["fd00::/64", "10.0.0.0/24"], purpose=""),
            ["ip saddr 10.0.0.0/24 tcp dport 443 accept", "ip6 saddr fd00::/64 tcp dport 443 accept"],
        ),
        (rule(protocol="udp", ports=["4789"], purpose=""), ["udp dport 4789 accept"]),
        (
            {"protocol": "gre", "ports": [], "sources": ["10.0.1.0/24"], "purpose": ""},
            ["ip saddr 10.0.1.0/24 meta l4proto gre accept"],
        ),
    ],
)
def test_a_rule(given: dict[str, Any], lines: list[str]) -> None:
    text = firewall_ruleset([given], [22])
    bare = firewall_ruleset([], [22]).splitlines()
    assert [line.strip() for line in text.splitlines() if line not in bare] == lines


@pytest.mark.parametrize(
    ("rules", "ssh", "message"),
    [
        ("x", [22], "give a list"),
        (["x"], [22], "not understood"),
        ([rule(port=443)], [22], "not understood"),
        ([rule(ports=[])], [22], "open all of them"),
        ([rule(ports=["x"])], [22], "not a number or a range"),
        ([rule(ports=["0"])], [22], "not a number or a range"),
        ([rule(ports=["70000"])], [22], "not a number or a range"),
        ([rule(ports=["20-10"])], [22], "not a number or a range"),
        ([rule(ports=["443; accept"])], [22], "not a number or a range"),
        ([rule(protocol="sctp")], [22], "protocol 'sctp' is not known"),
        ([rule(sources="10.0.0.0/24")], [22], "not a list"),
        ([rule(sources=["10.0.0.1/24"])], [22], "host bits set"),
        ([rule(sources=["controller"])], [22], "controller"),
        ([rule(purpose='a" drop')], [22], "has quotes"),
        ([rule(purpose="a\nb")], [22], "several lines"),
        ([rule(purpose="x" * 121)], [22], "120 characters"),
        ([], [], "out of reach"),
    ],
)
def test_what_is_refused(rules: Any, ssh: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        firewall_ruleset(rules, ssh)


def test_ssh_is_open_at_all_its_ports() -> None:
    assert '    tcp dport { 22, 2222 } accept comment "SSH"\n' in firewall_ruleset([], [2222, 22, "22"])


def nft(text: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """nft's opinion of a file, in a network namespace of its own."""
    path = directory / "firewall.nft"
    path.write_text(text)
    program = shutil.which("nft", path="/usr/sbin:/usr/bin:/sbin")
    command = ["unshare", "--user", "--map-root-user", "--net"]
    if not program or subprocess.run([*command, program, "list", "tables"], capture_output=True, check=False).returncode:
        pytest.skip("no nft, or no network namespaces")
    # Twice: the second time, there is a table.
    script = '"$0" -f "$1" && "$0" -f "$1" && "$0" list ruleset'
    return subprocess.run([*command, "sh", "-c", script, program, str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["vxlan", "gre", "vlan"])
def test_nft_accepts_the_rules_of_a_site(kind: str, tmp_path: Path) -> None:
    rules = firewall_rules(
        GROUPS,
        services=ALL,
        tenant_network_type=kind,
        variables={},
        controllers=[CONTROLLER],
        management=[MANAGEMENT_NETWORK],
        tunnel=[TUNNELS],
    )
    rules += [rule(sources=["fd00::/64", "192.0.2.1"])]
    result = nft(firewall_ruleset(rules, [22, 2222]), tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("table ") == 1
    assert result.stdout.count("chain ") == 1
    assert result.stdout.count('comment "Keystone"') == 1
