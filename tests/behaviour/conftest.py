# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of what the finished cloud does. They need the cloud of INVENTORY, and leave nothing behind in it.

@pytest.mark.journal(NODE=[UNIT, ...]) names the units that a test depends on: if it fails, what they said is in the report.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import openstack
import pytest
from openstack.connection import Connection
from support import project as projects
from support.instances import Instance
from support.nodes import ROOT, Nodes
from support.project import PROPERTIES, USER_DATA, Project

NODES = pytest.StashKey[Nodes]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "journal(NODE=[UNIT, ...]): units whose journal is part of the report of a failure")
    config.addinivalue_line("markers", "slow: takes minutes, because an emulated processor boots")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    nodes = item.session.stash.get(NODES, None)
    if report.failed and nodes:
        for mark in item.iter_markers("journal"):
            for node, units in mark.kwargs.items():
                report.sections += [(f"journal of {unit} on {node}", nodes.journal_of(node, unit)) for unit in units]
    return report


@pytest.fixture(scope="session")
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Nodes:
    request.session.stash[NODES] = nodes = Nodes(tmp_path_factory.mktemp("ssh"))
    return nodes


@pytest.fixture(scope="session")
def admin() -> Iterator[Connection]:
    """The administrator."""
    file = os.environ.get("OS_CLIENT_CONFIG_FILE", str(ROOT / "clouds.yaml"))
    with openstack.connect(cloud="mikumo", config_files=[file]) as connection:
        yield connection


@pytest.fixture(scope="session")
def project(admin: Connection, nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project of the tests' own."""
    projects.remove(admin)
    yield Project(admin, tmp_path_factory.mktemp("project"), nodes.settings["controller"]["image"])
    projects.remove(admin)


@pytest.fixture(scope="session")
def instances(project: Project) -> list[Instance]:
    """Two instances that answer on floating addresses. They boot at the same time, and go with the project."""
    servers = [
        project.start("behaviour-one", data=USER_DATA, metadata=PROPERTIES, config_drive=True),
        project.start("behaviour-two"),
    ]
    found = [project.finish(server) for server in servers]
    for instance in found:
        instance.wait_for_answer()
        print(f"{instance.name} has {instance.fixed} and answers on {instance.address}")
    return found


@pytest.fixture(scope="session")
def one(instances: list[Instance]) -> Instance:
    """The first instance: with user data, properties and a config drive."""
    return instances[0]


@pytest.fixture(scope="session")
def two(instances: list[Instance]) -> Instance:
    """The second instance, with nothing of its own."""
    return instances[1]
