# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance: what the cloud says of it, and what is seen inside of it."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openstack
import testinfra
from testinfra.host import Host

from support.waiting import wait_for

# An instance is a new machine each time, and its host key with it. Floating addresses move: no connection is shared.
SSH = (
    "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes -o ConnectTimeout=5"
    " -o ServerAliveInterval=5 -o ServerAliveCountMax=6 -o IdentitiesOnly=yes -o ControlPath=none"
)


def answer_of(host: Host, command: str) -> str:
    """What a command prints inside, or nothing if there is no way to ask."""
    with contextlib.suppress(RuntimeError):
        result = host.run(command)
        return str(result.stdout).strip() if result.rc == 0 else ""
    return ""


def port_of(address: str, port: int) -> str:
    """How a TCP port looks from outside: open, closed (the instance itself says no) or silent (nothing comes back)."""
    try:
        with socket.create_connection((address, port), timeout=4):
            return "open"
    except ConnectionRefusedError:
        return "closed"
    except OSError:
        return "silent"


@dataclass(frozen=True)
class Instance:
    cloud: openstack.connection.Connection
    server: Any
    port: Any
    floating: Any
    key: Path
    user: str

    @property
    def name(self) -> str:
        return str(self.server.name)

    @property
    def fixed(self) -> str:
        return str(self.port.fixed_ips[0]["ip_address"])

    @property
    def address(self) -> str:
        return str(self.floating.floating_ip_address)

    def at(self, address: str) -> Host:
        """The inside, over this address."""
        return testinfra.get_host(f"ssh://{self.user}@{address}", ssh_identity_file=str(self.key), ssh_extra_args=SSH)

    @property
    def inside(self) -> Host:
        return self.at(self.address)

    def says(self, command: str, *arguments: str) -> str:
        """What a command prints inside."""
        return str(self.inside.check_output(command, *arguments))

    def console(self) -> str:
        return str(self.cloud.compute.get_server_console_output(self.server.id, length=30)["output"])

    def wait_for_answer(self, seconds: float = 240) -> None:
        """Until somebody can log in; the end of the console says why not."""
        try:
            wait_for(f"{self.name} at {self.address}", lambda: answer_of(self.inside, "hostname"), seconds=seconds)
        except BaseException:
            print(f"console of {self.name}:\n{self.console()}")
            raise
