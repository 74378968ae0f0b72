# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derives the options of tempest.conf from a cloud's APIs: the features to test, and the images and flavors to use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import CloudError, Record

Section = dict[str, Any]

# Tempest's name of a service, and its types in catalogs.
SERVICES: dict[str, tuple[str, ...]] = {
    "cinder": ("block-storage", "volumev3", "volume"),
    "glance": ("image",),
    "heat": ("orchestration",),
    "neutron": ("network",),
    "nova": ("compute",),
    "swift": ("object-store",),
}
# Sections of tempest.conf that contain a service's type in the catalog.
SECTIONS = {
    "cinder": "volume",
    "glance": "image",
    "neutron": "network",
    "nova": "compute",
    "swift": "object-storage",
}
# Formats that an instance can boot from. The others are kernels and the like.
BOOTABLE = frozenset({"ami", "qcow2", "raw", "vdi", "vhd", "vhdx", "vmdk", "ploop"})
# First version of Cinder's API that can extend a volume in use.
EXTEND_ATTACHED = (3, 42)


@dataclass(frozen=True)
class Wishes:
    """The operator's choices. Empty means: choose automatically."""

    image: str = ""
    image_alt: str = ""
    flavor: str = ""
    flavor_alt: str = ""
    external_network: str = ""


@dataclass(frozen=True)
class Found:
    """The answers of the APIs. Empty for a service that does not exist."""

    auth_url: str
    # empty if it does not matter
    region: str
    # types of services in the catalog
    services: Sequence[str]
    images: Sequence[Record] = ()
    # of an image in Glance
    image_schema: Mapping[str, Any] = field(default_factory=dict)
    flavors: Sequence[Record] = ()
    compute_version: Record = field(default_factory=dict)
    compute_services: Sequence[Record] = ()
    volume_version: Record = field(default_factory=dict)
    volume_services: Sequence[Record] = ()
    pools: Sequence[Record] = ()
    placement_version: Record = field(default_factory=dict)
    networks: Sequence[Record] = ()
    extensions: Sequence[Record] = ()


def service_type(services: Sequence[str], name: str) -> str | None:
    """Return the type of a service in this catalog."""
    return next((one for one in SERVICES[name] if one in services), None)


def pick_images(images: Sequence[Record], first: str = "", second: str = "") -> tuple[Record, Record]:
    """Return the image that instances boot, and another one for tests that need two. Both are the same if there is only one."""
    # Tempest creates its own projects, which see only public images.
    usable = [
        one
        for one in images
        if (one["status"], one["visibility"]) == ("active", "public")
        and one["disk_format"] in BOOTABLE
        and not one.get("os_hidden")
    ]
    usable.sort(key=lambda one: (one.get("min_ram") or 0, one.get("min_disk") or 0, one.get("size") or 0, one["name"] or ""))
    if not usable:
        seen = ", ".join(sorted(f"{one['name']} ({one['disk_format']}, {one['visibility']}, {one['status']})" for one in images))
        raise CloudError(
            f"Tempest needs an active, bootable public image. Glance has: {seen or 'none'}. Create one with the role resources.",
            "described",
        )
    one = _named("image", first, usable) if first else usable[0]
    others = [other for other in usable if other["id"] != one["id"]]
    other = _named("image", second, usable) if second else (others or [one])[0]
    return one, other


def pick_flavors(flavors: Sequence[Record], images: Sequence[Record], first: str = "", second: str = "") -> tuple[Record, Record]:
    """Return the smallest flavor that fits the images, and the next larger one as the target of a resize."""
    ram = max((one.get("min_ram") or 0 for one in images), default=0)
    disk = max((one.get("min_disk") or 0 for one in images), default=0)
    public = [one for one in flavors if one.get("os-flavor-access:is_public", True)]
    # A disk size of 0 means the size of the image. Only administrators may boot such a flavor.
    usable = [one for one in public if one["ram"] >= ram and one["disk"] >= max(disk, 1)]
    usable.sort(key=lambda one: (one["ram"], one["vcpus"], one["disk"], one["name"]))
    if not usable:
        seen = ", ".join(f"{one['name']} ({one['ram']} MiB, {one['disk']} GiB)" for one in public)
        raise CloudError(
            f"Tempest needs a public flavor with at least {ram} MiB of memory and {max(disk, 1)} GiB of disk for its "
            f"images. Nova has: {seen or 'none'}. Name one in tempest_flavors.",
            "described",
        )
    one = _named("flavor", first, usable) if first else usable[0]
    larger = [other for other in usable if other["ram"] > one["ram"] and other["disk"] >= one["disk"]]
    other = _named("flavor", second, usable) if second else (larger or [one])[0]
    return one, other


def pick_network(networks: Sequence[Record], name: str = "") -> Record | None:
    """Return the network for floating IPs."""
    external = sorted((one for one in networks if one.get("router:external")), key=lambda one: str(one["name"]))
    if name:
        return _named("external network", name, external)
    if len(external) > 1:
        names = ", ".join(one["name"] for one in external)
        raise CloudError(f"There are several external networks: {names}. Choose one in external_network.", "described")
    return next(iter(external), None)


