# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads Glance's images in the form that the module images takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.mikumo.openstack.plugins.module_utils._image_items import SOURCE
from ansible_collections.mikumo.openstack.plugins.module_utils._images import BROKEN, CHANGEABLE, FROM_FILE, UNPACKED
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Api, Record
from ansible_collections.mikumo.openstack.plugins.module_utils._web_address import public

DESCRIBED = ("name", "disk_format", "container_format", *CHANGEABLE)
DETAILS = ("id", "status", "size", "owner", "created_at", "updated_at")
# Glance's other attributes of an image that are not custom properties.
OTHERS = frozenset(
    {"checksum", "direct_url", "file", "locations", "os_hash_algo", "os_hash_value", "os_hidden", "schema", "self", "stores"}
    | {"tags", "virtual_size", SOURCE}
)
CHECKSUMS = ("sha256:", "sha512:")
PARTS = {"kernel_id": "kernel", "ramdisk_id": "ramdisk"}


def read_images(api: Api, owner: str | None, names: Collection[str] = ()) -> tuple[list[Record], dict[str, Record]]:
    """Return the descriptions of the owner's usable images, and further details by name. Only the newest of each name."""
    found = api.list("/images", "images", "images", limit=500, **({"owner": owner} if owner else {}))
    by_id = {one["id"]: one["name"] for one in found}
    usable = [one for one in found if one["status"] not in BROKEN and (not names or one["name"] in names)]
    newest: dict[str, Record] = {}
    for one in sorted(usable, key=lambda one: str(one["created_at"])):
        newest[one["name"]] = one
    ordered = [newest[name] for name in sorted(newest)]
    return [description(one, by_id) for one in ordered], {one["name"]: details(one) for one in ordered}


def description(record: Record, names: Mapping[str, str]) -> Record:
    described: Record = {key: record[key] for key in DESCRIBED if record.get(key) is not None}
    source, algorithm = record.get(SOURCE), record.get("os_hash_algo")
    if source == FROM_FILE:
        source = None
    if source and source.startswith(UNPACKED):
        described["unpack"] = True
        source = source.removeprefix(UNPACKED)
    if source and not source.startswith(CHECKSUMS):
        described["url"] = public(source)
    elif source or algorithm in ("sha256", "sha512"):
        described["checksum"] = source or f"{algorithm}:{record['os_hash_value']}"
    properties: dict[str, Any] = {}
    for key, value in record.items():
        if key in PARTS and value in names:
            described[PARTS[key]] = names[value]
        elif key not in DESCRIBED and key not in DETAILS and key not in OTHERS and not key.startswith("os_glance_"):
            properties[key] = value
    return {**described, "properties": properties}


def details(record: Record) -> Record:
    return {key: record.get(key) for key in DETAILS}
