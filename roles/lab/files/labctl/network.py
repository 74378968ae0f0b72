# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's networks: a network namespace with bridges and taps in it, joined to the host by one veth pair.

What exists is looked at first and only the difference is made, so this works from any state, and a second run
changes nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
from pathlib import Path

from core import Changes, Lab, LabError, run, run_json

# Lives as long as the sysctl it is about: until this machine restarts. One file a lab that needs forwarding.
FORWARDING = Path("/run/mikumo-lab/forwarding")
SWITCHED_ON = ".switched-on-by-a-lab"
IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def up(lab: Lab, changes: Changes) -> None:
    _refuse_taken_subnets(lab)
    _namespace_up(lab, changes)
    if changes.check and not _namespace_works(lab):
        changes.do("bridges, taps, routes")
        return
    _uplink_up(lab, changes)
    for network in lab.networks:
        _bridge_up(lab, network, changes)
    for node in lab.nodes:
        for number, network in enumerate(lab.networks):
            _tap_up(lab, lab.tap(node, number), network.bridge, changes)
    _host_routes_up(lab, changes)
    _forwarding_up(lab, changes)
    _nftables_up(lab, changes)
    _iptables_up(lab, changes)


def down(lab: Lab, changes: Changes) -> None:
    _iptables_down(lab, changes)
    if _nftables_installed(lab) is not None:
        changes.do("packet filter table removed", lambda: run("nft", "delete", "table", "inet", _table(lab)))
    _forwarding_down(lab, changes)
    # Takes the routes of the host and, when the namespace is gone already, the last thing there is.
    if _links().get(lab.veth):
        changes.do(f"link {lab.veth} removed", lambda: run("ip", "link", "delete", lab.veth))
    if Path("/run/netns", lab.namespace).exists():
        changes.do(f"namespace {lab.namespace} removed", lambda: _namespace_delete(lab))


# --- namespace and links ---------------------------------------------------------------------------------------------


def _in(lab: Lab, *argv: str) -> list[str]:
    return ["ip", "-n", lab.namespace, *argv]


def _namespace_works(lab: Lab) -> bool:
    return run(*_in(lab, "link", "show", "lo"), check=False).returncode == 0


def _namespace_delete(lab: Lab) -> None:
    if run("ip", "netns", "delete", lab.namespace, check=False).returncode:
        # The name of a namespace that ended with the last restart of the machine: nothing is mounted on it.
        Path("/run/netns", lab.namespace).unlink(missing_ok=True)


def _namespace_up(lab: Lab, changes: Changes) -> None:
    if not _namespace_works(lab):

        def create() -> None:
            if Path("/run/netns", lab.namespace).exists():
                _namespace_delete(lab)
            run("ip", "netns", "add", lab.namespace)

        changes.do(f"namespace {lab.namespace} created", create)
        if changes.check:
            return
    if not _is_up(_links(lab)["lo"]):
        changes.do("lo up", lambda: run(*_in(lab, "link", "set", "lo", "up")))
    for key, value in {
        "net.ipv4.ip_forward": "1",
        # The gateways speak IPv4 only; nothing may appear on the bridges by itself.
        "net.ipv6.conf.default.disable_ipv6": "1",
        "net.ipv6.conf.all.disable_ipv6": "1",
    }.items():
        command = ["ip", "netns", "exec", lab.namespace, "sysctl", "-n", key]
        found = run(*command, check=False)
        if found.returncode == 0 and found.stdout.strip() != value:
            write = ["ip", "netns", "exec", lab.namespace, "sysctl", "-qw", f"{key}={value}"]
            changes.do(f"{key}={value} in the namespace", lambda write=write: run(*write))


def _links(lab: Lab | None = None) -> dict[str, dict]:
    argv = ["ip", "-n", lab.namespace] if lab else ["ip"]
    return {link["ifname"]: link for link in run_json(*argv, "-json", "-details", "address", "show") if link}


def _is_up(link: dict) -> bool:
    return "UP" in link["flags"]


def _has_address(link: dict, address: str) -> bool:
    wanted = ipaddress.IPv4Interface(address)
    return any(
        info.get("local") == str(wanted.ip) and info.get("prefixlen") == wanted.network.prefixlen
        for info in link.get("addr_info", [])
    )