def _named(kind: str, name: str, records: Sequence[Record]) -> Record:
    found = [one for one in records if one["name"] == name]
    if len(found) != 1:
        names = ", ".join(sorted({one["name"] or "" for one in records}))
        raise CloudError(
            f"Expected one usable {kind} with the name {name!r}, found {len(found)}. Available: {names or 'none'}.", "described"
        )
    return found[0]


def newest(version: Record) -> str | None:
    """Return the highest microversion that an API reports. Nova and Cinder call it version, Placement max_version."""
    said = version.get("max_version") or version.get("version")
    return str(said) if said and re.fullmatch(r"\d+\.\d+", str(said)) else None


def config(found: Found, wishes: Wishes, interface: str = "public") -> dict[str, Section]:
    """Return the sections and options of tempest.conf that follow from the cloud."""
    sections: dict[str, Section] = {
        # None is not written. Without a region, Tempest uses the first one in the catalog.
        "identity": {"uri_v3": found.auth_url, "v3_endpoint_type": interface, "region": found.region or None},
        "service_available": {name: service_type(found.services, name) is not None for name in sorted(SERVICES)},
    }
    for name, section in SECTIONS.items():
        catalog_type = service_type(found.services, name)
        if catalog_type:
            sections[section] = {"catalog_type": catalog_type, "endpoint_type": interface}
    if "placement" in found.services:
        sections["placement"] = {"endpoint_type": interface, **_up_to(found.placement_version)}
    if service_type(found.services, "glance"):
        _image(sections, found)
    if service_type(found.services, "neutron"):
        _network(sections, found, wishes)
    if service_type(found.services, "nova"):
        _compute(sections, found, wishes)
    if service_type(found.services, "cinder"):
        _volume(sections, found)
    return sections


def _up_to(version: Record) -> Section:
    highest = newest(version)
    # Without a lower bound, tests that need no microversion run too.
    return {"max_microversion": highest} if highest else {}


def _image(sections: dict[str, Section], found: Found) -> None:
    properties = found.image_schema.get("properties", {})
    for name in ("disk_format", "container_format"):
        formats = [one for one in properties.get(name, {}).get("enum", []) if one]
        if formats:
            sections["image"][f"{name}s"] = formats


def _network(sections: dict[str, Section], found: Found, wishes: Wishes) -> None:
    aliases = sorted(one["alias"] for one in found.extensions)
    external = pick_network(found.networks, wishes.external_network)
    if external is not None:
        sections["network"] |= {"public_network_id": external["id"], "floating_network_name": external["name"]}
    sections["network-feature-enabled"] = {
        "api_extensions": aliases,
        "floating_ips": "router" in aliases and external is not None,
        "ipv6": True,
        "ipv6_subnet_attributes": "router" in aliases,
        "port_security": "port-security" in aliases,
    }


def _compute(sections: dict[str, Section], found: Found, wishes: Wishes) -> None:
    images = pick_images(found.images, wishes.image, wishes.image_alt)
    flavors = pick_flavors(found.flavors, images, wishes.flavor, wishes.flavor_alt)
    hosts = [one for one in found.compute_services if one["binary"] == "nova-compute" and one["state"] == "up"]
    hosts = [one for one in hosts if one["status"] == "enabled"]
    if not hosts:
        raise CloudError(
            "No nova-compute is up and enabled: there is nowhere to boot an instance. Run `make ready`.", "described"
        )
    sections["compute"] |= {
        "image_ref": images[0]["id"],
        "image_ref_alt": images[1]["id"],
        "flavor_ref": flavors[0]["id"],
        "flavor_ref_alt": flavors[1]["id"],
        "min_compute_nodes": len(hosts),
        **_up_to(found.compute_version),
    }
    several = len(hosts) > 1
    sections["compute-feature-enabled"] = {
        # Nova moves an instance to another host when it is resized.
        "resize": several and flavors[0]["id"] != flavors[1]["id"],
        "cold_migration": several,
        "live_migration": several,
        # Barbican keeps the keys of encrypted volumes.
        "attach_encrypted_volume": "key-manager" in found.services,
    }


def _volume(sections: dict[str, Section], found: Found) -> None:
    capabilities = [one.get("capabilities", {}) for one in found.pools]
    backends = sorted({one["volume_backend_name"] for one in capabilities if one.get("volume_backend_name")})
    alive = {one["binary"] for one in found.volume_services if one["state"] == "up" and one["status"] == "enabled"}
    if "cinder-volume" not in alive:
        raise CloudError("No cinder-volume is up and enabled: there are no volumes to test. Run `make ready`.", "described")
    version = newest(found.volume_version)
    sections["volume"] |= _up_to(found.volume_version)
    for option, capability in (("storage_protocol", "storage_protocol"), ("vendor_name", "vendor_name")):
        values = {one[capability] for one in capabilities if isinstance(one.get(capability), str)}
        if len(values) == 1:
            sections["volume"][option] = values.pop()
    if backends:
        sections["volume"]["backend_names"] = backends
    sections["volume-feature-enabled"] = {
        "backup": "cinder-backup" in alive,
        "multi_backend": len(backends) > 1,
        "extend_attached_volume": version is not None and tuple(map(int, version.split("."))) >= EXTEND_ATTACHED,
    }
