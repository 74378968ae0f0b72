# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates the described images, with all problems in one message, and derives further settings."""

from __future__ import annotations

import hashlib
import os
import stat
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import CloudError
from ansible_collections.mikumo.openstack.plugins.module_utils._web_address import problem, public

Item = Mapping[str, Any]

UPLOADING = ".uploading"
AMAZON = ("aki", "ari", "ami")
PARTS = ("kernel", "ramdisk")
CHECKSUMS = ("sha256", "sha512")
# The property that records the source of an upload.
SOURCE = "mikumo_source"
# Glance's own attributes of an image, which cannot be custom properties.
OWN = frozenset(
    {"checksum", "container_format", "created_at", "direct_url", "disk_format", "file", "id", "locations", "min_disk", "min_ram"}
    | {"name", "os_hash_algo", "os_hash_value", "os_hidden", "owner", "protected", "schema", "self", "size", "status", "stores"}
    | {"tags", "updated_at", "virtual_size", "visibility"}
)


def complete(items: Iterable[Item], *, check: bool = False) -> list[dict[str, Any]]:
    """Return the items with their derived settings. Check mode accepts missing files: an earlier task may create them."""
    described = list(items)
    completed = [_complete(item) for item in described]
    problems = [f"Image {item['name']!r}: {one}" for item in completed for one in _problems(item, check)]
    names = [item["name"] for item in completed]
    problems += [
        f"images: {name} is described twice. Describe it once, or correct one of the names."
        for name in dict.fromkeys(name for name in names if names.count(name) > 1)
    ]
    if problems:
        raise CloudError("\n".join(problems), "described")
    return completed


def _complete(item: Item) -> dict[str, Any]:
    item = {key: value for key, value in item.items() if value not in (None, "")}
    completed: dict[str, Any] = {"name": "", "state": "present", "disk_format": "qcow2", **item}
    if "container_format" not in completed:
        disk_format = completed["disk_format"]
        completed["container_format"] = disk_format if disk_format in AMAZON else "bare"
    if completed.get("checksum"):
        completed["checksum"] = completed["checksum"].strip().lower()
    return completed


def _problems(item: Item, check: bool) -> Iterable[str]:
    yield from _name_problems(item["name"])
    if item["state"] == "absent":
        return
    if item.get("file") and item.get("url"):
        yield "has both file and url. Give only one of them."
    if item.get("file"):
        yield from _file_problems(Path(item["file"]), check)
    if item.get("url"):
        wrong = problem(item["url"])
        if wrong:
            yield f"url {public(item['url'])} {wrong}"
    if item.get("checksum"):
        yield from _checksum_problems(item["checksum"])
    for key in ("min_disk", "min_ram"):
        if item.get(key, 0) < 0:
            yield f"{key} is {item[key]}. Expected 0 or more."
    yield from _property_problems(item)


def _name_problems(name: str) -> Iterable[str]:
    if not name.strip():
        yield "has no name. Give one."
    if name.endswith(UPLOADING):
        yield f"names that end in {UPLOADING} are reserved for unfinished uploads. Choose another name."
    if len(name + UPLOADING) > 255:
        yield f"the name has {len(name)} characters. At most {255 - len(UPLOADING)} are allowed."


def _file_problems(path: Path, check: bool) -> Iterable[str]:
    if not path.is_absolute():
        whole = f"{{{{ playbook_dir }}}}/{path}"
        yield f"file {path} is a relative path. Give an absolute path, such as {whole}."
        return
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not check:
            yield f"file {path} does not exist. It must be on the host that the module runs on."
        return
    except OSError as error:
        yield f"file {path} cannot be read: {error.strerror}."
        return
    if not stat.S_ISREG(mode):
        yield f"file {path} is {'a directory' if stat.S_ISDIR(mode) else 'not a regular file'}. Give the path of the image file."
    elif not os.access(path, os.R_OK):
        yield f"file {path} cannot be read by this user. Change its mode or owner."


def _checksum_problems(checksum: str) -> Iterable[str]:
    algorithm, _colon, digest = checksum.partition(":")
    expected = f"checksum is {checksum!r}, expected sha256: or sha512: followed by the hexadecimal digits"
    if algorithm not in CHECKSUMS:
        by_length = {hashlib.new(name).digest_size * 2: name for name in CHECKSUMS}.get(len(checksum))
        yield f"{expected}{f' ({by_length}:{checksum})' if by_length else ''}."
    elif "/" in digest:
        yield f"{expected}. This module does not read checksum files: copy the digits of the image from the file."
    elif len(digest) != hashlib.new(algorithm).digest_size * 2 or set(digest) - set(string.hexdigits):
        yield f"{expected} ({hashlib.new(algorithm).digest_size * 2} of 0-9 and a-f)."


def _property_problems(item: Item) -> Iterable[str]:
    properties = item.get("properties") or {}
    for key, value in properties.items():
        if not isinstance(key, str) or not key or len(key) > 255:
            yield f"the property name {key!r} is not valid in Glance. Expected 1 to 255 characters, in quotes."
        elif key in OWN:
            beside = ", and set it next to properties" if key in SETTINGS else ""
            yield f"{key} is not a custom property. Remove it from properties{beside}."
        elif key == SOURCE or key.startswith("os_glance_"):
            yield f"{'this module' if key == SOURCE else 'Glance'} sets the property {key} itself. Remove it from properties."
        elif isinstance(value, (Mapping, list, tuple)):
            what = "a mapping" if isinstance(value, Mapping) else "a list"
            yield f"the property {key} is {what}. Glance stores only text: write the value as text."
    for part in PARTS:
        if item.get(part) and f"{part}_id" in properties:
            yield f"{part} and the property {part}_id are the same setting. Give only one of them."


SETTINGS = ("name", "visibility", "protected", "min_disk", "min_ram", "disk_format", "container_format", "checksum", "file")


def parts_first(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put kernels and ramdisks before the images that boot with them."""
    by_name = {item["name"]: item for item in items}
    ordered: list[dict[str, Any]] = []
    open_: list[str] = []

    def visit(item: dict[str, Any]) -> None:
        if item in ordered:
            return
        if item["name"] in open_:
            raise CloudError(f"images: {' -> '.join([*open_, item['name']])} refer to each other.", "described")
        open_.append(item["name"])
        for part in PARTS:
            needed = by_name.get(item.get(part, ""))
            if needed is None:
                continue
            if item["state"] == "present" and needed["state"] == "absent":
                raise CloudError(
                    f"Image {item['name']} refers to image {needed['name']!r}, which is described as absent.",
                    "described",
                )
            visit(needed)
        open_.pop()
        ordered.append(item)

    for item in items:
        visit(item)
    return ordered
