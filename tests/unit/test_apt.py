# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt says, made into one message."""

from __future__ import annotations

import pytest

from ansible_collections.mikumo.openstack.plugins.filter.apt_problem import apt_problem
from ansible_collections.mikumo.openstack.plugins.plugin_utils._apt import failed_sources

# Written by apt 2.6 and 3.0.
TRANSIENT = """\
W: Failed to fetch http://no-such-host.invalid/debian/dists/trixie/InRelease  Could not resolve 'no-such-host.invalid'
W: Failed to fetch http://127.0.0.1:9/vendor/dists/stable/InRelease  Could not connect to 127.0.0.1:9
W: Some index files failed to download. They have been ignored, or old ones used instead.
"""
MISSING = """\
E: The repository 'https://vendor.example.org/debian trixie Release' does not have a Release file.
N: Updating from such a repository can't be done securely, and is therefore disabled by default.
"""
UNSIGNED = """\
W: GPG error: https://vendor.example.org trixie InRelease: The signatures couldn't be checked: NO_PUBKEY 0123456789ABCDEF
E: The repository 'https://vendor.example.org trixie InRelease' is not signed.
"""
UNREADABLE = """\
E: Type 'dbe' is not known on line 1 in source list /etc/apt/sources.list.d/vendor.list
E: The list of sources could not be read.
"""
CLOCK = (
    "E: Release file for http://deb.example.org/debian/dists/trixie/InRelease is not valid yet (invalid for another 2h 3min 1s). "
    "Updates for this repository will not be applied.\n"
)
LOCKED = """\
E: Could not get lock /var/lib/apt/lists/lock. It is held by process 712 (apt-get)
E: Unable to lock directory /var/lib/apt/lists/
"""
HARMLESS = """\
W: Target Packages (main/binary-amd64/Packages) is configured multiple times in /etc/apt/a:1 and /etc/apt/b:1
N: Skipping acquire of configured file 'main/binary-i386/Packages'
"""


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ("", []),
        (HARMLESS, []),
        (TRANSIENT, ["no-such-host.invalid/debian/dists/trixie/InRelease Could not resolve", "127.0.0.1:9/vendor"]),
        (MISSING, ["'https://vendor.example.org/debian trixie Release' does not have a Release file"]),
        (UNSIGNED, ["NO_PUBKEY 0123456789ABCDEF", "is not signed"]),
        (UNREADABLE, ["line 1 in source list /etc/apt/sources.list.d/vendor.list", "could not be read"]),
        (CLOCK, ["is not valid yet"]),
        (LOCKED, ["held by process 712", "Unable to lock"]),
        (TRANSIENT + TRANSIENT, ["no-such-host", "vendor"]),
    ],
)
def test_sources_that_fail(errors: str, expected: list[str]) -> None:
    found = failed_sources(errors)
    assert len(found) == len(expected)
    assert [word for word, line in zip(expected, found, strict=True) if word not in line] == []


@pytest.mark.parametrize(
    ("options", "words", "others"),
    [
        (
            {"errors": TRANSIENT},
            ["no-such-host.invalid", "/etc/apt/sources.list.d", "Acquire::http::Proxy"],
            ["on hold", "Check mode"],
        ),
        ({"held": ["libvirt0", "qemu-system-x86"]}, ["libvirt0, qemu-system-x86", "apt-mark unhold"], ["package sources"]),
        ({"check_mode": True}, ["Check mode", "apt-get update"], ["on hold"]),
        ({}, ["run the playbook again"], ["on hold", "package sources fail"]),
    ],
)
def test_one_message(options: dict[str, object], words: list[str], others: list[str]) -> None:
    text = apt_problem("No package matching 'chrony' is available", **options)
    words = ["Packages cannot be installed. No package matching 'chrony' is available", *words]
    assert [word for word in words if word not in text] == []
    assert [word for word in others if word in text] == []
