# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all parts of the lab's control program share: running commands, and an account of what was changed."""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path


class LabError(Exception):
    """An error whose message is for the operator: what was found, what was expected, what to do."""


def run(*argv: str, check: bool = True, stdin: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess:
    """Run a command and return it; a failure names the command and what it said."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed on this machine") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(argv)} did not end within {timeout:.0f} s") from None
    if check and done.returncode:
        raise LabError(f"{' '.join(argv)} failed with code {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done


def run_json(*argv: str) -> list:
    """Run a command that prints JSON; nothing at all is an empty list (iproute2 does that)."""
    return json.loads(run(*argv).stdout or "[]")


def wait_until(condition, seconds: float, interval: float = 0.2) -> bool:
    """Ask again and again until the condition holds or the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        if condition():
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)


@dataclass
class Changes:
    """Every act goes through `do`, so that the report is true and check mode acts on nothing."""

    check: bool = False
    done: list[str] = field(default_factory=list)

    def do(self, what: str, act=None) -> None:
        self.done.append(what)
        if act is not None and not self.check:
            act()


@dataclass(frozen=True)
class Network:
    name: str
    bridge: str
    subnet: ipaddress.IPv4Network
    gateway: ipaddress.IPv4Address | None

    @property
    def gateway_interface(self) -> str:
        return f"{self.gateway}/{self.subnet.prefixlen}"


@dataclass(frozen=True)
class Node:
    name: str
    memory: str
    addresses: dict[str, str]
    disks: list[str]


@dataclass(frozen=True)
class Lab:
    """The lab as the role describes it (standard input of the control program)."""

    name: str
    state_dir: Path
    memory_dir: Path
    snapshot_dir: Path
    kernel: Path
    image: Path
    disk_size: str
    uplink: ipaddress.IPv4Network
    networks: list[Network]
    nodes: list[Node]
    dns_servers: list[str]
    boot_timeout: float
    stop_timeout: float
    keep_disks: bool

    @classmethod
    def from_dict(cls, data: dict) -> Lab:
        if not re.fullmatch(r"[a-z][a-z0-9]{0,9}", data["name"]):
            raise LabError(f"lab_name is {data['name']!r}: it must be 1 to 10 lower case letters and digits, a letter first")
        networks = []
        for number, item in enumerate(data["networks"]):
            subnet = ipaddress.IPv4Network(item["subnet"])
            gateway = subnet[1] if item.get("gateway", True) else None
            networks.append(Network(item["name"], f"br{number}", subnet, gateway))
        nodes = []
        for item in data["nodes"]:
            disks = [str(disk["size"]) for disk in item.get("disks", [])]
            nodes.append(Node(item["name"], str(item["memory"]), dict(item["addresses"]), disks))
        lab = cls(
            name=data["name"],
            state_dir=Path(data["state_dir"]),
            memory_dir=Path(data["memory_dir"]),
            snapshot_dir=Path(data["snapshot_dir"]),
            kernel=Path(data["kernel"]),
            image=Path(data["image"]),
            disk_size=data["disk_size"],
            uplink=ipaddress.IPv4Network(data["uplink"]),
            networks=networks,
            nodes=nodes,
            dns_servers=list(data["dns_servers"]),
            boot_timeout=float(data["boot_timeout"]),
            stop_timeout=float(data["stop_timeout"]),
            keep_disks=bool(data["keep_disks"]),
        )
        lab._verify()
        return lab

    def _verify(self) -> None:
        for node in self.nodes:
            self._verify_node(node)
        self._verify_addresses()
        subnets = [network.subnet for network in self.networks] + [self.uplink]
        for index, one in enumerate(subnets):
            for other in subnets[index + 1 :]:
                if one.overlaps(other):
                    raise LabError(f"the subnets {one} and {other} of this lab overlap")
        if len({node.name for node in self.nodes}) != len(self.nodes):
            raise LabError("lab_nodes: a name is there twice")

    def _verify_node(self, node: Node) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", node.name):
            raise LabError(f"lab_nodes: {node.name!r} is no host name")
        for disk in node.disks:
            size_in_bytes(disk)
        if len(node.disks) > 14:
            raise LabError(f"lab_nodes: {node.name} has {len(node.disks)} disks, at most 14 are possible")
        if self.networks[0].name not in node.addresses:
            raise LabError(f"lab_nodes: {node.name} needs an address in {self.networks[0].name}, its first network")

    def _verify_addresses(self) -> None:
        subnets = {network.name: network.subnet for network in self.networks}
        taken: dict[str, str] = {}
        for node in self.nodes:
            for network, address in node.addresses.items():
                if network not in subnets:
                    raise LabError(f"lab_nodes: {node.name} has an address in {network!r}, which is not in lab_networks")
                if ipaddress.IPv4Address(address) not in subnets[network]:
                    raise LabError(f"lab_nodes: {node.name} has {address}, which is not in {network} ({subnets[network]})")
                if address in taken:
                    raise LabError(f"lab_nodes: {address} is given to {taken[address]} and to {node.name}")
                taken[address] = node.name

    @property
    def namespace(self) -> str:
        return self.name

    @property
    def veth(self) -> str:
        return f"lab-{self.name}"

    @property
    def run_dir(self) -> Path:
        """Control sockets: the kernel makes a directory per node in here, named like its umid."""
        return self.state_dir / "run"

    def node(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise LabError(f"there is no node {name!r}; lab_nodes has {', '.join(node.name for node in self.nodes)}")

    def node_dir(self, node: Node) -> Path:
        return self.state_dir / "nodes" / node.name

    def umid(self, node: Node) -> str:
        return f"{self.name}-{node.name}"

    def tap(self, node: Node, number: int) -> str:
        return f"n{self.nodes.index(node)}eth{number}"

    def management(self, node: Node) -> str:
        return node.addresses[self.networks[0].name]


def size_in_bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMGT]?)", text)
    if not match:
        raise LabError(f"{text!r} is not a size; write for example 512M or 10G")
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2]]
