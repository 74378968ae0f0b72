# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detects a file's format by its content, and checks whether the file can be an image of the described format.

The format_inspector of oslo.utils checks more, but needs version 7.3. Debian 12 has 6.0, and openstacksdk does not depend on
oslo.utils. It also recognizes neither archives nor error pages downloaded in place of an image.
"""

from __future__ import annotations

import codecs
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# Disk formats, and other content that is found in their place. The first match counts.
HEADS: tuple[tuple[str, int, bytes], ...] = (
    ("qcow2", 0, b"QFI\xfb\x00\x00\x00\x02"),
    ("qcow2", 0, b"QFI\xfb\x00\x00\x00\x03"),
    ("qcow", 0, b"QFI\xfb"),
    ("qed", 0, b"QED\0"),
    ("vmdk", 0, b"KDMV"),
    ("vmdk", 0, b"COWD"),
    ("vmdk descriptor", 0, b"# Disk DescriptorFile"),
    ("vhd", 0, b"conectix"),
    ("vhdx", 0, b"vhdxfile"),
    ("vdi", 64, b"\x7f\x10\xda\xbe"),
    ("ploop", 0, b"WithoutFreeSpace"),
    ("ploop", 0, b"WithouFreSpacExt"),
    ("iso", 32769, b"CD001"),
    ("iso", 32769, b"BEA01"),
    ("gzip", 0, b"\x1f\x8b"),
    ("xz", 0, b"\xfd7zXZ\x00"),
    ("bzip2", 0, b"BZh"),
    ("zstd", 0, b"\x28\xb5\x2f\xfd"),
    ("lz4", 0, b"\x04\x22\x4d\x18"),
    ("lz4", 0, b"\x02\x21\x4c\x18"),
    ("lzip", 0, b"LZIP"),
    ("lzop", 0, b"\x89LZO"),
    ("lzma", 0, b"\x5d\x00\x00"),
    ("compress", 0, b"\x1f\x9d"),
    ("zip", 0, b"PK\x03\x04"),
    ("zip", 0, b"PK\x05\x06"),
    ("7z", 0, b"7z\xbc\xaf\x27\x1c"),
    ("rar", 0, b"Rar!\x1a\x07"),
    ("cpio", 0, b"07070"),
    ("ar", 0, b"!<arch>\n"),
    ("rpm", 0, b"\xed\xab\xee\xdb"),
    ("pdf", 0, b"%PDF-"),
    ("linux", 0x202, b"HdrS"),
    ("linux", 56, b"ARM\x64"),
    ("elf", 0, b"\x7fELF"),
    ("pe", 0, b"MZ"),
    ("tar", 257, b"ustar"),
)
NAMES = {
    "empty": "an empty file",
    "other": "a raw disk, or data without a known format",
    "html": "an HTML page",
    "text": "text",
    "linux": "a Linux kernel",
    "elf": "an ELF program",
    "pe": "a program in PE format",
    "vmdk descriptor": "the text part of a VMDK whose data is in other files",
    "qcow": "a qcow image of version 1",
    "cpio": "a cpio archive",
    "tar": "a tar archive",
    "zip": "a zip archive",
    "7z": "a 7z archive",
    "rar": "a RAR archive",
    "ar": "an ar archive or a Debian package",
    "rpm": "an RPM package",
    "pdf": "a PDF document",
}
COMPRESSED = ("gzip", "xz", "bzip2", "zstd", "lz4", "lzip", "lzop", "lzma", "compress")
# Formats that Python's standard library can decompress.
UNPACKABLE = ("gzip", "xz", "bzip2")
ARCHIVES = ("tar", "zip", "7z", "rar", "ar", "rpm")
PAGES = ("html", "text", "pdf")
DISKS = ("qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "ploop")
RAW = ("raw", "ami")
HEAD = 33 * 1024
SECTOR = 512
# Formats with such a short magic number that a disk may begin with it by chance.
WEAK = ("lzma", "compress")


@dataclass(frozen=True)
class Look:
    """The format of a file. damage: why the file is unusable, regardless of the described format."""

    kind: str
    size: int
    damage: str = ""
    # Has a boot sector. Many ISO images can also be written to a disk.
    boots: bool = False

    @property
    def name(self) -> str:
        if self.kind in NAMES:
            return NAMES[self.kind]
        return f"{self.kind} compressed data" if self.kind in COMPRESSED else f"a {self.kind} image"


def look(path: Path) -> Look:
    """Read the first 33 KiB, the last sector, and the tables of a qcow2 image."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
        kind = _kind(head)
        if kind == "other" and size >= SECTOR:
            file.seek(size - SECTOR)
            # A fixed VHD is a raw disk with a footer.
            kind = "vhd" if file.read(8) == b"conectix" else kind
        damage = ""
        if kind == "qcow2":
            damage = _qcow2_damage(file, head, size)
        elif kind == "vmdk":
            damage = _vmdk_damage(file, head)
        elif kind == "other":
            damage = _partitions_damage(head, size)
    return Look(kind, size, damage, boots=head[510:512] == b"\x55\xaa")


