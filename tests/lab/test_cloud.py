# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud from nothing to an instance with its volume, and what has to stay true afterwards. The order matters."""

from __future__ import annotations

import http.cookiejar
import re
import ssl
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

import openstack
import pytest
import yaml
from support.waiting import wait_for

from .conftest import NODES, changed_tasks

ROOT = Path(__file__).resolve().parents[2]

Make = Callable[..., str]
OnNode = Callable[..., str]
Changed = Callable[[str], dict[str, int]]
StartTimes = Callable[[], dict[str, str]]


# past the guest's cache
READ_VOLUME = "echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/vdb bs=512 count=1 2>/dev/null | tr -d '\\000'"


@pytest.fixture
def address(cloud: openstack.connection.Connection) -> str:
    """Floating address of the instance that `make verify` left."""
    return str(cloud.get_server("verify").public_v4)


@pytest.fixture
def written(address: str) -> str:
    """What that instance has on its volume."""
    text = in_instance(address, READ_VOLUME)
    assert text.startswith("mikumo-")
    return text


def in_instance(address: str, command: str) -> str:
    """What a command prints inside of the instance; nothing if it cannot be reached."""
    key = Path.home() / ".cache/mikumo/verify_mikumo-demo"
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=5", "BatchMode=yes")
    ssh = ["ssh", "-i", str(key), *(word for option in options for word in ("-o", option)), f"root@{address}", command]
    return subprocess.run(ssh, capture_output=True, text=True, timeout=60, check=False).stdout


def wait_for_volume(address: str, text: str) -> None:
    wait_for(
        "the instance answers and has its volume",
        lambda: in_instance(address, READ_VOLUME),
        lambda seen: seen == text,
        seconds=300,
    )


# What somebody else may have done before the first run comes to it: the preflight of `watch`, and Nova's scheduler.
DONE_BY_OTHERS = {
    "mikumo.openstack.secrets : Generate the secrets that the inventory lacks",
    "mikumo.openstack.nova : discover | Map the compute hosts into the cells",
}


@pytest.fixture(scope="module")
def predicted(make: Make, changed: Changed) -> set[tuple[str, str]]:
    """The tasks that check mode on empty nodes says will change something."""
    output = make("site", "--check --diff")
    assert changed(output)["controller"] > 20, "check mode on an empty node has to predict what will be done"
    return changed_tasks(output)


def test_first_run_does_what_check_mode_predicted(
    predicted: set[tuple[str, str]], make: Make, changed: Changed, watch: Callable[[], None]
) -> None:
    watch()
    output = make("site", "-vvv --diff")
    assert set(changed(output)) == {"controller", "network", "compute"}
    done = changed_tasks(output)
    assert done - predicted == set()
    assert {name for _host, name in predicted - done} <= DONE_BY_OTHERS


def test_resources(make: Make) -> None:
    make("resources")


def test_second_run_of_resources_changes_nothing(make: Make, changed: Changed) -> None:
    assert changed(make("resources")) == {}


def test_instance_answers_and_writes_to_its_volume(make: Make) -> None:
    output = make("verify", "-e verify_keep=true")
    assert "answers over SSH on its floating address 198.51.100." in output
    assert "holds what was written from inside: mikumo-" in output


def test_second_run_changes_and_restarts_nothing(make: Make, changed: Changed, start_times: StartTimes) -> None:
    before = start_times()
    assert len(before) > 25, f"the cloud's units have to be running: {sorted(before)}"
    assert changed(make("site", "--diff")) == {}
    assert start_times() == before


def test_check_mode_on_the_finished_cloud(make: Make, changed: Changed) -> None:
    assert changed(make("site", "--check --diff")) == {}


# It boots an instance once more, for minutes; the reboot below does so too.
@pytest.mark.full
def test_instance_that_turns_itself_off_is_seen(cloud: openstack.connection.Connection, address: str, written: str) -> None:
    """The compute service was new to the cloud when it started, and gets libvirt's events all the same."""
    server = cloud.compute.find_server("verify", ignore_missing=False)
    in_instance(address, "{ sleep 1; poweroff -f; } </dev/null >/dev/null 2>&1 &")
    # Nova waits 15 seconds, for it might be a reboot. Without events it looks once in ten minutes.
    wait_for(
        "Nova sees that the instance is off", lambda: cloud.compute.get_server(server).status, lambda status: status == "SHUTOFF"
    )
    cloud.compute.start_server(server)
    wait_for_volume(address, written)


