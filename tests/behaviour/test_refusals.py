# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not allowed is refused: more than the quota, and what is the administrator's business."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from openstack import exceptions
from openstack.connection import Connection
from support.instances import Instance
from support.project import Project


@pytest.mark.journal(controller=["nova-api"])
def test_quota_of_instances(project: Project, instances: list[Instance]) -> None:
    used = len(list(project.cloud.compute.servers()))
    before = project.admin.compute.get_quota_set(project.project).instances
    project.admin.compute.update_quota_set(project.project, instances=used)
    try:
        with pytest.raises(exceptions.HttpException) as refused:
            project.start("behaviour-too-many")
    finally:
        project.admin.compute.update_quota_set(project.project, instances=before)
    print(f"{used} instances of {used}; one more: {refused.value.status_code} {refused.value.details}")
    assert refused.value.status_code == 403
    assert "Quota exceeded for instances" in str(refused.value)
    assert len(list(project.cloud.compute.servers())) == used


REFUSED = {
    "list hypervisors": lambda cloud: list(cloud.compute.hypervisors()),
    "list everybody's instances": lambda cloud: list(cloud.compute.servers(all_projects=True)),
    "create a provider network": lambda cloud: cloud.network.create_network(
        name="behaviour-provider", provider_network_type="flat", provider_physical_network="external"
    ),
    "list agents of the volume service": lambda cloud: list(cloud.block_storage.services()),
    "publish an image": lambda cloud: cloud.image.create_image("behaviour-public", visibility="public", disk_format="raw"),
    "create a user": lambda cloud: cloud.identity.create_user(name="behaviour-other"),
}


@pytest.mark.journal(controller=["nova-api", "neutron-api", "cinder-api", "glance-api", "keystone"])
@pytest.mark.parametrize("what", REFUSED)
def test_ordinary_user_may_not(project: Project, what: str) -> None:
    attempt: Callable[[Connection], object] = REFUSED[what]
    with pytest.raises(exceptions.HttpException) as refused:
        attempt(project.cloud)
    print(f"{what}: {refused.value.status_code} {refused.value.details or refused.value.message}")
    assert refused.value.status_code == 403
