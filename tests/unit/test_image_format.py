# Copyright: The Mikumo authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as they are published, sent in place of an image, and cut off."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile

import pytest

from ansible_collections.mikumo.openstack.plugins.module_utils._image_format import look, objection

ZEROS = b"\0" * 4096
CLUSTER = 1 << 16


def qcow2(*, version=3, backing=0, features=0, clusters=2, compressed=False, cut=0, entry=8):
    """A header, a table of tables, one table, and the data that it names."""
    l1, l2, data = CLUSTER, 2 * CLUSTER, 3 * CLUSTER
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", version, backing, 8, 16, 1 << 30, 0, 2, l1, data, 1, 0, 0)
    header += struct.pack(">QQQII", features, 0, 0, 4, 104)
    names = [data + CLUSTER * number | (1 << 62 if compressed else 1 << 63) for number in range(clusters)]
    table = b"".join(struct.pack(">Q", name) + b"\0" * (entry - 8) for name in names)
    image = header.ljust(CLUSTER, b"\0") + struct.pack(">QQ", l2 | 1 << 63, 0).ljust(CLUSTER, b"\0") + table.ljust(CLUSTER, b"\0")
    image += b"x" * CLUSTER * clusters
    return image[: len(image) - cut]


def vmdk(kind="monolithicSparse"):
    descriptor = f'# Disk DescriptorFile\nversion=1\ncreateType="{kind}"\n'.encode().ljust(512, b"\0")
    return (b"KDMV" + struct.pack("<IIQQQQ", 1, 3, 2048, 128, 1, 1)).ljust(512, b"\0") + descriptor + ZEROS


