# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings Glance's images into a described state.

An upload goes to an image named NAME.uploading, which is renamed once it is active, like a file that is written under a
temporary name. Nobody therefore sees an unusable image under its final name. The remains of an interrupted run are
recognizable by their name. An image to be replaced stays usable until the new one is active.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.mikumo.openstack.plugins.module_utils._differences import Differences, differing
from ansible_collections.mikumo.openstack.plugins.module_utils._download import Downloads, Source, hashes
from ansible_collections.mikumo.openstack.plugins.module_utils._image_format import UNPACKABLE, look, objection
from ansible_collections.mikumo.openstack.plugins.module_utils._image_items import (
    PARTS,
    SOURCE,
    UPLOADING,
    Item,
    complete,
    parts_first,
)
from ansible_collections.mikumo.openstack.plugins.module_utils._openstack import Api, CloudError, Record
from ansible_collections.mikumo.openstack.plugins.module_utils._web_address import public

NEW = "new:"
PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
# The property SOURCE holds the checksum of the uploaded file, or without one its URL. Glance computes its own sha512, but the
# described checksum may be a sha256, and the module should not download a file only to find that it is the same. The property
# also identifies the module's own images. This is its value for a local file without a checksum.
FROM_FILE = "file"
# Prefix of the property if the image is the content of a compressed file.
UNPACKED = "unpacked "
# Attributes that Glance can change in an image with data. All others require a new image.
CHANGEABLE = ("visibility", "protected", "min_disk", "min_ram")
# States of an image that has no data, and gets none by itself. An interrupted upload also leaves the state saving.
BROKEN = ("queued", "saving", "uploading", "importing", "killed", "deleted", "pending_delete")
UPLOAD_TIMEOUT = 3600


@dataclass(frozen=True)
class Plan:
    """The steps for an image: only settings if there is an image to keep, otherwise an upload of source."""

    item: Item
    usable: list[Record]
    unfinished: list[Record]
    kept: Record | None
    source: Source | None


