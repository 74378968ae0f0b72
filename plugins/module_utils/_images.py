# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings Glance's images into a described state.

An upload goes to an image of the name NAME.uploading, which gets its own name once it is active, the way a file is
written beside and renamed. So nobody sees an image under its name that cannot be used yet, what an interrupted run has
left behind is known by its name, and an image that is to be replaced can be used until the new one is there.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.mikumo.openstack.plugins.module_utils._differences import Differences, differing
from ansible_collections.mikumo.openstack.plugins.module_utils._download import Downloads, Source, hashes
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Api, CloudError, Record

Item = Mapping[str, Any]

UPLOADING = ".uploading"
NEW = "new:"
PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
# The checksum, or without one the URL, of what was uploaded. Glance computes a sha512 of its own, but what is described
# may be a sha256, and nothing should be downloaded just to find that it is the same.
SOURCE = "mikumo_source"
# What Glance lets change in an image that has its data. All else means another image.
CHANGEABLE = ("visibility", "protected", "min_disk", "min_ram")
AMAZON = ("aki", "ari", "ami")
# States in which an image has no data and will not get any by itself. saving is left by an interrupted upload, too.
BROKEN = ("queued", "saving", "uploading", "importing", "killed", "deleted", "pending_delete")
UPLOAD_TIMEOUT = 3600


