# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups: what a rule lets in comes in, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.instances import Instance, port_of
from support.project import Project
from support.waiting import wait_for

pytestmark = pytest.mark.journal(compute=["neutron-openvswitch-agent"], controller=["neutron-rpc-server"])

PORT = 8080
OTHERS = (21, 23, 80, 443, 3389)


@pytest.fixture
def listening(one: Instance) -> Iterator[Instance]:
    """Somebody listens on PORT inside: a second SSH server."""
    one.says(f"dropbear -r /etc/dropbear/host_ed25519 -s -p {PORT} -P /run/behaviour.pid")
    assert one.says("nc -w 5 127.0.0.1 %s </dev/null | head -n 1", str(PORT)).startswith("SSH-2.0-dropbear")
    yield one
    one.says("kill $(cat /run/behaviour.pid)")


def test_port_is_open_as_long_as_a_rule_says_so(project: Project, listening: Instance) -> None:
    address = listening.address
    with ThreadPoolExecutor() as pool:
        seen = dict(zip((22, PORT, *OTHERS), pool.map(lambda port: port_of(address, port), (22, PORT, *OTHERS)), strict=True))
    print(f"with rules for ping and port 22: {seen}")
    # Not even a refusal of the instance comes back from a port that no rule names.
    assert seen == {22: "open", PORT: "silent"} | dict.fromkeys(OTHERS, "silent")

    rule = project.let_in(protocol="tcp", port=PORT)
    try:
        wait_for(f"port {PORT} with a rule", lambda: port_of(address, PORT), lambda state: state == "open")
        print(f"with a rule for {PORT}: {PORT} is open, 80 is {port_of(address, 80)}")
        assert port_of(address, 80) == "silent"
    finally:
        project.cloud.network.delete_security_group_rule(rule)
    wait_for(f"port {PORT} without the rule", lambda: port_of(address, PORT), lambda state: state == "silent")
    print(f"rule removed: {PORT} is silent again, 22 is {port_of(address, 22)}")
    assert port_of(address, 22) == "open"
