# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a node: from the output of commands, and from this machine."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from ansible_collections.mikumo.openstack.plugins.module_utils import _node_state as node_state
from ansible_collections.mikumo.openstack.plugins.module_utils._commands import NOT_FOUND, run

ROOT = Path(__file__).resolve().parents[2]
ANY = "0.0.0.0"  # noqa: S104
# The first lines were written by a node of the lab.
SS = """\
LISTEN 0      100      0.0.0.0:5000  0.0.0.0:* cgroup:/system.slice/keystone.service
LISTEN 0      128    10.0.0.11:5672  0.0.0.0:* cgroup:/system.slice/rabbitmq-server.service
LISTEN 0      128         [::]:22       [::]:* cgroup:/system.slice/ssh.service
LISTEN 0      4096           *:4369        *:* cgroup:/system.slice/epmd.socket
LISTEN 0      4096 127.0.0.53%lo:53  0.0.0.0:* cgroup:/system.slice/systemd-resolved.service
LISTEN 0      5          [::1]:8000     [::]:* cgroup:/user.slice/user-1000.slice/session-3.scope
LISTEN 0      5              *:80          *:* cgroup:/user.slice/user-1000.slice/user@1000.service/app.slice/web.service
LISTEN 0      5              *:81          *:* cgroup:/
LISTEN 0      5              *:82          *:* cgroup:unreachable:1f3
LISTEN 0      5              *:83          *:*
"""


def test_who_listens() -> None:
    found = node_state.listening(SS)["listening"]
    assert [(one["port"], one["address"], one["unit"]) for one in found] == [
        (5000, ANY, "keystone.service"),
        (5672, "10.0.0.11", "rabbitmq-server.service"),
        (22, "::", "ssh.service"),
        (4369, "*", "epmd.socket"),
        (53, "127.0.0.53", "systemd-resolved.service"),
        (8000, "::1", "session-3.scope"),
        (80, "*", "web.service"),
        (81, "*", ""),
        (82, "*", None),
        (83, "*", None),
    ]


def time_sync(root: Path) -> tuple[list[str], bool, bool]:
    found = node_state.time_sync(root)["time_sync"]
    return found["others"], bool(found["config"]), found["current"]


def test_what_keeps_the_clock(tmp_path: Path) -> None:
    assert time_sync(tmp_path) == ([], False, False)
    for unit in ("ntpsec.service", "cron.service"):
        (tmp_path / "sys/fs/cgroup/system.slice" / unit).mkdir(parents=True)
    assert time_sync(tmp_path) == (["ntpsec.service"], False, False)