class Images:
    """assume: nothing answers, and an image that is referred to but not described is taken for granted."""

    def __init__(
        self,
        api: Api,
        differences: Differences,
        downloads: Downloads,
        *,
        project_id: str | None = None,
        wait: float = 300,
        check: bool = False,
        assume: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.warnings: list[str] = []
        self._api = api
        self._differences = differences
        self._downloads = downloads
        self._project_id = project_id
        self._wait = wait
        self._check = check
        self._assume = assume
        self._sleep = sleep
        self._clock = clock
        self._found: dict[str, list[Record]] = {}
        self._ids: dict[str, str] = {}

    def converge(self, items: Iterable[Item]) -> dict[str, str | None]:
        """Returns the ids, by name, of all described images that are present."""
        described = [_complete(item) for item in items]
        ordered = _parts_first(described)
        self._read(ordered)
        for item in ordered:
            if item["state"] == "absent":
                continue
            self._ids[item["name"]] = self._present(item)
        for item in reversed(ordered):
            # A machine image before its kernel.
            if item["state"] == "absent":
                self._absent(item)
        return {
            item["name"]: None if self._ids[item["name"]].startswith(NEW) else self._ids[item["name"]]
            for item in described
            if item["state"] == "present"
        }

    def _read(self, items: Iterable[Item]) -> None:
        """All images that count, with one request."""
        names: list[str] = []
        for item in items:
            names += [item["name"], item["name"] + UPLOADING]
            names += [item[part] for part in ("kernel", "ramdisk") if item.get(part)]
        if not names:
            return
        # Glance takes values in quotes, with backslashes inside as in JSON.
        query = "in:" + ",".join(json.dumps(name, ensure_ascii=False) for name in dict.fromkeys(names))
        for record in self._api.list("/images", "images", "images", name=query, limit=500):
            self._found.setdefault(record["name"], []).append(record)

    def _own(self, name: str) -> list[Record]:
        """Names are not unique in Glance: an administrator sees everyone's images, and must leave them alone."""
        return [one for one in self._found.get(name, []) if one.get("owner") == self._project_id]

    # One image

    def _present(self, item: Item) -> str:
        name = item["name"]
        properties = self._properties(item)
        records = self._own(name)
        usable = [one for one in records if one["status"] not in BROKEN]
        kept, source = self._matching(item, usable)
        unfinished = [one for one in records if one not in usable]
        if kept is None:
            leftovers = self._own(name + UPLOADING)
            source = source or self._source(item)
            kept = self._uploaded(item, properties, source, leftovers, replaced=bool(usable), broken=bool(unfinished))
        else:
            leftovers = self._own(name + UPLOADING)
            for one in leftovers:
                self._delete(one, name)
                self._differences.removed("image", name, {f"unfinished {one['id']}": one["status"]}, "unfinished upload removed")
            self._adjust(item, kept, properties, source)
        for one in unfinished:
            self._remove(one, name, f"unfinished {one['id']} ({one['status']}) removed")
        for one in usable:
            if one is not kept:
                self._remove(one, name, f"{one['id']}, which has other content or is a duplicate, removed")
        return str(kept["id"])

    def _matching(self, item: Item, usable: list[Record]) -> tuple[Record | None, Source | None]:
        """Which of the images of the name, if any, has the described format and content. The newest one of several."""
        formats = {"disk_format": item["disk_format"], "container_format": item["container_format"]}
        candidates = [one for one in usable if not differing(formats, one)[1]]
        candidates.sort(key=lambda one: str(one.get("created_at", "")), reverse=True)
        if not candidates:
            return None, None
        if not item.get("file") and not item.get("url"):
            return candidates[0], None
        for one in candidates:
            if _same_by_record(item, one):
                return one, None
        source = self._source_to_compare(item)
        if source is None:
            return None, None
        for one in candidates:
            algorithm = one.get("os_hash_algo") or "sha512"
            if one.get("os_hash_value") == hashes(source.path, [algorithm])[algorithm]:
                return one, source
        return None, source

    def _source_to_compare(self, item: Item) -> Source | None:
        """The data, if what is known of the images in Glance does not settle whether it is the same."""
        if item.get("file"):
            path = Path(item["file"])
            if self._check and not path.exists():
                return None
            return self._source(item)
        if not item.get("checksum"):
            # Nothing but the URL tells what is described, and the image in Glance is from another one.
            return None
        if self._check:
            # Nothing is downloaded to find it out. The real run will.
            return self._downloads.cached(item["url"], item["checksum"])
        return self._source(item)

    def _source(self, item: Item) -> Source | None:
        if item.get("file"):
            path = Path(item["file"])
            if self._check and not path.exists():
                # On an empty host the file may be put there by a task before this one.
                return None
            return self._downloads.local(path, item.get("checksum"), f"image {item['name']}")
        if item.get("url"):
            if self._check:
                return self._downloads.cached(item["url"], item.get("checksum"))
            return self._downloads.fetch(item["url"], item.get("checksum"), f"image {item['name']}")
        raise CloudError(
            f"Image {item['name']} is not in Glance in the described format, and has neither file nor url to make it "
            "from. Give one of them.",
            "described",
        )

    def _properties(self, item: Item) -> dict[str, str | None]:
        """The described custom properties as Glance keeps them: text. None removes one."""
        properties = {key: _text(value) for key, value in (item.get("properties") or {}).items()}
        for part in ("kernel", "ramdisk"):
            if item.get(part):
                properties[f"{part}_id"] = self._part_id(item[part], item["name"])
        return properties

    def _part_id(self, part: str, needed_by: str) -> str:
        if part in self._ids:
            return self._ids[part]
        found = [one for one in self._found.get(part, []) if one["status"] == "active"]
        own = [one for one in found if one.get("owner") == self._project_id] or found
        if len(own) == 1:
            return str(own[0]["id"])
        if self._assume:
            return f"{NEW}{part}"
        raise CloudError(
            f"Image {needed_by} refers to image {part!r}: expected one active image of this name in the list or in "
            f"Glance, found {len(own)}. Describe it in images, or correct the name.",
            "described",
        )

    def _uploaded(
        self,
        item: Item,
        properties: Mapping[str, str | None],
        source: Source | None,
        leftovers: list[Record],
        *,
        replaced: bool,
        broken: bool,
    ) -> Record:
        name = item["name"]
        attributes = {key: item[key] for key in CHANGEABLE if item.get(key) is not None}
        formats = {"disk_format": item["disk_format"], "container_format": item["container_format"]}
        custom = {key: value for key, value in properties.items() if value is not None}
        origin = _origin(item)
        if origin:
            custom[SOURCE] = origin
        shown = {**formats, **attributes, **_readable(custom, item)}
        how = "replaced by another upload" if replaced else "uploaded again" if broken else "uploaded"
        self._differences.created("image", name, shown, f"{how} from {item.get('file') or item.get('url')}")
        if self._check or source is None:
            return {**shown, "id": f"{NEW}{name}", "name": name, "status": "active"}
        for one in leftovers:
            self._delete(one, name)
        # Not protected and not public before it is complete.
        body = {
            **attributes,
            **formats,
            **custom,
            "name": name + UPLOADING,
            "visibility": "private",
            "protected": False,
        }
        record = self._api.create("/images", None, body, f"image {name}")
        path = f"/images/{record['id']}"
        with source.path.open("rb") as data:
            self._api.request(
                "PUT",
                f"{path}/file",
                f"upload {source.path} to image {name}",
                # Repeating would go on at the end of the file, and Glance takes data only once.
                safe=False,
                data=data,
                headers={"Content-Type": "application/octet-stream"},
                timeout=UPLOAD_TIMEOUT,
                log=False,
            )
        record = self._active(record["id"], name)
        self._compare_hash(record, source, name)
        final: dict[str, Any] = {
            "name": name,
            **{key: attributes[key] for key in ("visibility", "protected") if key in attributes},
        }
        self._patch(record, {key: value for key, value in final.items() if record.get(key) != value}, name)
        return record

    def _active(self, image_id: str, name: str) -> Record:
        start, delay = self._clock(), 0.5
        while True:
            record = self._api.get(f"/images/{image_id}", f"image {name}")
            if record["status"] == "active":
                return record
            if record["status"] in ("killed", "deleted", "queued"):
                raise CloudError(
                    f"The upload of image {name} ended in the state {record['status']}, not active. Glance did not "
                    "keep the data: see its log, and whether its store has room.",
                )
            if self._clock() - start > self._wait:
                raise CloudError(
                    f"Image {name} was uploaded, but is {record['status']}, not active, after {self._wait:.0f} "
                    "seconds. See Glance's log, or raise wait_active.",
                    "timeout",
                )
            self._sleep(delay)
            delay = min(delay * 1.5, 5)

    def _compare_hash(self, record: Record, source: Source, name: str) -> None:
        algorithm = record.get("os_hash_algo") or "sha512"
        expected, found = hashes(source.path, [algorithm])[algorithm], record.get("os_hash_value")
        if found and found != expected:
            self._delete(record, name)
            raise CloudError(
                f"Image {name} arrived damaged: its {algorithm} is {found} in Glance and {expected} in {source.path}. "
                "It was removed. See Glance's log and the health of its store, and run again.",
            )

    def _adjust(self, item: Item, record: Record, properties: Mapping[str, str | None], source: Source | None) -> None:
        """Sets what may be changed in place."""
        name = item["name"]
        if record["status"] == "deactivated":
            self.warnings.append(
                f"Image {name} ({record['id']}) is deactivated, and stays so. To use it: openstack image set --activate."
            )
        before, after = differing({key: item.get(key) for key in CHANGEABLE}, record)
        custom = dict(properties)
        origin = _origin(item)
        if origin and (source is not None or SOURCE in record):
            custom[SOURCE] = origin
        for key, value in custom.items():
            if record.get(key) != value:
                after[key] = value
                if key in record:
                    before[key] = record[key]
        if not after:
            return
        self._patch(record, after, name)
        self._differences.updated("image", name, before, _readable(after, item))

    def _absent(self, item: Item) -> None:
        name = item["name"]
        for one in self._own(name) + self._own(name + UPLOADING):
            self._remove(one, name, f"{one['id']} removed")

    # Writing

    def _remove(self, record: Record, name: str, message: str) -> None:
        """Deletes an image, or takes it out of the way where it is still in use."""
        self._differences.removed("image", name, {f"id {record['id']}": record["status"]}, message)
        if self._check:
            return
        if record.get("protected"):
            self._patch(record, {"protected": False}, name)
        try:
            self._delete(record, name)
        except CloudError as error:
            if error.kind != "conflict":
                raise
            # Volumes cloned from an image keep it in some stores. It goes with the last of them, by hand.
            old = f"{name} (replaced {record['id'][:8]})"
            self._patch(record, {"name": old, "os_hidden": True}, name)
            self.warnings.append(f"Image {record['id']} is in use: {error} It was renamed to {old!r} and hidden.")

    def _delete(self, record: Record, name: str) -> None:
        if not self._check:
            self._api.delete(f"/images/{record['id']}", f"image {name} ({record['id']})")

    def _patch(self, record: Record, values: Mapping[str, Any], name: str) -> None:
        """None removes a custom property."""
        steps = []
        for key, value in values.items():
            path = "/" + key.replace("~", "~0").replace("/", "~1")
            if value is not None:
                steps.append({"op": "add" if key not in record else "replace", "path": path, "value": value})
            elif key in record:
                steps.append({"op": "remove", "path": path})
        if not steps or self._check:
            return
        self._api.request(
            "PATCH",
            f"/images/{record['id']}",
            f"update image {name} ({record['id']})",
            data=json.dumps(steps),
            headers={"Content-Type": PATCH_TYPE},
        )
        record.update({key: value for key, value in values.items() if value is not None})


def _complete(item: Item) -> dict[str, Any]:
    """The item with its derived settings."""
    complete = {"state": "present", "disk_format": "qcow2", **{k: v for k, v in item.items() if v is not None}}
    if "container_format" not in complete:
        disk_format = complete["disk_format"]
        complete["container_format"] = disk_format if disk_format in AMAZON else "bare"
    if complete.get("checksum"):
        complete["checksum"] = complete["checksum"].lower()
        algorithm, _colon, digest = complete["checksum"].partition(":")
        if algorithm not in ("sha256", "sha512") or len(digest) != hashlib.new(algorithm).digest_size * 2:
            raise CloudError(
                f"Image {item['name']}: checksum is {item['checksum']!r}, expected sha256: or sha512: and the digits.",
                "described",
            )
    return complete


def _parts_first(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Kernels and ramdisks before the images that are started with them."""
    by_name: dict[str, dict[str, Any]] = {}
    for item in items:
        if item["name"] in by_name:
            raise CloudError(f"images: {item['name']} is described twice. Describe it once.", "described")
        by_name[item["name"]] = item
    ordered: list[dict[str, Any]] = []
    open_: list[str] = []

    def visit(item: dict[str, Any]) -> None:
        if item in ordered:
            return
        if item["name"] in open_:
            raise CloudError(f"images: {' -> '.join([*open_, item['name']])} refer to each other.", "described")
        open_.append(item["name"])
        for part in ("kernel", "ramdisk"):
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


def _origin(item: Item) -> str | None:
    """What is written to the property SOURCE. A local file without checksum is compared by its content alone."""
    origin: str | None = item.get("checksum") or item.get("url")
    return origin


def _same_by_record(item: Item, record: Record) -> bool:
    checksum = item.get("checksum")
    if checksum:
        algorithm, _colon, digest = checksum.partition(":")
        if record.get("os_hash_algo") == algorithm:
            return bool(record.get("os_hash_value") == digest)
    origin = _origin(item)
    return origin is not None and record.get(SOURCE) == origin


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _readable(properties: Mapping[str, Any], item: Item) -> dict[str, Any]:
    """A new kernel has no id yet in check mode: show its name, so that the diff is that of the real run."""
    shown = dict(properties)
    for part in ("kernel", "ramdisk"):
        if f"{part}_id" in shown and item.get(part):
            shown[f"{part}_id"] = f"(of image {item[part]})"
    return shown
