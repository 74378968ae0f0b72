# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control program of the lab: makes what standard input describes (JSON) true.

    labctl [--check] up | down | power STATE NODE | snapshot taken|restored|removed NAME

Prints {"changed": ..., "changes": [...]} and ends with 0, or prints a message for the operator and ends with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys

import network
import node as nodes
import seed
import snapshot
from core import Changes, Lab, LabError, Node

SNAPSHOT = {"taken": snapshot.take, "restored": snapshot.restore, "removed": snapshot.remove}


def up(lab: Lab, changes: Changes) -> None:
    _claim_state_dir(lab, changes)
    seed.keys_up(lab, changes)
    network.up(lab, changes)
    for node in lab.nodes:
        nodes.start(lab, node, changes)
    if not changes.check:
        nodes.wait(lab, lab.nodes)


def down(lab: Lab, changes: Changes) -> None:
    owner = lab.state_dir / "lab"
    if owner.exists() and owner.read_text(encoding="ascii").strip() != lab.name:
        raise LabError(_not_ours(lab))
    nodes.stop(lab, lab.nodes + _former_nodes(lab), changes)
    network.down(lab, changes)
    if lab.keep_disks or not owner.exists():
        return
    # Only what the lab has put there: the directory is a setting, and may be anything.
    for name in ("nodes", "run", "ssh"):
        if (lab.state_dir / name).exists():
            changes.do(f"{lab.state_dir / name} removed", lambda name=name: shutil.rmtree(lab.state_dir / name))
    if not changes.check:
        owner.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            lab.state_dir.rmdir()


def _former_nodes(lab: Lab) -> list[Node]:
    """Nodes that were started and then removed from the settings."""
    known = {node.name for node in lab.nodes}
    directory = lab.state_dir / "nodes"
    names = sorted(path.name for path in directory.iterdir() if path.is_dir()) if directory.is_dir() else []
    return [Node(name, "", {}, []) for name in names if name not in known]


def power(lab: Lab, changes: Changes, state: str, name: str) -> None:
    node = lab.node(name)
    if state == "on":
        network.up(lab, changes)
        nodes.start(lab, node, changes)
        if not changes.check:
            nodes.wait(lab, [node])
    elif state == "off":
        nodes.stop(lab, [node], changes)
    elif state == "killed":
        if nodes.pid_of(lab, node):
            changes.do(f"{name} killed", lambda: nodes.kill(lab, node))
    elif state == "rebooted":
        if not nodes.pid_of(lab, node):
            raise LabError(f"{name} is off, so it cannot be rebooted")
        changes.do(f"{name} rebooted", lambda: nodes.reboot(lab, node))
    elif state == "reset":
        if nodes.pid_of(lab, node):
            changes.do(f"{name} killed", lambda: nodes.kill(lab, node))
        power(lab, changes, "on", name)


def _claim_state_dir(lab: Lab, changes: Changes) -> None:
    owner = lab.state_dir / "lab"
    if owner.exists():
        if owner.read_text(encoding="ascii").strip() != lab.name:
            raise LabError(_not_ours(lab))
        return

    def claim() -> None:
        lab.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner.write_text(f"{lab.name}\n", encoding="ascii")

    changes.do(f"{lab.state_dir} created", claim)


def _not_ours(lab: Lab) -> str:
    return f"{lab.state_dir} belongs to another lab than {lab.name!r} (see the file 'lab' in it); set lab_state_dir"


def main() -> int:
    parser = argparse.ArgumentParser(prog="labctl")
    parser.add_argument("--check", action="store_true", help="say what would be done")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up")
    commands.add_parser("down")
    parser_power = commands.add_parser("power")
    parser_power.add_argument("state", choices=["on", "off", "killed", "rebooted", "reset"])
    parser_power.add_argument("node")
    parser_snapshot = commands.add_parser("snapshot")
    parser_snapshot.add_argument("state", choices=list(SNAPSHOT))
    parser_snapshot.add_argument("name")
    arguments = parser.parse_args()

    changes = Changes(check=arguments.check)
    try:
        if os.geteuid() != 0:
            raise LabError("the lab needs root: it makes a network namespace, taps and packet filter rules")
        lab = Lab.from_dict(json.load(sys.stdin))
        if arguments.command == "up":
            up(lab, changes)
        elif arguments.command == "down":
            down(lab, changes)
        elif arguments.command == "power":
            power(lab, changes, arguments.state, arguments.node)
        else:
            SNAPSHOT[arguments.state](lab, arguments.name, changes)
    except LabError as error:
        if changes.done:
            print("Done before: " + "; ".join(changes.done), file=sys.stderr)
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({"changed": bool(changes.done), "changes": changes.done}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
