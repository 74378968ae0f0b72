# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._dpkg import (
    LockedError,
    by_state,
    forgotten_policy,
    nobody_installs,
)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("", ([], [])),
        ("installed nova-api\ninstalled bash\n", (["bash", "nova-api"], [])),
        ("config-files tgt\nnot-installed heat-api\n", ([], [])),
        ("unpacked tgt\nhalf-configured nova-api\ninstalled bash\n", (["bash"], ["nova-api", "tgt"])),
        ("triggers-pending man-db\ntriggers-awaited libc-bin\nhalf-installed tgt\n", ([], ["libc-bin", "man-db", "tgt"])),
        ("installed libc6\nunpacked libc6\n", ([], ["libc6"])),
    ],
)
def test_states(output, expected):
    assert by_state(output) == expected


HOLDER = """
import fcntl, sys
with open(sys.argv[1], "wb") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["lock-frontend", "lock"])
def test_others_are_waited_for(tmp_path, name):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / name)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "locked\n"
    with pytest.raises(LockedError, match=f"{name} has been locked for 0 seconds"), nobody_installs(tmp_path, 0):
        pass
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        other.communicate("")

    with nobody_installs(tmp_path, 60, sleep=sleep):
        assert waits == [1]


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, False), ("#!/bin/sh\nexit 101\n", True), ("#!/bin/sh\n# no services here\nexit 101\n", False)],
)
def test_policy_of_a_killed_apt_is_known_from_the_administrators(tmp_path, content, expected):
    path = tmp_path / "policy-rc.d"
    if content is not None:
        path.write_text(content)
    assert forgotten_policy(path) is expected
