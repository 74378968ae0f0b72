# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that has to run runs, and says so itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from openstack.connection import Connection
from support.nodes import Nodes

AGENTS = {
    ("Open vSwitch agent", "network"),
    ("Open vSwitch agent", "compute"),
    ("L3 agent", "network"),
    ("DHCP agent", "network"),
    ("Metadata agent", "network"),
}
COMPUTE_SERVICES = {("nova-scheduler", "controller"), ("nova-conductor", "controller"), ("nova-compute", "compute")}
VOLUME_SERVICES = {("cinder-scheduler", "controller"), ("cinder-volume", "controller@lvm")}


@pytest.mark.journal(
    controller=["neutron-rpc-server"],
    network=["neutron-openvswitch-agent", "neutron-l3-agent", "neutron-dhcp-agent", "neutron-metadata-agent"],
    compute=["neutron-openvswitch-agent"],
)
def test_agents_are_alive(admin: Connection) -> None:
    agents = list(admin.network.agents())
    for agent in agents:
        print(f"{agent.agent_type} on {agent.host}: alive {agent.is_alive}, last heard {agent.last_heartbeat_at}")
    assert {(agent.agent_type, agent.host) for agent in agents if agent.is_alive and agent.is_admin_state_up} == AGENTS
    assert [agent for agent in agents if not agent.is_alive] == []


@pytest.mark.journal(
    controller=["nova-scheduler", "nova-conductor", "cinder-scheduler", "cinder-volume"], compute=["nova-compute"]
)
@pytest.mark.parametrize(
    ("list_services", "wanted"),
    [
        pytest.param(lambda admin: admin.compute.services(), COMPUTE_SERVICES, id="compute"),
        pytest.param(lambda admin: admin.block_storage.services(), VOLUME_SERVICES, id="volume"),
    ],
)
def test_services_are_up(
    admin: Connection, list_services: Callable[[Connection], Iterable[Any]], wanted: set[tuple[str, str]]
) -> None:
    services = list(list_services(admin))
    for service in services:
        print(f"{service.binary} on {service.host}: {service.state}, {service.status}")
    assert {(service.binary, service.host) for service in services if service.state == "up"} == wanted
    assert {service.status for service in services} == {"enabled"}


@pytest.mark.parametrize("node", ["controller", "network", "compute"])
def test_no_unit_has_failed(nodes: Nodes, node: str) -> None:
    failed = nodes[node].check_output("systemctl list-units --failed --plain --no-legend").split("\n")
    units = [line.split()[0] for line in failed if line]
    print(f"{node}: {nodes[node].check_output('systemctl is-system-running || true')}, failed units: {units or 'none'}")
    assert not units, "\n".join(nodes.journal_of(node, unit) for unit in units)


@pytest.mark.journal(network=["mikumo-privsep"], compute=["mikumo-privsep"])
@pytest.mark.parametrize("node", ["network", "compute"])
def test_privileged_helpers_are_forks(nodes: Nodes, node: str) -> None:
    """Through sudo each would load its service for itself. Nobody would notice: the cloud works all the same."""
    processes = nodes[node].check_output("ps -e -o args=").splitlines()
    forks = [line for line in processes if line.endswith("/usr/local/lib/mikumo/privsep-server")]
    others = [line for line in processes if "/bin/privsep-helper" in line]
    print(f"{node}: {len(forks) - 1} helpers, and {len(others)} through sudo")
    assert len(forks) > 1
    assert others == []


def test_clients_that_nobody_here_wrote_find_each_service(admin: Connection) -> None:
    """Gophercloud 1 compares types as they are written, and knows block storage as volumev3 only."""
    catalog = admin.session.auth.get_access(admin.session).service_catalog.catalog
    interfaces = {service["type"]: sorted(one["interface"] for one in service["endpoints"]) for service in catalog}
    print(interfaces)
    assert {"identity", "image", "placement", "compute", "network", "block-storage", "volumev3"} <= set(interfaces)
    assert {tuple(found) for found in interfaces.values()} == {("admin", "internal", "public")}
    urls = {
        one["url"]
        for service in catalog
        if service["type"] in ("block-storage", "volumev3")
        for one in service["endpoints"]
        if one["interface"] == "public"
    }
    (url,) = urls
    assert "volumes" in admin.session.get(f"{url}/volumes").json()
    # One service for openstacksdk, whichever name it is asked for.
    assert {admin.session.get_endpoint(service_type=name) for name in ("block-storage", "volumev3", "volume")} == urls