def objection(found: Look, disk_format: str, container_format: str, *, verify: bool = True) -> str:
    """Explain in sentences why the file cannot be an image of the described format. Empty if it can.

    Without verify, object only to files that are unusable or dangerous in any case.
    """
    if found.kind == "empty":
        return "The file is empty. Put the image there, or correct file or url."
    dangerous = found.damage and found.kind == disk_format
    if not verify:
        return found.damage if dangerous else ""
    if container_format in ("ova", "docker"):
        allowed: tuple[str, ...] = ("tar", "gzip") if container_format == "docker" else ("tar",)
        return "" if found.kind in allowed else _mismatch(found, f"container_format {container_format} is a tar archive")
    if container_format == "ovf" or disk_format == found.kind:
        return found.damage if dangerous else ""
    if disk_format in DISKS:
        return _mismatch(found, f"disk_format is {disk_format}")
    if disk_format in ("aki", "ari"):
        what = "a kernel" if disk_format == "aki" else "an initial RAM disk"
        wrong = (*PAGES, *ARCHIVES, *DISKS, "qcow", "qed", "vmdk descriptor")
        return _mismatch(found, f"disk_format {disk_format} is {what}") if found.kind in wrong else ""
    if found.kind in (*WEAK, "linux", "pe", "elf", "cpio", "lzop"):
        # Any bytes may be a raw disk. Some boot sectors begin with these.
        return ""
    if found.kind == "iso" and found.boots:
        return ""
    if found.kind == "other":
        return found.damage
    return _mismatch(found, f"disk_format is {disk_format}, which means a disk without an image format")


def _mismatch(found: Look, described: str) -> str:
    return f"The file contains {found.name}, but {described}. {_remedy(found)}"


def _remedy(found: Look) -> str:
    if found.kind in UNPACKABLE:
        return "Set unpack: true to unpack it before the upload, or unpack it and give the path of the result in file."
    if found.kind in COMPRESSED or found.kind in ARCHIVES:
        return "Unpack it, and give the path of the image inside in file."
    if found.kind in PAGES:
        return "Servers send such pages for errors and logins: open it, and correct file or url."
    if found.kind in DISKS:
        return f"Set disk_format: {found.kind}, or correct file or url."
    if found.kind == "other":
        return "Correct disk_format (raw accepts any disk without an image format), file or url."
    return "Correct disk_format, file or url."


def _kind(head: bytes) -> str:
    if not head:
        return "empty"
    kind = next((kind for kind, offset, magic in HEADS if head.startswith(magic, offset)), "other")
    if kind == "bzip2" and not head[3:4].isdigit():
        kind = "other"
    # A text may also begin with these two or three letters.
    return _text_kind(head) or kind if kind in ("other", "pe", "cpio", *WEAK) else kind


def _text_kind(head: bytes) -> str:
    sample = head[:4096]
    encoding = "utf-16" if sample.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        # The sample may end in the middle of a character.
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return ""
    if re.search(r"[^\t\n\f\r\x1b\x20-\x7e\x80-\U0010ffff]", text):
        return ""
    start = text.lstrip().lower()
    return "html" if re.match(r"<(!doctype html|html|head|body|\?xml|!--|title|h1)", start) else "text"


