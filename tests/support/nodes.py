# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the inventory, as hosts of Testinfra."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = os.environ.get("INVENTORY", "inventories/lab/hosts.yml")
ON_NODE = ROOT / "tests/behaviour/on_node"
# What the tests have to know of a node besides the way to it.
WANTED = {
    "address": "{{ ansible_host | default(inventory_hostname) }}",
    "tunnels": "{{ cloud_tunnel_network }}",
    "image": "{{ cloud_verify_image }}",
    "cache": "{{ lab_cache_dir | default('') }}",
}
# Tests look at a node as root, whoever logs in there.
AS_ROOT = '[ "$(id -u)" = 0 ] && exec sh -c "$0"; exec sudo -n sh -c "$0"'


def inventory_says() -> dict[str, dict[str, Any]]:
    """How Ansible reaches each node, and the wanted values, rendered."""
    command = [ROOT / "scripts/node-ssh", "--json", INVENTORY, "all", json.dumps(WANTED)]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert output.returncode == 0, output.stdout + output.stderr
    return {name: {**node["values"], **node} for name, node in json.loads(output.stdout).items()}


class Connection(BaseBackend):  # type: ignore[misc]
    """Testinfra's commands over the connection that Ansible uses, as root."""

    NAME = "node"

    def __init__(self, name: str, way: list[str]) -> None:
        super().__init__(name)
        self.way = way

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        words = ["sh", "-c", AS_ROOT, self.get_command(command, *args)]
        if self.way:
            words = [*self.way, shlex.join(words)]
        result = self.run_local(shlex.join(words))
        if self.way and result.rc == 255:
            raise RuntimeError(result)
        return result


class Nodes:
    """`nodes["compute"]` is a host of Testinfra."""

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets
        self.settings = inventory_says()
        # One connection a node for all tests; the first value of an option counts.
        shared = [
            "-o",
            "ControlMaster=auto",
            "-o",
            "ControlPersist=60s",
            "-o",
            f"ControlPath={sockets}/%C",
            "-o",
            "ConnectTimeout=10",
        ]
        self._hosts = {
            name: Host(Connection(name, [of["command"][0], *shared, *of["command"][1:]] if of["command"] else []))
            for name, of in self.settings.items()
        }

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def __iter__(self) -> Any:
        return iter(self._hosts)

    def python(self, name: str, script: str, *arguments: object) -> Any:
        """What a script of the directory on_node prints on a node, as data."""
        words = ["python3", "-c", (ON_NODE / script).read_text(), *map(str, arguments)]
        result = self[name].run(" ".join(["%s"] * len(words)), *words)
        assert result.rc == 0, f"{script} on {name} ended with {result.rc}:\n{result.stdout}{result.stderr}"
        return json.loads(result.stdout)

    @contextmanager
    def port_of(self, name: str, port: int) -> Iterator[Callable[[], socket.socket]]:
        """Connections to a TCP port that the node has on loopback alone, through SSH."""
        command = self.settings[name]["command"]
        if not command:
            yield lambda: socket.create_connection(("127.0.0.1", port), timeout=10)
            return
        path = self._sockets / f"{name}-{port}"
        path.unlink(missing_ok=True)
        options = ["-o", "ControlPath=none", "-o", "ExitOnForwardFailure=yes", "-N", "-L", f"{path}:127.0.0.1:{port}"]
        tunnel = subprocess.Popen([command[0], *options, *command[1:]], stdin=subprocess.DEVNULL)

        def connect() -> socket.socket:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(10)
            connection.connect(str(path))
            return connection

        try:
            wait_for(f"{name} forwards port {port}", path.exists, seconds=30)
            yield connect
        finally:
            tunnel.terminate()
            tunnel.wait(timeout=10)

    def journal_of(self, name: str, unit: str) -> str:
        """The last lines of a unit's journal."""
        try:
            result = self[name].run("journalctl --no-pager --quiet --lines=40 --output=short-iso --unit=%s", unit)
        except RuntimeError as error:
            return f"{name} does not answer: {error}"
        return str(result.stdout or result.stderr or "nothing\n")