def _uplink_up(lab: Lab, changes: Changes) -> None:
    outside, inside = f"{lab.uplink[1]}/{lab.uplink.prefixlen}", f"{lab.uplink[2]}/{lab.uplink.prefixlen}"
    if lab.veth not in _links() or "uplink" not in _links(lab):

        def create() -> None:
            run("ip", "link", "delete", lab.veth, check=False)
            run(*_in(lab, "link", "delete", "uplink"), check=False)
            run("ip", "link", "add", lab.veth, "type", "veth", "peer", "name", "uplink", "netns", lab.namespace)

        changes.do(f"link {lab.veth} created", create)
        if changes.check:
            return
    link = _links()[lab.veth]
    if not _has_address(link, outside):
        changes.do(f"{outside} on {lab.veth}", lambda: run("ip", "address", "replace", outside, "dev", lab.veth))
    if not _is_up(link):
        changes.do(f"{lab.veth} up", lambda: run("ip", "link", "set", lab.veth, "up"))
    link = _links(lab)["uplink"]
    if not _has_address(link, inside):
        changes.do(f"{inside} on uplink", lambda: run(*_in(lab, "address", "replace", inside, "dev", "uplink")))
    if not _is_up(link):
        changes.do("uplink up", lambda: run(*_in(lab, "link", "set", "uplink", "up")))
    routes = run_json(*_in(lab, "-json", "route", "show", "default"))
    if not any(route.get("gateway") == str(lab.uplink[1]) for route in routes):
        changes.do(
            "default route in the namespace", lambda: run(*_in(lab, "route", "replace", "default", "via", str(lab.uplink[1])))
        )


def _bridge_up(lab: Lab, network, changes: Changes) -> None:
    if network.bridge not in _links(lab):
        # Without STP a port forwards at once; without snooping a bridge needs no querier to pass multicast on.
        changes.do(
            f"bridge {network.bridge} ({network.name}) created",
            lambda: run(
                *_in(lab, "link", "add", network.bridge, "mtu", "1500", "type", "bridge"),
                *["stp_state", "0", "forward_delay", "0", "mcast_snooping", "0"],
            ),
        )
        if changes.check:
            return
    link = _links(lab)[network.bridge]
    if network.gateway and not _has_address(link, network.gateway_interface):
        changes.do(
            f"{network.gateway_interface} on {network.bridge}",
            lambda: run(*_in(lab, "address", "replace", network.gateway_interface, "dev", network.bridge)),
        )
    if not _is_up(link):
        changes.do(f"{network.bridge} up", lambda: run(*_in(lab, "link", "set", network.bridge, "up")))


def _tap_up(lab: Lab, tap: str, bridge: str, changes: Changes) -> None:
    if tap not in _links(lab):
        changes.do(f"tap {tap} created", lambda: run(*_in(lab, "tuntap", "add", "dev", tap, "mode", "tap", "vnet_hdr")))
        if changes.check:
            return
    link = _links(lab)[tap]
    if link.get("master") != bridge:
        changes.do(f"{tap} in {bridge}", lambda: run(*_in(lab, "link", "set", tap, "master", bridge)))
    if not _is_up(link):
        changes.do(f"{tap} up", lambda: run(*_in(lab, "link", "set", tap, "up")))


# --- the host's side -------------------------------------------------------------------------------------------------


def _routed(lab: Lab) -> list[ipaddress.IPv4Network]:
    return [network.subnet for network in lab.networks if network.gateway]


def _refuse_taken_subnets(lab: Lab) -> None:
    for route in run_json("ip", "-json", "-4", "route", "show"):
        if route["dst"] == "default" or route.get("dev") == lab.veth:
            continue
        taken = ipaddress.IPv4Network(route["dst"])
        for subnet in [*_routed(lab), lab.uplink]:
            if subnet.overlaps(taken):
                raise LabError(
                    f"the lab's subnet {subnet} overlaps {taken}, which this machine reaches through {route.get('dev')}; "
                    "choose another subnet in lab_networks or lab_uplink_subnet"
                )


def _host_routes_up(lab: Lab, changes: Changes) -> None:
    gateway = str(lab.uplink[2])
    for subnet in _routed(lab):
        routes = run_json("ip", "-json", "-4", "route", "show", "exact", str(subnet))
        if not any(route.get("gateway") == gateway and route.get("dev") == lab.veth for route in routes):
            changes.do(
                f"route to {subnet}",
                lambda subnet=subnet: run("ip", "route", "replace", str(subnet), "via", gateway, "dev", lab.veth),
            )