def _qcow2_damage(file: BinaryIO, head: bytes, size: int) -> str:
    """Refuse qcow2 images that refer to other files: the host that opens the image would expose these to its instances."""
    if len(head) < 72:
        return _truncated(size, 72)
    version, backing, _length, cluster_bits = struct.unpack(">IQII", head[4:24])
    (l1_entries,) = struct.unpack(">I", head[36:40])
    l1_offset, refcounts = struct.unpack(">QQ", head[40:56])
    features = struct.unpack(">Q", head[72:80])[0] if version >= 3 and len(head) >= 80 else 0
    flatten = "Flatten it: qemu-img convert -O qcow2 OLD NEW."
    if backing:
        return f"It is a qcow2 image with a backing file, and contains only the differences from that file. {flatten}"
    if features & 4:
        return f"It is a qcow2 image whose data is in another file. {flatten}"
    if features & 2:
        return "It is a qcow2 image that is marked as corrupt. Repair it: qemu-img check -r all, or use another copy."
    if not 9 <= cluster_bits <= 21 or l1_entries * 8 > 32 << 20:
        return "It is a qcow2 image with an invalid header. Use another copy."
    cluster, entry = 1 << cluster_bits, 16 if features & 16 else 8
    needed = max(l1_offset + l1_entries * 8, refcounts + 1)
    if needed > size:
        return _truncated(size, needed)
    file.seek(l1_offset)
    mask = 0x00FFFFFFFFFFFE00
    for (table,) in struct.iter_unpack(">Q", file.read(l1_entries * 8)):
        if not table & mask:
            continue
        needed = max(needed, (table & mask) + cluster)
        if needed > size:
            break
        file.seek(table & mask)
        for first, *_rest in struct.iter_unpack(">QQ" if entry == 16 else ">Q", file.read(cluster)):
            # A compressed cluster has a shorter offset than a plain one. The last cluster may be incomplete.
            where = first & ((1 << (70 - cluster_bits)) - 1) if first >> 62 & 1 else first & mask
            needed = max(needed, where + 1)
    return _truncated(size, needed) if needed > size else ""


def _vmdk_damage(file: BinaryIO, head: bytes) -> str:
    """Accept only VMDK variants that contain their own data."""
    if not head.startswith(b"KDMV") or len(head) < 44:
        return ""
    offset, length = struct.unpack("<QQ", head[28:44])
    file.seek(offset * SECTOR)
    descriptor = file.read(min(length * SECTOR, 1 << 20)).decode("latin-1")
    found = re.search(r'createType\s*=\s*"([^"]*)"', descriptor)
    if found and found[1] not in ("monolithicSparse", "streamOptimized"):
        return (
            f"It is a VMDK of the type {found[1]}, whose data may be in other files. Convert it: qemu-img convert -O "
            "vmdk -o subformat=streamOptimized OLD NEW."
        )
    return ""


def _partitions_damage(head: bytes, size: int) -> str:
    """Find a raw disk that ends before its partitions do."""
    needed = 0
    if len(head) >= 1024 and head.startswith(b"EFI PART", SECTOR):
        # The last sector that partitions may use.
        needed = (struct.unpack("<Q", head[SECTOR + 48 : SECTOR + 56])[0] + 1) * SECTOR
    elif len(head) >= SECTOR and head[510:512] == b"\x55\xaa":
        for where in range(446, 510, 16):
            status, kind = head[where], head[where + 4]
            start, length = struct.unpack("<II", head[where + 8 : where + 16])
            if status not in (0, 0x80):
                # A boot sector without a partition table, such as that of a FAT file system.
                return ""
            if kind:
                needed = max(needed, (start + length) * SECTOR)
    return _truncated(size, needed) if needed > size else ""


def _truncated(size: int, needed: int) -> str:
    return f"It is truncated: it has {size} bytes, but needs at least {needed}. Download or copy it again."
