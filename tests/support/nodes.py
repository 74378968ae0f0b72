"""The nodes of the inventory, as hosts of Testinfra."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import testinfra
from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = os.environ.get("INVENTORY", "inventories/lab/hosts.yml")
ON_NODE = ROOT / "tests/behaviour/on_node"
# What the tests have to know of a node. Values of an inventory are templates, and Testinfra's own backend for Ansible takes
# them as they are written.
WANTED = {
    "address": "{{ ansible_host }}",
    "user": "{{ ansible_user | default('root') }}",
    "key": "{{ ansible_ssh_private_key_file | default('') }}",
    "arguments": "{{ ansible_ssh_common_args | default('') }}",
    "tunnels": "{{ cloud_tunnel_network }}",
    "image": "{{ cloud_verify_image }}",
    "cache": "{{ lab_cache_dir | default('') }}",
}


def inventory_says() -> dict[str, dict[str, Any]]:
    """The wanted values of each node, rendered by Ansible."""
    output = subprocess.run(
        ["ansible", "all", "-i", INVENTORY, "-c", "local", "-m", "ansible.builtin.debug", "-a", json.dumps({"msg": WANTED})],
        cwd=ROOT,
        env=os.environ
        | {
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.json",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert output.returncode == 0, f"{INVENTORY}: {output.stdout}{output.stderr}"
    hosts = json.loads(output.stdout)["plays"][0]["tasks"][0]["hosts"]
    return {name: host["msg"] for name, host in hosts.items()}


class Nodes:
    """`nodes["compute"]` is a host of Testinfra."""

    def __init__(self, sockets: Path) -> None:
        self.settings = inventory_says()
        # One connection a node for all tests.
        shared = f"-o ControlMaster=auto -o ControlPersist=60s -o ControlPath={sockets}/%C -o ConnectTimeout=10"
        self._hosts = {
            name: testinfra.get_host(
                f"ssh://{of['user']}@{of['address']}",
                ssh_identity_file=of["key"] or None,
                ssh_extra_args=f"{of['arguments'].strip()} {shared}",
            )
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

    def journal_of(self, name: str, unit: str) -> str:
        """The last lines of a unit's journal."""
        try:
            result = self[name].run("journalctl --no-pager --quiet --lines=40 --output=short-iso --unit=%s", unit)
        except RuntimeError as error:
            return f"{name} does not answer: {error}"
        return str(result.stdout or result.stderr or "nothing\n")