def test_whose_chrony_it_is(tmp_path: Path) -> None:
    slices, config, started = (
        tmp_path / name for name in ("sys/fs/cgroup/system.slice", "etc/chrony/chrony.conf", "run/chrony/chronyd.pid")
    )
    for path in (config, started):
        path.parent.mkdir(parents=True)
    config.write_text("pool 2.debian.pool.ntp.org iburst\n")
    (slices / "chrony.service").mkdir(parents=True)
    started.write_text("700\n")
    assert time_sync(tmp_path) == (["chrony.service"], False, False)

    config.write_text(f"{node_state.CHRONY_MARK}\nport 0\n")
    os.utime(config, (100, 100))
    os.utime(started, (200, 200))
    assert time_sync(tmp_path) == ([], True, True)
    # a run was killed after it had written the file, and before it restarted the unit
    os.utime(config, (300, 300))
    assert time_sync(tmp_path) == ([], True, False)
    os.utime(config, (100, 100))
    (slices / "chrony.service").rmdir()
    assert time_sync(tmp_path) == ([], True, False)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A root directory with the socket of a database server. Its path is short enough for a socket."""
    (tmp_path / "run/mysqld").mkdir(parents=True)
    here = Path.cwd()
    os.chdir(tmp_path / "run/mysqld")
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("mysqld.sock")
    finally:
        os.chdir(here)
    return tmp_path


def test_database_login(database: Path) -> None:
    asked: list[Sequence[str]] = []

    def answer(code: int, err: str) -> node_state.Run:
        def run(command: Sequence[str]) -> tuple[int, str, str]:
            asked.append(command)
            return code, "", err

        return run

    assert node_state.database_login(database, answer(0, "")) == {"database_login": ""}
    refused = "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: NO)"
    assert node_state.database_login(database, answer(1, f"{refused}\n")) == {"database_login": refused}
    # our own server is not asked
    ours = database / node_state.OUR_DATABASE
    ours.parent.mkdir(parents=True)
    ours.write_text("")
    assert node_state.database_login(database, answer(1, refused)) == {"database_login": ""}
    assert len(asked) == 2


def test_no_database(tmp_path: Path) -> None:
    def run(command: Sequence[str]) -> tuple[int, str, str]:
        raise AssertionError(command)

    assert node_state.database_login(tmp_path, run) == {"database_login": ""}


def test_a_server_without_its_client_says_nothing(database: Path) -> None:
    def run(command: Sequence[str]) -> tuple[int, str, str]:
        return NOT_FOUND, "", f"{command[0]}: No such file or directory"

    assert node_state.database_login(database, run) == {"database_login": ""}


def test_sites_of_apache(tmp_path: Path) -> None:
    assert node_state.apache_sites(tmp_path) == {"apache_sites": []}
    enabled, modules = tmp_path / "etc/apache2/sites-enabled", tmp_path / "etc/apache2/mods-enabled"
    for directory in (enabled, modules):
        directory.mkdir(parents=True)
    for name in ("000-default.conf", "default-ssl.conf", "horizon.conf", "shop.conf"):
        (enabled / name).touch()
    assert node_state.apache_sites(tmp_path) == {"apache_sites": ["shop.conf"]}
    (modules / "ssl.load").touch()
    assert node_state.apache_sites(tmp_path) == {"apache_sites": ["default-ssl.conf", "shop.conf"]}


def test_data_of_a_broker(tmp_path: Path) -> None:
    assert node_state.broker_data(tmp_path) == {"broker_data": []}
    for name in ("rabbit@shop", "rabbit@shop-plugins-expand"):
        (tmp_path / "var/lib/rabbitmq/mnesia" / name).mkdir(parents=True)
    (tmp_path / "var/lib/rabbitmq/mnesia/rabbit@shop-feature_flags").touch()
    assert node_state.broker_data(tmp_path) == {"broker_data": ["rabbit@shop"]}
    # once it is ours, what it left aside is nobody's any more
    (tmp_path / "etc/rabbitmq").mkdir(parents=True)
    (tmp_path / "etc/rabbitmq/rabbitmq-env.conf").write_text(f"{node_state.OUR_BROKER}\nNODENAME=rabbit@localhost\n")
    assert node_state.broker_data(tmp_path) == {"broker_data": []}


def test_the_role_rabbitmq_marks_its_file() -> None:
    assert node_state.OUR_BROKER in (ROOT / "roles/rabbitmq/vars/main.yml").read_text()


@pytest.mark.skipif(shutil.which("ss") is None, reason="this machine has no ss (iproute2)")
def test_this_machine_says_who_listens() -> None:
    before = time.time()
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        facts = node_state.node_state(Path("/"), run, privileged=False)
    (found,) = [one for one in facts["listening"] if one["port"] == number]
    assert found["address"] == "127.0.0.1"
    assert before <= facts["epoch"] <= time.time()


def test_a_machine_without_ss() -> None:
    def run(command: Sequence[str]) -> tuple[int, str, str]:
        return NOT_FOUND, "", f"{command[0]}: No such file or directory"

    facts = node_state.node_state(Path("/nowhere"), run, privileged=True)
    assert sorted(facts) == ["apache_sites", "broker_data", "database_login", "epoch", "listening", "time_sync"]
    assert facts["listening"] == []


def test_the_role_time_sync_marks_its_file() -> None:
    variables = yaml.safe_load((ROOT / "roles/time_sync/vars/main.yml").read_text())
    assert variables["__time_sync_config"].splitlines()[0] == node_state.CHRONY_MARK
    # what the role stops are daemons that the facts know
    assert set(variables["__time_sync_daemons"]) < set(node_state.TIME_UNITS)
