# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seed of a node: a tar archive with its identity, handed over as a small read-only disk.

The archive is the same for the same settings, byte for byte: a node applies it when it has changed.
"""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from core import Lab, Node, run


def keys_up(lab: Lab, changes) -> None:
    """The lab's key pair, a host key for each node, and the known_hosts file that goes with them."""
    directory = lab.state_dir / "ssh"
    if not changes.check:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = {"id_ed25519": f"lab {lab.name}"} | {f"host_{node.name}": node.name for node in lab.nodes}
    for name, comment in names.items():
        private = directory / name
        if private.exists() and private.with_name(f"{name}.pub").exists():
            continue

        def generate(private: Path = private, comment: str = comment) -> None:
            private.unlink(missing_ok=True)
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(private))

        changes.do(f"key {name} generated", generate)
    if changes.check:
        return
    lines = []
    for node in lab.nodes:
        kind, key, _comment = (directory / f"host_{node.name}.pub").read_text(encoding="ascii").split(maxsplit=2)
        lines.append(f"{node.name},{lab.management(node)} {kind} {key}\n")
    known_hosts = directory / "known_hosts"
    if not known_hosts.exists() or known_hosts.read_text(encoding="ascii") != "".join(lines):
        changes.do("known_hosts written", lambda: _write(known_hosts, "".join(lines).encode(), 0o600))


def write(lab: Lab, node: Node) -> Path:
    """Write the node's seed and return its path."""
    ssh = lab.state_dir / "ssh"
    files: dict[str, tuple[bytes, int]] = {
        "etc/hostname": (f"{node.name}\n".encode(), 0o644),
        "etc/hosts": (_hosts(lab).encode(), 0o644),
        "etc/resolv.conf": ("".join(f"nameserver {server}\n" for server in lab.dns_servers).encode(), 0o644),
        "root/.ssh/authorized_keys": ((ssh / "id_ed25519.pub").read_bytes(), 0o600),
        "etc/ssh/ssh_host_ed25519_key": ((ssh / f"host_{node.name}").read_bytes(), 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": ((ssh / f"host_{node.name}.pub").read_bytes(), 0o644),
    }
    for number, network in enumerate(lab.networks):
        text = _link_settings(node, number, network)
        files[f"etc/systemd/network/10-eth{number}.network"] = (text.encode(), 0o644)
    modules = lab.kernel.parent / "modules"
    for path in sorted(modules.rglob("*")):
        if path.is_file():
            files[str(path.relative_to(modules))] = (path.read_bytes(), 0o644)

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, (content, mode) in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))
    path = lab.node_dir(node) / "seed.tar"
    _write(path, archive.getvalue(), 0o600)
    return path


def _write(path: Path, content: bytes, mode: int) -> None:
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    temporary.replace(path)


def _hosts(lab: Lab) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{lab.management(other)} {other.name}" for other in lab.nodes]
    return "\n".join(lines) + "\n"


def _link_settings(node: Node, number: int, network) -> str:
    lines = ["[Match]", f"Name=eth{number}", "", "[Link]", "RequiredForOnline=no", "", "[Network]"]
    lines += ["IPv6AcceptRA=no", "LLDP=no", "EmitLLDP=no"]
    address = node.addresses.get(network.name)
    if address:
        lines.append(f"Address={address}/{network.subnet.prefixlen}")
    else:
        # Only up: it will be a port of a bridge, which must not have addresses of its own.
        lines.append("LinkLocalAddressing=no")
    if number == 0 and network.gateway:
        lines.append(f"Gateway={network.gateway}")
    return "\n".join(lines) + "\n"