class Images:
    """assume: no service answers. Images that are referenced but not described are assumed to exist."""

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
        self._temporary: list[Path] = []

    def converge(self, items: Iterable[Item]) -> dict[str, str | None]:
        """Return the IDs, by name, of all described images that are present."""
        described = [self._with_checksum(item) for item in complete(items, check=self._check)]
        ordered = parts_first(described)
        self._read(ordered)
        try:
            # All files exist and have been inspected before the first upload.
            plans = self._plans([item for item in ordered if item["state"] == "present"])
            for plan in plans:
                self._ids[plan.item["name"]] = self._present(plan)
        finally:
            for path in self._temporary:
                path.unlink(missing_ok=True)
        for item in reversed(ordered):
            # Delete a machine image before its kernel.
            if item["state"] == "absent":
                self._absent(item)
        return {
            item["name"]: None if self._ids[item["name"]].startswith(NEW) else self._ids[item["name"]]
            for item in described
            if item["state"] == "present"
        }

    def _with_checksum(self, item: dict[str, Any]) -> dict[str, Any]:
        """Add a local file's checksum. Finding that Glance already has the image then needs no decompression."""
        if item.get("unpack") and item.get("file") and not item.get("checksum") and Path(item["file"]).is_file():
            item["checksum"] = f"sha256:{hashes(Path(item['file']), ['sha256'])['sha256']}"
        return item

    def _plans(self, items: Iterable[Item]) -> list[Plan]:
        plans, errors = [], []
        names = {item["name"] for item in items}
        for item in items:
            try:
                for part in PARTS:
                    if item.get(part) and item[part] not in names:
                        self._part_id(item[part], item["name"])
                plans.append(self._plan(item))
            except CloudError as error:
                errors.append(error)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise CloudError("\n".join(str(error) for error in errors), errors[0].kind)
        return plans

    def _read(self, items: Iterable[Item]) -> None:
        """Read all relevant images with one request."""
        names: list[str] = []
        for item in items:
            names += [item["name"], item["name"] + UPLOADING]
            names += [item[part] for part in PARTS if item.get(part)]
        if not names:
            return
        # Glance accepts quoted values with backslash escapes, as in JSON.
        query = "in:" + ",".join(json.dumps(name, ensure_ascii=False) for name in dict.fromkeys(names))
        for record in self._api.list("/images", "images", "images", name=query, limit=500):
            self._found.setdefault(record["name"], []).append(record)

    def _own(self, name: str) -> list[Record]:
        """Return the project's own images. An administrator also sees those of other projects, and must leave them alone."""
        return [one for one in self._found.get(name, []) if one.get("owner") == self._project_id]

    # One image

    def _plan(self, item: Item) -> Plan:
        records = self._own(item["name"])
        usable = [one for one in records if one["status"] not in BROKEN]
        unfinished = [one for one in records if one not in usable]
        kept, source = self._matching(item, usable)
        if kept is None:
            source = source or self._source(item)
            if source is not None:
                self._inspect(item, source)
        return Plan(item, usable, unfinished, kept, source)

    @staticmethod
    def _inspect(item: Item, source: Source) -> None:
        wrong = objection(
            look(source.path), item["disk_format"], item["container_format"], verify=item.get("verify_format", True)
        )
        if wrong:
            origin = f"file {item['file']}" if item.get("file") else public(item["url"])
            raise CloudError(f"Image {item['name']} cannot be created from {origin}. {wrong}", "described")

    def _present(self, plan: Plan) -> str:
        item, kept, source = plan.item, plan.kept, plan.source
        name = item["name"]
        properties = self._properties(item)
        leftovers = self._own(name + UPLOADING)
        if kept is None:
            replaced, broken = bool(plan.usable), bool(plan.unfinished)
            kept = self._uploaded(item, properties, source, leftovers, replaced=replaced, broken=broken)
        else:
            for one in leftovers:
                self._delete(one, name)
                self._differences.removed("image", name, {f"unfinished {one['id']}": one["status"]}, "unfinished upload removed")
            self._adjust(item, kept, properties, source)
        for one in plan.unfinished:
            self._remove(one, name, f"unfinished {one['id']} ({one['status']}) removed")
        for one in plan.usable:
            if one is kept:
                continue
            if SOURCE in one:
                self._remove(one, name, f"{one['id']}, which has different content or is a duplicate, removed")
            else:
                why = "was not uploaded by this module, and has different content or is a duplicate"
                self._differences.updated("image", name, {f"id {one['id']}": name}, {f"id {one['id']}": _aside(one, name)})
                self._put_aside(one, name, why)
        return str(kept["id"])

    def _matching(self, item: Item, usable: list[Record]) -> tuple[Record | None, Source | None]:
        """Return the newest image of that name with the described format and content, if any."""
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
        """Return the data, if Glance's metadata is not enough to decide whether it is the same."""
        if item.get("url") and not item.get("checksum"):
            # Only the URL identifies the described image, and the image in Glance has a different URL.
            return None
        return self._source(item)

    def _source(self, item: Item) -> Source | None:
        """Return the data to upload. Check mode neither downloads nor decompresses anything."""
        source = self._published(item)
        if source is None or not item.get("unpack"):
            return source
        if self._check:
            found = look(source.path).kind
            return None if found in UNPACKABLE else self._downloads.unpacked(source, f"image {item['name']}")
        unpacked = self._downloads.unpacked(source, f"image {item['name']}")
        if unpacked.temporary:
            self._temporary.append(unpacked.path)
        return unpacked

    def _published(self, item: Item) -> Source | None:
        if item.get("file"):
            path = Path(item["file"])
            if self._check and not path.exists():
                # On an empty host, an earlier task may create the file.
                return None
            return self._downloads.local(path, item.get("checksum"), f"image {item['name']}")
        if item.get("url"):
            if self._check:
                return self._downloads.cached(item["url"], item.get("checksum"))
            return self._downloads.fetch(item["url"], item.get("checksum"), f"image {item['name']}")
        raise CloudError(
            f"Image {item['name']} does not exist in Glance in the described format, and has neither file nor url to upload. "
            "Give one of them.",
            "described",
        )

    def _properties(self, item: Item) -> dict[str, str | None]:
        """Return the described custom properties as text, as Glance stores them. None removes a property."""
        properties = {key: _text(value) for key, value in (item.get("properties") or {}).items()}
        for part in PARTS:
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
        custom[SOURCE] = _origin(item) or FROM_FILE
        shown = {**formats, **attributes, **_readable(custom, item)}
        how = "replaced by another upload" if replaced else "uploaded again" if broken else "uploaded"
        self._differences.created("image", name, shown, f"{how} from {item.get('file') or public(item['url'])}")
        if self._check or source is None:
            return {**shown, "id": f"{NEW}{name}", "name": name, "status": "active"}
        for one in leftovers:
            self._delete(one, name)
        # Keep the image unprotected and private until it is complete.
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
        try:
            self._send(record, source, name)
        except CloudError as error:
            # The remains would count against the quota.
            self._api.delete(path, f"image {name} ({record['id']})")
            if getattr(error.__cause__, "http_status", None) == 413:
                raise CloudError(
                    f"{error} {source.path} has {source.path.stat().st_size} bytes. Either Glance's store is full, or the image "
                    "exceeds a limit: see image_size_cap and user_storage_quota in Glance's configuration, and the project's "
                    "limits (openstack limit list). Remove images, or raise the limit.",
                    error.kind,
                ) from error
            raise
        record = self._active(record["id"], name)
        self._compare_hash(record, source, name)
        final: dict[str, Any] = {
            "name": name,
            **{key: attributes[key] for key in ("visibility", "protected") if key in attributes},
        }
        self._patch(record, {key: value for key, value in final.items() if record.get(key) != value}, name)
        return record

    def _send(self, record: Record, source: Source, name: str) -> None:
        with source.path.open("rb") as data:
            self._api.request(
                "PUT",
                f"/images/{record['id']}/file",
                f"upload {source.path} to image {name}",
                # A retry would continue at the end of the file, and Glance accepts data only once.
                safe=False,
                data=data,
                headers={"Content-Type": "application/octet-stream"},
                timeout=UPLOAD_TIMEOUT,
                log=False,
            )

    def _active(self, image_id: str, name: str) -> Record:
        start, delay = self._clock(), 0.5
        while True:
            record = self._api.get(f"/images/{image_id}", f"image {name}")
            if record["status"] == "active":
                return record
            if record["status"] in ("killed", "deleted", "queued"):
                raise CloudError(
                    f"The upload of image {name} ended in the state {record['status']}, not active. Glance did not "
                    "store the data: check its log and the free space of its store.",
                )
            if self._clock() - start > self._wait:
                raise CloudError(
                    f"Image {name} was uploaded, but is still {record['status']}, not active, after {self._wait:.0f} "
                    "seconds. See Glance's log, or raise active_timeout.",
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
                f"Image {name} was damaged in transit: its {algorithm} is {found} in Glance and {expected} in {source.path}. "
                "This module removed it from Glance. Check Glance's log and its store, and run again.",
            )

    def _adjust(self, item: Item, record: Record, properties: Mapping[str, str | None], source: Source | None) -> None:
        """Change settings in place."""
        name = item["name"]
        if record["status"] == "deactivated":
            self.warnings.append(
                f"Image {name} ({record['id']}) stays deactivated. To use it, run openstack image set --activate {record['id']}."
            )
        before, after = differing({key: item.get(key) for key in CHANGEABLE}, record)
        custom = dict(properties)
        origin = _origin(item)
        if origin and (source is not None or record.get(SOURCE, FROM_FILE) != FROM_FILE):
            custom[SOURCE] = origin
        for key, value in custom.items():
            if record.get(key) != value:
                after[key] = value
                if key in record:
                    before[key] = record[key]
        if before.get(SOURCE) and _shown_origin(before[SOURCE]) != before[SOURCE]:
            before[SOURCE] = "(a URL with a secret)"
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
        """Delete an image, or put it aside if it is still in use."""
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
            # In some stores, cloned volumes keep their image in use. An administrator can delete it after the last of them.
            self._put_aside(record, name, f"is in use: {error}")

    def _put_aside(self, record: Record, name: str, why: str) -> None:
        old = _aside(record, name)
        self._patch(record, {"name": old, "os_hidden": True}, name)
        done = "would be" if self._check else "was"
        self.warnings.append(f"Image {record['id']} {why.rstrip('.')}. It {done} renamed to {old!r} and hidden.")

    def _delete(self, record: Record, name: str) -> None:
        if not self._check:
            self._api.delete(f"/images/{record['id']}", f"image {name} ({record['id']})")

    def _patch(self, record: Record, values: Mapping[str, Any], name: str) -> None:
        """Change attributes and custom properties. None removes a property."""
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