def tar(name="disk.raw"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 4096
        archive.addfile(entry, io.BytesIO(ZEROS))
    return file.getvalue()


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("disk.raw", ZEROS)
    return file.getvalue()


def disk(sectors, size, kind=0x83):
    """One partition of so many sectors, on a disk of so many bytes."""
    entry = struct.pack("<BBBBBBBBII", 0x80, 0, 0, 0, kind, 0, 0, 0, 8, sectors)
    return (b"\0" * 446 + entry).ljust(510, b"\0") + b"\x55\xaa" + b"\0" * (size - 512)


def gpt(last, size):
    image = bytearray(disk((1 << 32) - 9, size, 0xEE))
    image[512:520], image[560:568] = b"EFI PART", struct.pack("<Q", last)
    return bytes(image)


def iso(*, boots=False):
    head = disk(8, 32768) if boots else b"\0" * 32768
    return head + b"\x01CD001\x01".ljust(2048, b"\0")


LINUX = (b"MZ" + b"\0" * 0x200 + b"HdrS").ljust(4096, b"\0")
FILES = {
    "empty": b"",
    "html": b"\n <!DOCTYPE html><html><title>404</title>",
    "html in utf-16": "<html>".encode("utf-16"),
    "xml": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "json": b'{"error": "not found"}',
    "text": "Datei nicht gefunden: ü\n".encode() * 900,
    "text of two letters": b"MZ",
    "gzip": gzip.compress(ZEROS),
    "xz": lzma.compress(ZEROS),
    "lzma": lzma.compress(ZEROS, format=lzma.FORMAT_ALONE),
    "bzip2": bz2.compress(ZEROS),
    "zstd": b"\x28\xb5\x2f\xfd\x04\x00" + ZEROS,
    "lz4": b"\x02\x21\x4c\x18" + ZEROS,
    "zip": zipped(),
    "tar": tar(),
    "tar.gz": gzip.compress(tar()),
    "7z": b"7z\xbc\xaf\x27\x1c" + ZEROS,
    "cpio": b"070701" + b"0" * 104 + b"init\0" + ZEROS,
    "linux": LINUX,
    "elf": b"\x7fELF" + ZEROS,
    "raw": ZEROS,
    "raw with a partition": disk(8, 8192),
    "raw, truncated": disk(100, 8192),
    "raw with GPT": gpt(15, 8192),
    "raw with GPT, truncated": gpt(99, 8192),
    "qcow2": qcow2(),
    "qcow2, version 2": qcow2(version=2),
    "qcow2, compressed": qcow2(compressed=True),
    "qcow2, compressed, ends early": qcow2(compressed=True, cut=1000),
    "qcow2, long entries": qcow2(features=16, entry=16),
    "qcow2, last cluster cut": qcow2(cut=CLUSTER),
    "qcow2, tables cut": qcow2(cut=3 * CLUSTER),
    "qcow2, header cut": qcow2()[:50],
    "qcow2 with a backing file": qcow2(backing=200),
    "qcow2 with its data elsewhere": qcow2(features=4),
    "qcow2, corrupt": qcow2(features=2),
    "qcow": b"QFI\xfb\0\0\0\x01" + ZEROS,
    "vmdk": vmdk(),
    "vmdk, for streams": vmdk("streamOptimized"),
    "vmdk, data elsewhere": vmdk("monolithicFlat"),
    "vmdk, text": b'# Disk DescriptorFile\ncreateType="vmfs"\nRW 1 FLAT "/etc/passwd" 0\n',
    "vhd": b"conectix" + ZEROS,
    "vhd, fixed": ZEROS + b"conectix" + b"\0" * 504,
    "vhdx": b"vhdxfile" + ZEROS,
    "vdi": b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(64, b"\0") + b"\x7f\x10\xda\xbe" + ZEROS,
    "iso": iso(),
    "iso for disks as well": iso(boots=True),
    "ploop": b"WithoutFreeSpace" + ZEROS,
}
# Which files are taken, by disk_format and container_format. All others are refused.
TAKEN = {
    "qcow2": {"qcow2", "qcow2, version 2", "qcow2, compressed", "qcow2, compressed, ends early", "qcow2, long entries"},
    "vmdk": {"vmdk", "vmdk, for streams"},
    "vhd": {"vhd", "vhd, fixed"},
    "vhdx": {"vhdx"},
    "vdi": {"vdi"},
    "iso": {"iso", "iso for disks as well"},
    "ploop": {"ploop"},
    "raw": {"raw", "raw with a partition", "raw with GPT", "iso for disks as well", "linux", "elf", "cpio", "lzma"},
    "ami": {"raw", "raw with a partition", "raw with GPT", "iso for disks as well", "linux", "elf", "cpio", "lzma"},
}
BOOTS = {"gzip", "tar.gz", "xz", "lzma", "bzip2", "zstd", "lz4", "cpio", "linux", "elf"}
BOOTS |= {name for name in FILES if name.startswith("raw")}
TAKEN |= {"aki": BOOTS, "ari": BOOTS}


@pytest.mark.parametrize("disk_format", TAKEN)
def test_which_files_are_taken(disk_format, tmp_path):
    path, taken = tmp_path / "file", set()
    for name, data in FILES.items():
        path.write_bytes(data)
        if not objection(look(path), disk_format, "bare"):
            taken.add(name)
    assert taken == TAKEN[disk_format]


@pytest.mark.parametrize(
    ("container", "taken"),
    [("ova", {"tar"}), ("docker", {"tar", "gzip", "tar.gz"}), ("ovf", {"tar", "gzip", "tar.gz", "raw"})],
)
def test_containers(container, taken, tmp_path):
    path = tmp_path / "file"
    for name in ("empty", "tar", "gzip", "tar.gz", "raw"):
        path.write_bytes(FILES[name])
        assert bool(objection(look(path), "vmdk", container)) is (name not in taken), name


@pytest.mark.parametrize(
    ("name", "disk_format", "words"),
    [
        ("empty", "raw", "The file is empty. Put the image there, or correct file or url."),
        ("html", "qcow2", "The file contains an HTML page, but disk_format is qcow2. Servers send such pages"),
        ("json", "raw", "The file contains text, but disk_format is raw, which means a disk without an image format."),
        ("gzip", "qcow2", "contains gzip compressed data, but disk_format is qcow2. Set unpack: true"),
        ("zstd", "qcow2", "contains zstd compressed data, but disk_format is qcow2. Unpack it, and give the path of the image"),
        ("zip", "raw", "contains a zip archive, but disk_format is raw, which means a disk without an image format. Unpack it"),
        (
            "qcow2",
            "raw",
            "contains a qcow2 image, but disk_format is raw.* image format. Set disk_format: qcow2",
        ),
        ("raw", "qcow2", "contains a raw disk, or data without a known format, but disk_format is qcow2. Correct disk_format"),
        ("html", "aki", "contains an HTML page, but disk_format aki is a kernel."),
        ("qcow2", "ari", "contains a qcow2 image, but disk_format ari is an initial RAM disk."),
        ("qcow2 with a backing file", "qcow2", "with a backing file.* Flatten it: qemu-img convert"),
        ("qcow2 with its data elsewhere", "qcow2", "data is in another file"),
        ("qcow2, last cluster cut", "qcow2", "It is truncated: it has 262144 bytes, but needs at least 262145"),
        ("raw with GPT, truncated", "raw", "It is truncated: it has 8192 bytes, but needs at least 51200"),
        ("vmdk, data elsewhere", "vmdk", "VMDK of the type monolithicFlat"),
    ],
)
def test_reasons(name, disk_format, words, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(FILES[name])
    text = objection(look(path), disk_format, "bare")
    assert re.search(words, text), text


def test_consent_goes_as_far_as_it_is_safe(tmp_path):
    path = tmp_path / "file"
    refused = set()
    for name, data in FILES.items():
        path.write_bytes(data)
        if objection(look(path), "qcow2", "bare", verify=False):
            refused.add(name)
    assert refused == {
        "empty",
        "qcow2, last cluster cut",
        "qcow2, tables cut",
        "qcow2, header cut",
        "qcow2 with a backing file",
        "qcow2 with its data elsewhere",
        "qcow2, corrupt",
    }