def test_secrets_are_private() -> None:
    for path in (ROOT / "clouds.yaml", ROOT / "inventories/lab/group_vars/all/secrets.yml"):
        assert path.stat().st_mode & 0o777 == 0o600


def test_administrator_logs_in_to_horizon() -> None:
    cloud = yaml.safe_load((ROOT / "clouds.yaml").read_text())["clouds"]["mikumo"]
    browser = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=cloud["cacert"])),
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
    )
    # Who types the name alone gets there as well.
    assert browser.open("http://10.0.0.11/", timeout=120).geturl().startswith("https://10.0.0.11/horizon/")
    url = "https://10.0.0.11/horizon/auth/login/"
    page = browser.open(url, timeout=120).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    region = re.search(r'name="region" value="([^"]+)"', page)
    assert token
    assert 'name="password"' in page
    form = {
        "csrfmiddlewaretoken": token[1],
        "username": "admin",
        "password": cloud["auth"]["password"],
        "region": region[1] if region else "default",
        "next": "/horizon/identity/",
    }

    def log_in(fields: dict[str, str]) -> str:
        request = urllib.request.Request(url, urllib.parse.urlencode(fields).encode(), {"Referer": url})
        answer = browser.open(request, timeout=300)
        return f"{answer.geturl()}\n{answer.read().decode()}"

    assert "/auth/login" in log_in({**form, "password": "wrong"}).splitlines()[0]
    page = browser.open(url, timeout=120).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    inside = log_in({**form, "csrfmiddlewaretoken": token[1]})
    assert "/horizon/identity/" in inside.splitlines()[0]
    assert "Sign Out" in inside or "Log Out" in inside


@pytest.mark.parametrize(("node", "unit"), [("controller", "neutron-periodic-workers"), ("compute", "nova-compute")])
def test_service_that_ends_comes_back(node: str, unit: str, on_node: OnNode) -> None:
    """They can end with status 0 when something failed, as they do when they are asked to."""

    def process() -> str:
        shown = on_node(node, f"systemctl show --property=MainPID,ActiveState {unit}")
        return shown if "ActiveState=active" in shown else ""

    before = process()
    assert before
    on_node(node, f"systemctl kill --kill-whom=main --signal=TERM {unit}")
    wait_for(
        f"{unit} comes back",
        process,
        lambda shown: shown not in ("", before),
        explain=lambda: on_node(node, f"journalctl --no-pager -n 30 -u {unit}"),
    )


@pytest.mark.parametrize(
    "nodes",
    # As after a cut of the power. One at a time, each has the others to lose its connections to.
    [NODES, *(pytest.param((node,), marks=pytest.mark.full) for node in ("network", "compute", "controller"))],
    ids="-".join,
)
def test_cloud_works_after_reboot(nodes: tuple[str, ...], make: Make, on_node: OnNode, address: str, written: str) -> None:
    def boot(node: str) -> str:
        lines = on_node(node, "cat /proc/sys/kernel/random/boot_id", check=False).splitlines()
        return lines[-1] if lines and re.fullmatch(r"[0-9a-f-]{36}", lines[-1]) else ""

    before = {node: boot(node) for node in nodes}
    assert all(before.values())
    for node in nodes:
        on_node(node, "systemctl reboot", check=False)
    # A node boots in seconds; what takes time is the end of the services that do not stop when they are asked to.
    for node in nodes:
        wait_for(f"{node} comes back", partial(boot, node), lambda seen, node=node: seen not in ("", before[node]), seconds=180)
    # Nobody helps: this only waits until every service reports itself.
    make("ready")
    # The instance from before answers again and has its volume.
    wait_for_volume(address, written)


# The behaviour tests boot instances as well.
@pytest.mark.full
def test_new_instances_can_be_had_after_reboots(make: Make) -> None:
    make("verify", "-e verify_name=after")


@pytest.mark.full
def test_run_after_reboots_changes_nothing(make: Make, changed: Changed) -> None:
    assert changed(make("site", "--diff")) == {}
