# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed, a node that loses its power, a disk that is full: the run after that repairs what they left.

Part of `make test-full`, as it takes more than an hour. The tasks are chosen by chance; MIKUMO_SEED repeats a choice.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.waiting import wait_for

from .conftest import ROOT, Make, OnNode

pytestmark = pytest.mark.full

SEED = int(os.environ.get("MIKUMO_SEED") or random.SystemRandom().randrange(10**6))
ROUNDS = 10
# About as many as a first run has; a round that ends before its task was not interrupted, and says so.
TASKS = 150
Changed = Callable[[str], dict[str, int]]


def family(pid: int) -> list[int]:
    """A process and all that it has started. Ansible's workers have sessions of their own, and no signal reaches them all."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(word) for word in children.read_text().split()]
    return found


class Run:
    """One site.yml, to be killed."""

    def __init__(self) -> None:
        self.tasks: list[str] = []
        command = ["ansible-playbook", "-i", "inventories/lab/hosts.yml", "playbooks/site.yml"]
        self.output = ""
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        # Whatever the test waits for, a run whose output nobody reads would stand still.
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output += line
            begins = re.match(r"TASK \[(.*)\] \**$", line)
            if begins:
                self.tasks.append(begins[1])

    def until(self, reached: Callable[[list[str]], bool]) -> bool:
        """Waits until this is true of the tasks that have begun. False if the run ended before."""
        goes_on = True
        while not reached(self.tasks):
            if not goes_on:
                return False
            time.sleep(0.05)
            # Asked before the tasks are looked at again, so that none of the last ones is missed.
            goes_on = self.reader.is_alive()
        return True

    def wait(self) -> int:
        """Exit status, when all of the output has been read."""
        self.reader.join(timeout=1800)
        if self.reader.is_alive():
            self.kill()
            pytest.fail(f"the run has not ended in half an hour:\n{self.output[-6000:]}", pytrace=False)
        return self.process.wait()

    def kill(self) -> str:
        """SIGKILL for Ansible, its workers and its connections. What they started on the nodes goes on or ends by itself."""
        for pid in family(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.reader.join(timeout=60)
        assert not self.reader.is_alive(), "something that the run started still has its output open after the kill"
        self.process.wait()
        return f"killed at task {len(self.tasks)}, {self.tasks[-1] if self.tasks else 'before the first'}"


@pytest.fixture
def new_lab(make: Make) -> None:
    make("lab-down")
    make("lab-up")


@pytest.fixture
def converges(make: Make, changed: Changed) -> Callable[[], None]:
    """One run repairs, the next one has nothing to do, and the cloud works."""

    def check() -> None:
        make("site")
        assert changed(make("site", "--diff")) == {}
        make("resources")
        make("verify")

    return check


def when_seen(find: str, kill: str, seconds: float) -> str:
    """For a node: waits until pgrep finds something, gives it some time, and kills."""
    return f"for i in $(seq 3000); do pgrep {find} >/dev/null && break; sleep 0.1; done; sleep {seconds}; pkill -9 {kill}"


def test_killed_at_ten_tasks(new_lab: None, converges: Callable[[], None]) -> None:
    chance = random.Random(SEED)  # noqa: S311
    print(f"seed {SEED}: MIKUMO_SEED={SEED} makes the same choice")
    for number in range(1, ROUNDS + 1):
        task, moment = chance.randrange(1, TASKS), chance.uniform(0, 3)
        run = Run()
        if run.until(lambda tasks, task=task: len(tasks) >= task):
            time.sleep(moment)
            print(f"round {number}: {moment:.1f} s after its begin, {run.kill()}", flush=True)
        else:
            assert run.wait() == 0, run.output[-6000:]
            print(f"round {number}: the run had ended before task {task}", flush=True)
    converges()


# What is killed on the node as well: the worst moment is one in which nobody is left who could tidy up.
COMMANDS = {
    "schema of Keystone": "keystone-manage db_sync",
    "bootstrap of Keystone": "keystone-manage bootstrap",
    "schema of Nova's API": "nova-manage api_db sync",
    "schemas of Nova's cells": "nova-manage db sync",
    "schema of Neutron": "neutron-db-manage",
}


def test_killed_with_what_it_runs_on_the_node(new_lab: None, on_node: OnNode, converges: Callable[[], None]) -> None:
    for what, command in COMMANDS.items():
        run = Run()
        # The bracket keeps the search from finding itself.
        pattern = f"[{command[0]}]{command[1:]}"
        try:
            on_node("controller", when_seen(f"-f '{pattern}'", f"-f '{pattern}'", 2))
        finally:
            print(f"{what}: {run.kill()}", flush=True)
    converges()


def test_killed_in_the_middle_of_a_package_transaction(make: Make, on_node: OnNode, converges: Callable[[], None]) -> None:
    make("lab-down")
    make("lab-up", "-e '{lab_image_packages: []}'")
    run = Run()
    on_node("controller", when_seen("-f '[d]pkg .*--unpack'", "-x 'dpkg|apt-get'", 1))
    print(run.kill())
    assert (
        on_node("controller", "dpkg-query --show --showformat='${db:Status-Status}\\n' | grep -cE 'half|unpacked'").strip() != "0"
    )
    converges()


def test_killed_while_an_image_is_uploaded(make: Make, changed: Changed) -> None:
    """On the cloud of the test before."""
    make("resources")
    image = "/var/tmp/mikumo-large.raw"
    with open(image, "wb") as stream:  # noqa: PTH123
        stream.truncate(512 << 20)
    images = f"-e '{{resources_images: [{{name: large, file: {image}, disk_format: raw}}]}}'"
    process = subprocess.Popen(
        ["make", "resources", f"ARGS={images}"], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    openstack = ["openstack", "--os-cloud", "mikumo", "image", "list", "--all", "-f", "value"]

    def uploading() -> bool:
        return "large.uploading saving" in subprocess.run(openstack, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    try:
        wait_for("the upload goes on", uploading)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        make("resources", images)
        assert changed(make("resources", images)) == {}
        listed = subprocess.run(openstack, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert "large active" in listed
        assert "uploading" not in listed
    finally:
        os.unlink(image)  # noqa: PTH108
        subprocess.run(["openstack", "--os-cloud", "mikumo", "image", "delete", "large"], cwd=ROOT, check=False)


def test_a_node_loses_its_power(new_lab: None, make: Make, converges: Callable[[], None]) -> None:
    run = Run()
    assert run.until(lambda tasks: sum("of nova" in task for task in tasks) > 1)
    power(make, "compute", "killed")
    assert run.wait() != 0
    assert re.search(r"^compute .*unreachable=1", run.output, re.MULTILINE), run.output[-6000:]
    # It stops none of the others, whose cloud becomes complete without it. The status is Ansible's for such a run.
    without = Run()
    assert without.wait() == 4, without.output[-6000:]
    assert "The run goes on without compute." in without.output
    assert "compute did not take part or failed, see above." in without.output
    assert not re.search(r"^(controller|network) .*(unreachable|failed)=[1-9]", without.output, re.MULTILINE)
    power(make, "compute", "on")
    converges()


def power(make: Make, node: str, state: str) -> None:
    subprocess.run(
        ["ansible-playbook", "playbooks/lab_power.yml", "-e", f"lab_power_node={node}", "-e", f"lab_power_state={state}"],
        cwd=ROOT,
        check=True,
    )


def test_the_controllers_disk_is_full(make: Make, on_node: OnNode, converges: Callable[[], None]) -> None:
    """On the cloud of the test before: nothing can be written, a setting is changed, and there is room again."""
    setting = "--tags glance -e '{glance_config: {DEFAULT: {image_member_quota: 129}}}'"
    before = on_node("controller", "sha256sum /etc/glance/glance-api.conf")
    on_node("controller", "fallocate --length 100G /full 2>/dev/null || dd if=/dev/zero of=/full bs=1M 2>/dev/null; sync; true")
    try:
        assert on_node("controller", "df --output=avail / | tail -n 1").split()[-1] == "0"
        assert "has 0.0 GiB left" in make("site", setting, check=False), "this is to be seen before anything is touched"
        # And if it fills up later:
        assert "No space left on device" in make("site", f"{setting} -e preflight_free_gb=0", check=False)
        assert on_node("controller", "sha256sum /etc/glance/glance-api.conf") == before, "half a file"
    finally:
        on_node("controller", "rm -f /full")
    # A full disk takes MariaDB down sooner or later. What the tag leaves of the run does not start it, and has to wait for it.
    on_node("controller", "systemctl kill --signal=KILL mariadb.service")
    make("site", setting)
    converges()