def _aside(record: Record, name: str) -> str:
    return f"{name} (replaced {record['id'][:8]})"


def _origin(item: Item) -> str | None:
    """Return the value of the property SOURCE. A local file without a checksum is only compared by its content."""
    origin: str | None = item.get("checksum") or (public(item["url"]) if item.get("url") else None)
    return f"{UNPACKED}{origin}" if origin and item.get("unpack") else origin


def _shown_origin(source: str) -> str:
    """Return the property in today's form. It used to hold the whole URL, including its secrets."""
    plain = source.removeprefix(UNPACKED)
    return source.replace(plain, public(plain)) if plain.startswith(("http:", "https:")) else source


def _same_by_record(item: Item, record: Record) -> bool:
    checksum = item.get("checksum")
    if checksum and not item.get("unpack"):
        algorithm, _colon, digest = checksum.partition(":")
        if record.get("os_hash_algo") == algorithm:
            return bool(record.get("os_hash_value") == digest)
    origin = _origin(item)
    return origin is not None and SOURCE in record and _shown_origin(record[SOURCE]) == origin


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _readable(properties: Mapping[str, Any], item: Item) -> dict[str, Any]:
    """Show a kernel's name instead of its ID: a new kernel has no ID in check mode, and the diffs should match."""
    shown = dict(properties)
    for part in PARTS:
        if f"{part}_id" in shown and item.get(part):
            shown[f"{part}_id"] = f"(of image {item[part]})"
    return shown
