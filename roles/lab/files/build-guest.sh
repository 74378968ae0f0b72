#!/bin/bash
# Builds the image that the cloud's instances run: a kernel, an initrd that is the whole system, and a small disk.
#
#   build-guest.sh ENTRY KEYRING MIRROR RELEASE
#
# ENTRY becomes a directory with `vmlinuz`, `initrd`, `disk.raw` and `guest.json` (checksums and versions).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib.sh
. "$here/lib.sh"

entry=$1 keyring=$2 mirror=$3 release=$4
begin_entry "$entry"
root=$WORK/root
cd "$WORK"

say "fetching kernel, busybox and dropbear of $release"
private_apt "$WORK/apt" "$keyring" "$mirror" "$release"
kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*-cloud-amd64\)$/\1/p' | head -n 1)
apt-get -qq download "$kernel"
apt-get -qq --yes --download-only install busybox-static dropbear-bin
dpkg-deb -x "$kernel"_*.deb "$WORK/kernel"
mkdir "$WORK/programs"
for package in "$WORK"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$WORK/programs"
done
cp "$WORK"/kernel/boot/vmlinuz-* "$RESULT/vmlinuz"
version=$(basename "$WORK"/kernel/boot/vmlinuz-*)
version=${version#vmlinuz-}

say "collecting the modules of $version"
mkdir -p "$root"/{bin,dev,etc,lib,proc,root,run,sbin,sys,tmp,usr/bin,usr/sbin,var}
ln -s lib "$root/lib64"
modules=$WORK/kernel/usr/lib/modules/$version
[ -d "$modules" ] || modules=$WORK/kernel/lib/modules/$version
target=$root/lib/modules/$version
mkdir -p "$target"
cp "$modules"/modules.{order,builtin,builtin.modinfo} "$target/"
# depmod looks below lib/modules.
[ -d "$WORK/kernel/lib/modules" ] || ln -s usr/lib "$WORK/kernel/lib"
depmod -b "$WORK/kernel" "$version"
for module in virtio_pci virtio_net virtio_blk virtio_rng virtio_scsi sd_mod sr_mod ata_piix ahci ext4 vfat isofs button evdev; do
    # Some are built in, in one kernel or the other: modprobe lists no file for those.
    modprobe --dirname "$WORK/kernel" --set-version "$version" --show-depends "$module" 2>/dev/null || true
done | awk '$1 == "insmod" { print $2 }' | sort -u | while read -r file; do
    path=$target/${file#*/modules/"$version"/}
    mkdir -p "$(dirname "$path")"
    # busybox's modprobe reads plain and gzip modules only.
    case $file in
        *.xz) xz -dc "$file" >"${path%.xz}" ;;
        *) cp "$file" "$path" ;;
    esac
done
depmod -b "$root" "$version"

say "putting the system together"
cp "$(find "$WORK/programs" -path '*bin/busybox' | head -n 1)" "$root/bin/busybox"
for program in dropbear dropbearkey; do
    cp "$(find "$WORK/programs" -path "*bin/$program" | head -n 1)" "$root/bin/$program"
done
# The libraries that the programs name, and those that these name.
pending=("$root/bin/dropbear" "$root/bin/dropbearkey")
while [ "${#pending[@]}" -gt 0 ]; do
    file=${pending[0]}
    pending=("${pending[@]:1}")
    for library in $(objdump -p "$file" | awk '$1 == "NEEDED" { print $2 }') ld-linux-x86-64.so.2; do
        if [ ! -e "$root/lib/$library" ]; then
            found=$(find "$WORK/programs" -name "$library" | head -n 1)
            if [ -z "$found" ]; then
                say "ERROR: $file needs $library, which is in none of the packages"
                exit 1
            fi
            cp -L "$found" "$root/lib/$library"
            pending+=("$root/lib/$library")
        fi
    done
done
install -m 755 "$here/guest/init" "$root/init"
install -m 755 "$here/guest/udhcpc.sh" "$root/etc/udhcpc.sh"
install -m 755 -t "$root/bin" "$here"/guest/bin/*
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"
printf 'root:*:::::::\n' >"$root/etc/shadow"
printf '/bin/sh\n' >"$root/etc/shells"
(cd "$root" && find . -print0 | sort -z | cpio --quiet --null --create --format=newc --owner=0:0 | gzip -9n) >"$RESULT/initrd"

say "making the disk"
truncate -s 16M "$RESULT/disk.raw"
mkfs.ext4 -q -F -L mikumo-guest "$RESULT/disk.raw"

sum() { sha256sum "$RESULT/$1" | cut -d' ' -f1; }
cat >"$RESULT/guest.json" <<JSON
{
  "kernel_version": "$version",
  "sha256": {
    "vmlinuz": "$(sum vmlinuz)",
    "initrd": "$(sum initrd)",
    "disk.raw": "$(sum disk.raw)"
  }
}
JSON
commit_entry
say "guest image with kernel $version is ready in $entry"
