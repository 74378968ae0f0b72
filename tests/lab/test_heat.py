# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Heat is added to the running cloud: a stack boots a server and is deleted again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import openstack
import pytest
from support.waiting import wait_for

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = {
    "heat_template_version": "2021-04-16",
    "resources": {
        "port": {"type": "OS::Neutron::Port", "properties": {"network": "demo"}},
        "server": {
            "type": "OS::Nova::Server",
            "properties": {
                "image": "mikumo-guest",
                "flavor": "m1.nano",
                "networks": [{"port": {"get_resource": "port"}}],
            },
        },
    },
    "outputs": {"address": {"value": {"get_attr": ["server", "first_address"]}}},
}


@pytest.fixture(scope="module")
def heat(make: Callable[..., str], changed: Callable[[str], dict[str, int]]) -> None:
    """The service in the cloud. A second run has nothing to do."""
    services = json.dumps({"cloud_services": ["keystone", "glance", "placement", "nova", "neutron", "cinder", "heat", "horizon"]})
    arguments = f"--tags heat,catalog -e '{services}'"
    make("site", arguments)
    assert changed(make("site", arguments)) == {}


def test_stack_boots_a_server(heat: None, cloud: openstack.connection.Connection) -> None:
    stack = cloud.orchestration.create_stack(name="mikumo-test", template=TEMPLATE, parameters={}, timeout_mins=10)
    try:
        stack = wait_for(
            "the stack is there",
            lambda: cloud.orchestration.get_stack(stack.id),
            lambda stack: stack.status != "CREATE_IN_PROGRESS",
            seconds=420,
        )
        assert stack.status == "CREATE_COMPLETE", stack.status_reason
        address = next(output["output_value"] for output in stack.outputs if output["output_key"] == "address")
        servers = [server for server in cloud.compute.servers() if server.name.startswith("mikumo-test-server-")]
        assert [server.status for server in servers] == ["ACTIVE"]
        assert address in json.dumps(servers[0].addresses)
    finally:
        cloud.orchestration.delete_stack(stack.id)
        cloud.orchestration.wait_for_delete(stack, wait=300)
    assert not [server for server in cloud.compute.servers() if server.name.startswith("mikumo-test-server-")]
