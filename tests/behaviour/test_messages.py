# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RabbitMQ: the services talk to each other through quorum queues."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.instances import Instance
from support.nodes import Nodes

pytestmark = pytest.mark.journal(controller=["rabbitmq-server"])

# Each service has a queue by which any of its processes can be asked for something.
TOPICS = {
    "nova": {"conductor", "scheduler", "compute"},
    "cinder": {"cinder-scheduler", "cinder-volume"},
    "neutron": {"q-plugin", "dhcp_agent", "l3_agent"},
}
CALLS = 3


def rabbitmq(nodes: Nodes, command: str) -> Any:
    return json.loads(nodes["controller"].check_output(command))


@pytest.mark.parametrize("vhost", TOPICS)
def test_queues_of_the_services_are_quorum_queues(nodes: Nodes, vhost: str) -> None:
    listing = f"rabbitmqctl --quiet --formatter json list_queues --vhost {vhost} name type durable messages consumers"
    queues = rabbitmq(nodes, listing)
    print(f"{len(queues)} queues:")
    for queue in sorted(queues, key=lambda queue: str(queue["name"])):
        print("  {name}: {type}, {consumers} consumers, {messages} messages waiting".format(**queue))
    assert {queue["name"] for queue in queues} >= TOPICS[vhost]
    assert [queue for queue in queues if queue["type"] != "quorum"] == []
    assert [queue for queue in queues if not queue["durable"]] == []


def test_messages_go_through_a_quorum_queue(nodes: Nodes) -> None:
    result = nodes.python("controller", "quorum_round_trip.py", "/etc/nova/nova.conf", "behaviour", 5)
    print(result)
    assert result["received"] == result["sent"]
    assert len(result["received"]) == 5


@pytest.mark.journal(controller=["nova-conductor"], compute=["nova-compute"])
def test_api_call_travels_through_the_queue_of_the_compute_node(nodes: Nodes, one: Instance) -> None:
    # What a quorum queue is told, a message or that one was taken, is an entry of its log. Nobody asks nova-compute for
    # anything through this queue unless a user wants something of an instance.
    name = f"compute.{nodes['compute'].check_output('hostname')}"

    def entries() -> int:
        (member,) = rabbitmq(nodes, f"rabbitmq-queues --quiet --formatter json quorum_status --vhost nova {name}")
        return int(member["Last Log Index"])

    before = entries()
    for _ in range(CALLS):
        assert one.console()
    after = entries()
    print(f"{name}: log entry {before} before, {after} after {CALLS} calls")
    assert after >= before + 2 * CALLS, "each call is a message that comes and one that is taken"


FORBIDDEN = ["nova/conductor", "nova/scheduler", "neutron/q-plugin", "cinder/cinder-volume"]


def test_a_compute_node_cannot_read_what_others_are_asked(nodes: Nodes) -> None:
    answers = nodes.python("compute", "forbidden_queue.py", "/etc/nova/nova-compute.conf", "nova/compute", *FORBIDDEN)
    for place, answer in answers.items():
        print(f"{place}: {answer}")
    assert answers.pop("nova/compute") == "allowed"
    assert set(answers) == set(FORBIDDEN)
    assert all("ACCESS_REFUSED" in answer or "NotAllowed" in answer or "not allowed" in answer for answer in answers.values())
