# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole cloud in the lab: its nodes are started for the tests, and stopped after them whatever happens."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import openstack
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NODES = ("controller", "network", "compute")
# Units whose start times tell whether a run restarted something.
UNITS = [
    "apache2",
    "cinder-*",
    "glance-*",
    "iscsid",
    "keystone",
    "libvirtd",
    "mariadb",
    "memcached",
    "mikumo-*",
    "neutron-*",
    "nova-*",
    "openvswitch-switch",
    "ovs-vswitchd",
    "ovsdb-server",
    "placement-*",
    "rabbitmq-server",
    "tgt",
    "virtlogd",
]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: takes long, and is a part of `make test-full` only")


Make = Callable[..., str]
OnNode = Callable[..., str]


def run(*command: str, check: bool = True, timeout: int = 3000) -> str:
    """Output of a command. All of it goes to .cache/lab.log, and its end into the report."""
    print(f"\n$ {' '.join(command)}", flush=True)
    process = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False
    )
    with (ROOT / ".cache/lab.log").open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(command)}\n{process.stdout}")
    print(process.stdout[-3000:], flush=True)
    if check and process.returncode != 0:
        pytest.fail(f"{' '.join(command)} ended with {process.returncode}:\n{process.stdout[-6000:]}", pytrace=False)
    return process.stdout


@pytest.fixture(scope="session")
def make() -> Make:
    """Runs a target of the Makefile, and gives its output and the seconds it took into the report."""

    def call(target: str, arguments: str = "", check: bool = True) -> str:
        begin = time.monotonic()
        output = run("make", target, *([f"ARGS={arguments}"] if arguments else []), check=check)
        with (ROOT / ".cache/test-seconds").open("a", encoding="utf-8") as record:
            record.write(f"{target} {arguments}: {time.monotonic() - begin:.0f} s\n")
        return output

    return call


@pytest.fixture(scope="session")
def on_node() -> OnNode:
    """Runs a shell command on a node."""

    def call(node: str, command: str, check: bool = True) -> str:
        return run("scripts/node-ssh", "inventories/lab/hosts.yml", node, command, check=check)

    return call


@pytest.fixture(scope="session", autouse=True)
def lab(make: Make) -> Iterator[None]:
    """An empty lab. MIKUMO_USE_LAB takes the one that runs and leaves it running."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    if os.environ.get("MIKUMO_USE_LAB"):
        yield
        return
    make("lab-down")
    make("lab-up")
    yield
    make("lab-down")


@pytest.fixture
def cloud() -> Iterator[openstack.connection.Connection]:
    """The cloud as the project of `make verify` has it."""
    with openstack.connect(cloud="mikumo-demo", config_files=[str(ROOT / "clouds.yaml")]) as connection:
        yield connection


def tasks(output: str) -> list[tuple[str, str]]:
    """Names of the tasks of a run, each with what was said of it."""
    parts = re.split(r"^TASK \[(.*?)\] \**$", output, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture(scope="session")
def changed() -> Callable[[str], dict[str, int]]:
    """Changes by host, from the recap of a run; hosts without any are left out."""

    def count(output: str) -> dict[str, int]:
        recap = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", output, re.MULTILINE)
        assert recap, "a run has to end with its recap"
        for name, text in tasks(output):
            if re.search(r"^changed: ", text, re.MULTILINE):
                # With --diff it says what was changed, and why a unit was restarted.
                print(f"{name}:\n{text[-2000:]}")
        return {host: int(number) for host, number in recap if number != "0"}

    return count


def changed_tasks(output: str) -> set[tuple[str, str]]:
    """Host and name of each task that changed something, or would have."""
    return {(host, name) for name, text in tasks(output) for host in re.findall(r"^changed: \[([\w-]+)", text, re.MULTILINE)}


@pytest.fixture(scope="session")
def start_times(on_node: OnNode) -> Callable[[], dict[str, str]]:
    """When each running unit of the cloud was started, by node and unit."""

    def look() -> dict[str, str]:
        found: dict[str, str] = {}
        patterns = " ".join(f"'{unit}.service'" for unit in UNITS)
        for node in NODES:
            text = on_node(node, f"systemctl show --property=Id,ActiveState,ActiveEnterTimestampMonotonic {patterns}")
            for block in text.split("\n\n"):
                unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
                if unit.get("ActiveState") == "active":
                    found[f"{node} {unit['Id']}"] = unit["ActiveEnterTimestampMonotonic"]
        return found

    return look


def site_secrets() -> dict[str, str]:
    path = ROOT / "inventories/lab/group_vars/all/secrets.yml"
    if not path.exists():
        # They are generated before a node is touched.
        run("ansible-playbook", "playbooks/preflight.yml")
    secrets: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))["cloud_secrets"]
    return secrets


def in_one_line(secrets: dict[str, str]) -> dict[str, str]:
    """What a search for secrets looks for: of a private key of many lines, one from its secret part; of a set of keys, one."""
    found = {}
    for name, value in secrets.items():
        lines = value.split("-----END")[0].splitlines()
        found[name] = lines[len(lines) // 2].split(": ")[-1] if len(lines) > 1 else value
    return found


def search_command(node: str, how: str) -> list[str]:
    program = (ROOT / "tests/lab/search_node.py").read_text(encoding="utf-8")
    return ["scripts/node-ssh", "inventories/lab/hosts.yml", node, f"python3 -c {shlex.quote(program)} {how}"]


@pytest.fixture(scope="session")
def search() -> Callable[[str], str]:
    """Where the site's secrets can be seen on a node now."""

    def call(node: str) -> str:
        done = subprocess.run(
            search_command(node, "search"),
            cwd=ROOT,
            input=json.dumps(in_one_line(site_secrets())) + "\n",
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
        print(done.stderr)
        return done.stdout

    return call


@pytest.fixture(scope="session")
def watched() -> dict[str, list[str]]:
    """What was seen in the process lists of the nodes during the first run, by node."""
    return {}


@pytest.fixture
def watch(watched: dict[str, list[str]]) -> Iterator[Callable[[], None]]:
    """Starts to look at the nodes' processes for secrets, until the end of the test."""
    watchers: dict[str, subprocess.Popen[str]] = {}

    def start() -> None:
        for node in NODES:
            watchers[node] = subprocess.Popen(
                search_command(node, "watch"), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            pipe = watchers[node].stdin
            assert pipe
            pipe.write(json.dumps(in_one_line(site_secrets())) + "\n")
            pipe.flush()

    yield start
    for node, watcher in watchers.items():
        output, _none = watcher.communicate(timeout=60)
        assert watcher.returncode == 0
        watched[node] = output.splitlines()
