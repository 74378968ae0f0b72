# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project for the tests alone, so that what they create, count and delete is nobody else's."""

from __future__ import annotations

import base64
import secrets
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openstack
from openstack.connection import Connection

from support.instances import Instance
from support.waiting import wait_for

NAME = "behaviour"
SUBNET = "192.168.77.0/24"
EXTERNAL = "external"
# What the first instance is given by its owner.
USER_DATA = "#!/bin/sh\necho behaviour\n"
PROPERTIES = {"purpose": "behaviour"}


def remove(admin: Connection) -> None:
    """The project with all that is in it; also what an interrupted run left."""
    project = admin.identity.find_project(NAME)
    user = admin.identity.find_user(NAME)
    if user:
        for pair in admin.compute.keypairs(user_id=user.id):
            admin.compute.delete_keypair(pair, user_id=user.id)
    if project:
        servers = list(admin.compute.servers(all_projects=True, project_id=project.id))
        for server in servers:
            admin.compute.delete_server(server)
        for server in servers:
            admin.compute.wait_for_delete(server, wait=300)
        snapshots = list(admin.block_storage.snapshots(all_projects=True, project_id=project.id))
        for snapshot in snapshots:
            admin.block_storage.delete_snapshot(snapshot)
        for snapshot in snapshots:
            admin.block_storage.wait_for_delete(snapshot, wait=180)
        volumes = list(admin.block_storage.volumes(all_projects=True, project_id=project.id))
        for volume in volumes:
            admin.block_storage.delete_volume(volume)
        for volume in volumes:
            admin.block_storage.wait_for_delete(volume, wait=180)
        remove_networks(admin, project.id)
        admin.identity.delete_project(project)
    if user:
        admin.identity.delete_user(user)


def remove_networks(admin: Connection, project: str) -> None:
    for address in admin.network.ips(project_id=project):
        admin.network.delete_ip(address)
    for router in admin.network.routers(project_id=project):
        for port in admin.network.ports(device_id=router.id, device_owner="network:router_interface"):
            admin.network.remove_interface_from_router(router, port_id=port.id)
        admin.network.delete_router(router)
    for network in admin.network.networks(project_id=project):
        for port in admin.network.ports(network_id=network.id, project_id=project):
            if not port.device_owner.startswith("network:"):
                admin.network.delete_port(port)
        admin.network.delete_network(network)
    for group in admin.network.security_groups(project_id=project):
        # Neutron makes a new default group for a project as long as there is a user who asks.
        admin.network.delete_security_group(group)


class Project:
    """An ordinary user's view: a network behind a router, a key, and a security group for ping and SSH."""

    def __init__(self, admin: Connection, directory: Path, image: dict[str, str]) -> None:
        self.admin = admin
        self.image = image
        self._password = secrets.token_urlsafe()
        self.project = admin.identity.create_project(name=NAME, domain_id="default")
        user = admin.identity.create_user(
            name=NAME, password=self._password, domain_id="default", default_project_id=self.project.id
        )
        admin.identity.assign_project_role_to_user(self.project, user, admin.identity.find_role("member", ignore_missing=False))
        self.cloud = self.log_in()

        self.key = directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", str(self.key)], check=True)
        self.public_key = self.key.with_suffix(".pub").read_text().strip()
        self.cloud.compute.create_keypair(name=NAME, public_key=self.public_key)
        self.group = self.cloud.network.create_security_group(name=NAME)
        self.let_in(protocol="icmp")
        self.let_in(protocol="tcp", port=22)
        self.external = self.cloud.network.find_network(EXTERNAL, ignore_missing=False)
        self.router = self.cloud.network.create_router(name=NAME, external_gateway_info={"network_id": self.external.id})
        self.network = self.add_network(NAME, SUBNET)

    def log_in(self) -> Connection:
        """A connection of the project's user, with a token of its own."""
        return openstack.connect(
            auth_url=self.admin.config.auth["auth_url"],
            cacert=self.admin.config.config.get("cacert"),
            region_name=self.admin.config.region_name,
            username=NAME,
            password=self._password,
            project_name=NAME,
            user_domain_id="default",
            project_domain_id="default",
            identity_api_version="3",
            load_yaml_config=False,
            load_envvars=False,
        )

    def let_in(self, protocol: str, port: int | None = None) -> Any:
        """A rule of the security group."""
        return self.cloud.network.create_security_group_rule(
            security_group_id=self.group.id,
            direction="ingress",
            ether_type="IPv4",
            protocol=protocol,
            port_range_min=port,
            port_range_max=port,
            remote_ip_prefix="0.0.0.0/0",
        )

    def add_network(self, name: str, subnet: str, **options: Any) -> Any:
        """A network behind the router."""
        network = self.cloud.network.create_network(name=name)
        made = self.cloud.network.create_subnet(name=name, network_id=network.id, ip_version=4, cidr=subnet, **options)
        self.cloud.network.add_interface_to_router(self.router, subnet_id=made.id)
        return network

    def start(self, name: str, **options: Any) -> Any:
        """A server that is on its way. `data` is its user data."""
        if data := options.pop("data", None):
            options["user_data"] = base64.b64encode(data.encode()).decode()
        settings = {
            "image_id": self.cloud.image.find_image(self.image["name"], ignore_missing=False).id,
            "flavor_id": self.cloud.compute.find_flavor(options.pop("flavor", "m1.nano"), ignore_missing=False).id,
            "networks": [{"uuid": self.network.id}],
            "key_name": NAME,
            "security_groups": [{"name": NAME}],
        }
        return self.cloud.compute.create_server(name=name, **(settings | options))

    def finish(self, server: Any, user: str = "", seconds: float = 300) -> Instance:
        """The instance that the server has become, with a floating address."""
        server = wait_for(
            f"server {server.name}",
            lambda: self.cloud.compute.get_server(server.id),
            lambda seen: seen.status in ("ACTIVE", "ERROR"),
            seconds,
        )
        assert server.status == "ACTIVE", f"{server.name}: {server.fault}"
        (port,) = self.cloud.network.ports(device_id=server.id)
        floating = self.cloud.network.create_ip(floating_network_id=self.external.id, port_id=port.id)
        return Instance(self.cloud, server, port, floating, self.key, user or self.image["user"])

    def volume_is(self, volume: Any, status: str) -> Any:
        return wait_for(
            f"volume {volume.id} {status}",
            lambda: self.cloud.block_storage.get_volume(volume.id),
            lambda seen: seen.status == status,
            seconds=240,
        )

    def delete(self, servers: Iterable[Any]) -> None:
        for server in servers:
            self.cloud.compute.delete_server(server)
        for server in servers:
            self.cloud.compute.wait_for_delete(server, wait=300)