def _forwarding_up(lab: Lab, changes: Changes) -> None:
    user = FORWARDING / lab.name
    if IP_FORWARD.read_text(encoding="ascii").strip() == "0":

        def switch_on() -> None:
            FORWARDING.mkdir(parents=True, exist_ok=True)
            (FORWARDING / SWITCHED_ON).touch()
            IP_FORWARD.write_text("1\n", encoding="ascii")

        changes.do("ip_forward switched on", switch_on)
    if not user.exists() and not changes.check:
        FORWARDING.mkdir(parents=True, exist_ok=True)
        user.touch()


def _forwarding_down(lab: Lab, changes: Changes) -> None:
    """Switch forwarding off again if a lab had switched it on and no other lab is left that needs it."""
    if changes.check or not FORWARDING.is_dir():
        return
    (FORWARDING / lab.name).unlink(missing_ok=True)
    if [entry for entry in FORWARDING.iterdir() if entry.name != SWITCHED_ON]:
        return
    if (FORWARDING / SWITCHED_ON).exists():
        changes.do("ip_forward switched off again", lambda: IP_FORWARD.write_text("0\n", encoding="ascii"))
        (FORWARDING / SWITCHED_ON).unlink()
    FORWARDING.rmdir()
    with contextlib.suppress(OSError):
        FORWARDING.parent.rmdir()


def _table(lab: Lab) -> str:
    return f"lab_{lab.name}"


def _rules(lab: Lab) -> str:
    subnets = ", ".join(str(subnet) for subnet in [*_routed(lab), lab.uplink])
    return f"""\
table inet {_table(lab)} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {{ {subnets} }} oifname != {{ "{lab.veth}", "lo" }} masquerade comment "@VERSION@"
    }}
    chain forward {{
        type filter hook forward priority mangle; policy accept;
        iifname "{lab.veth}" tcp flags syn tcp option maxseg size set rt mtu
        oifname "{lab.veth}" tcp flags syn tcp option maxseg size set rt mtu
    }}
}}
"""


def _nftables_installed(lab: Lab) -> str | None:
    found = run("nft", "list", "table", "inet", _table(lab), check=False)
    return found.stdout if found.returncode == 0 else None


def _nftables_up(lab: Lab, changes: Changes) -> None:
    # A comment on a rule is what tells whether the table is this one: nft prints rules in another form than it reads.
    rules = _rules(lab)
    version = hashlib.sha256(rules.encode()).hexdigest()[:12]
    installed = _nftables_installed(lab)
    if installed is not None and version in installed:
        return
    script = (f"delete table inet {_table(lab)}\n" if installed is not None else "") + rules.replace("@VERSION@", version)
    changes.do("packet filter table loaded", lambda: run("nft", "-f", "-", stdin=script))


def _iptables_rules(lab: Lab) -> list[list[str]]:
    comment = ["-m", "comment", "--comment", f"lab {lab.name}"]
    return [["-i", lab.veth, *comment, "-j", "ACCEPT"], ["-o", lab.veth, *comment, "-j", "ACCEPT"]]


def _iptables_up(lab: Lab, changes: Changes) -> None:
    """Docker and some firewalls drop forwarded packets: let the lab's through. Elsewhere nothing is added."""
    found = run("iptables", "-w", "-S", "FORWARD", check=False)
    if found.returncode or "-P FORWARD DROP" not in found.stdout:
        return
    for rule in _iptables_rules(lab):
        if run("iptables", "-w", "-C", "FORWARD", *rule, check=False).returncode:
            changes.do("forwarding rule added", lambda rule=rule: run("iptables", "-w", "-I", "FORWARD", *rule))


def _iptables_down(lab: Lab, changes: Changes) -> None:
    found = run("iptables", "-w", "-S", "FORWARD", check=False)
    if found.returncode or lab.veth not in found.stdout:
        return
    for rule in _iptables_rules(lab):
        if run("iptables", "-w", "-C", "FORWARD", *rule, check=False).returncode == 0:
            changes.do("forwarding rule removed", lambda rule=rule: run("iptables", "-w", "-D", "FORWARD", *rule))
