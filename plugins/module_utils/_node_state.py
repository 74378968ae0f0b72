# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a node: listening TCP sockets, time synchronization, and whether MariaDB accepts root.

root: directory of the node's files, for tests.
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

# The kernel knows the control group of each socket, and therefore the unit. Looking up the process takes twice as long and needs
# root privileges.
SOCKETS = ("ss", "--no-header", "--tcp", "--listening", "--numeric", "--cgroup")
GROUP = re.compile(r"\bcgroup:(?P<path>/\S*)")
CHRONY = "chrony.service"
CHRONY_CONFIG = "etc/chrony/chrony.conf"
CHRONY_STARTED = "run/chrony/chronyd.pid"
CHRONY_MARK = "# Managed by Ansible (mikumo.openstack.time_sync)."
# Units that adjust the clock, from Debian's packages or from the guest tools of a virtualization platform.
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
# A server with this file has the configuration of the role mariadb. The role logged in as root before it wrote the file.
OUR_DATABASE = "etc/mysql/mariadb.conf.d/90-openstack.cnf"
# Sites of Apache that Debian's packages enable, and ours.
USUAL_SITES = frozenset({"000-default.conf", "horizon.conf", "openstack-dashboard.conf", "openstack-dashboard-alias-only.conf"})
DEFAULT_SSL = "default-ssl.conf"
OUR_BROKER = "# Managed by Ansible (mikumo.openstack.rabbitmq)."


def clock() -> Facts:
    return {"epoch": time.time()}


def unit_of(line: str) -> str | None:
    """Return the unit of a socket. Empty if it belongs to none, None if the kernel does not report it."""
    group = GROUP.search(line)
    if group is None:
        return None
    names = [name for name in group["path"].split("/") if name.endswith((".service", ".socket", ".scope"))]
    return names[-1] if names else ""


def listening(output: str) -> Facts:
    """Return the listening sockets from the output of `ss`."""
    found: list[dict[str, Any]] = []
    for line in output.splitlines():
        columns = line.split()
        if len(columns) < 4 or columns[0] != "LISTEN":
            continue
        address, _colon, port = columns[3].rpartition(":")
        if port.isdigit():
            # An interface may follow after %, and IPv6 addresses are in brackets.
            found.append({"port": int(port), "address": address.split("%")[0].strip("[]"), "unit": unit_of(line)})
    return {"listening": found}


def time_sync(root: Path) -> Facts:
    """Return the running units that adjust the clock, and the chrony configuration from the role time_sync."""
    # A unit has a control group as long as it has a process.
    slices = root / "sys/fs/cgroup/system.slice"
    daemons = [unit for unit in TIME_UNITS if (slices / unit).is_dir()]
    config, started = root / CHRONY_CONFIG, root / CHRONY_STARTED
    try:
        text = config.read_text(encoding="utf-8", errors="replace")
        # chronyd writes its PID file when it starts.
        current = CHRONY in daemons and started.stat().st_mtime_ns >= config.stat().st_mtime_ns
    except OSError:
        text, current = "", False
    ours = text.startswith(CHRONY_MARK)
    others = [unit for unit in daemons if unit != CHRONY or not ours]
    return {"time_sync": {"others": others, "config": text if ours else "", "current": ours and current}}


def database_login(root: Path, run: Run) -> Facts:
    """Return why a MariaDB or MySQL from another source rejects root. Empty if it accepts root, or if there is none."""
    path = root / DATABASE_SOCKET
    try:
        if (root / OUR_DATABASE).exists() or not stat.S_ISSOCK(path.stat().st_mode):
            return {"database_login": ""}
    except OSError:
        return {"database_login": ""}
    command = ["mysql", f"--socket={path}", "--connect-timeout=5", "--batch", "--execute=SELECT 1"]
    code, _out, err = run(command)
    # Without a client on the node, the server's accounts cannot be checked.
    return {"database_login": "" if code in (0, NOT_FOUND) else err.strip() or f"status {code}"}


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir())
    except OSError:
        return []


def apache_sites(root: Path) -> Facts:
    """Return Apache sites from other sources."""
    # The dashboard's package enables this site but not the module ssl. If the module is enabled, an administrator wants the site.
    usual = USUAL_SITES if (root / "etc/apache2/mods-enabled/ssl.load").exists() else USUAL_SITES | {DEFAULT_SSL}
    return {"apache_sites": [name for name in _names(root / "etc/apache2/sites-enabled") if name not in usual]}


def broker_data(root: Path) -> Facts:
    """Return the node names of a RabbitMQ that the role rabbitmq did not configure. The role would abandon their data."""
    try:
        text = (root / "etc/rabbitmq/rabbitmq-env.conf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    data = root / "var/lib/rabbitmq/mnesia"
    # Next to the directory of a node there are one for its plugins, and files.
    names = [name for name in _names(data) if "@" in name and (data / name).is_dir() and not name.endswith("-plugins-expand")]
    return {"broker_data": [] if OUR_BROKER in text else names}


def node_state(root: Path, run: Run, privileged: bool) -> Facts:
    """Return all facts every time: a fact cache could fill in an outdated value for an omitted fact."""
    facts: Facts = {"listening": [], "database_login": "", **time_sync(root), **apache_sites(root), **broker_data(root)}
    code, out, _err = run(SOCKETS)
    if code == 0:
        facts |= listening(out)
    if privileged:
        facts |= database_login(root, run)
    # Read the clock last, as close as possible to the moment when the control node receives the answer.
    return facts | clock()
