# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a node: who listens on TCP, what keeps the clock, and whether MariaDB lets root in.

root is where the node's files are, for tests.
"""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.mikumo.openstack.plugins.module_utils._commands import NOT_FOUND

__all__ = ["Run", "apache_sites", "broker_data", "clock", "database_login", "listening", "node_state", "time_sync"]

Facts = dict[str, Any]
# Exit status, output and errors of a command.
Run = Callable[[Sequence[str]], tuple[int, str, str]]

# The kernel knows the control group, and so the unit, of each socket. Looking for its process takes twice as long, and root.
SOCKETS = ("ss", "--no-header", "--tcp", "--listening", "--numeric", "--cgroup")
GROUP = re.compile(r"\bcgroup:(?P<path>/\S*)")
CHRONY = "chrony.service"
CHRONY_CONFIG = "etc/chrony/chrony.conf"
CHRONY_STARTED = "run/chrony/chronyd.pid"
CHRONY_MARK = "# Managed by Ansible (mikumo.openstack.time_sync)."
# Units of Debian's packages that set the clock, or of the platform under a virtual machine.
TIME_UNITS = (
    CHRONY,
    "ntpsec.service",
    "ntp.service",
    "openntpd.service",
    "systemd-timesyncd.service",
    "phc2sys.service",
    "timemaster.service",
    "vboxadd-service.service",
    "virtualbox-guest-utils.service",
)
DATABASE_SOCKET = "run/mysqld/mysqld.sock"
# A server that has this file runs with the configuration of the role mariadb, which a login by root came before.
OUR_DATABASE = "etc/mysql/mariadb.conf.d/90-openstack.cnf"
# Sites of Apache that Debian's packages enable, and ours.
USUAL_SITES = frozenset({"000-default.conf", "horizon.conf", "openstack-dashboard.conf", "openstack-dashboard-alias-only.conf"})
DEFAULT_SSL = "default-ssl.conf"
OUR_BROKER = "# Managed by Ansible (mikumo.openstack.rabbitmq)."


def clock() -> Facts:
    return {"epoch": time.time()}


def unit_of(line: str) -> str | None:
    """The unit of a socket, empty if it belongs to none, and nothing if the kernel cannot tell."""
    group = GROUP.search(line)
    if group is None:
        return None
    names = [name for name in group["path"].split("/") if name.endswith((".service", ".socket", ".scope"))]
    return names[-1] if names else ""


def listening(output: str) -> Facts:
    """From what `ss` prints."""
    found: list[dict[str, Any]] = []
    for line in output.splitlines():
        columns = line.split()
        if len(columns) < 4 or columns[0] != "LISTEN":
            continue
        address, _colon, port = columns[3].rpartition(":")
        if port.isdigit():
            # An interface after % says where, and brackets that it is IPv6.
            found.append({"port": int(port), "address": address.split("%")[0].strip("[]"), "unit": unit_of(line)})
    return {"listening": found}


def time_sync(root: Path) -> Facts:
    """The units that keep the clock now, and the configuration that the role time_sync gave chrony."""
    # A unit has a control group as long as it has a process.
    slices = root / "sys/fs/cgroup/system.slice"
    daemons = [unit for unit in TIME_UNITS if (slices / unit).is_dir()]
    config, started = root / CHRONY_CONFIG, root / CHRONY_STARTED
    try:
        text = config.read_text(encoding="utf-8", errors="replace")
        # chronyd writes the file with its number when it starts.
        current = CHRONY in daemons and started.stat().st_mtime_ns >= config.stat().st_mtime_ns
    except OSError:
        text, current = "", False
    ours = text.startswith(CHRONY_MARK)
    others = [unit for unit in daemons if unit != CHRONY or not ours]
    return {"time_sync": {"others": others, "config": text if ours else "", "current": ours and current}}


def database_login(root: Path, run: Run) -> Facts:
    """Why the MariaDB or MySQL of somebody else does not let root in; empty if it does, and where there is none."""
    path = root / DATABASE_SOCKET
    try:
        if (root / OUR_DATABASE).exists() or not stat.S_ISSOCK(path.stat().st_mode):
            return {"database_login": ""}
    except OSError:
        return {"database_login": ""}
    command = ["mysql", f"--socket={path}", "--connect-timeout=5", "--batch", "--execute=SELECT 1"]
    code, _out, err = run(command)
    # A server without its client says nothing about its accounts.
    return {"database_login": "" if code in (0, NOT_FOUND) else err.strip() or f"status {code}"}


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir())
    except OSError:
        return []


def apache_sites(root: Path) -> Facts:
    """Sites that somebody else has given Apache."""
    # The dashboard's package enables this one and leaves the module off. With the module, it is a site that somebody wanted.
    usual = USUAL_SITES if (root / "etc/apache2/mods-enabled/ssl.load").exists() else USUAL_SITES | {DEFAULT_SSL}
    return {"apache_sites": [name for name in _names(root / "etc/apache2/sites-enabled") if name not in usual]}


def broker_data(root: Path) -> Facts:
    """Names of the nodes of a RabbitMQ that the role rabbitmq has not configured, whose data it would leave aside."""
    try:
        text = (root / "etc/rabbitmq/rabbitmq-env.conf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    data = root / "var/lib/rabbitmq/mnesia"
    # Beside the directory of a node are one for its plugins, and files.
    names = [name for name in _names(data) if "@" in name and (data / name).is_dir() and not name.endswith("-plugins-expand")]
    return {"broker_data": [] if OUR_BROKER in text else names}


def node_state(root: Path, run: Run, privileged: bool) -> Facts:
    """All of it, each time: a fact that was left out might come from a cache of facts."""
    facts: Facts = {"listening": [], "database_login": "", **time_sync(root), **apache_sites(root), **broker_data(root)}
    code, out, _err = run(SOCKETS)
    if code == 0:
        facts |= listening(out)
    if privileged:
        facts |= database_login(root, run)
    # The last, so that it is as near as possible to the moment in which the control machine gets the answer.
    return facts | clock()
