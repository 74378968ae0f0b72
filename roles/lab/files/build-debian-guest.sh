#!/bin/bash
# Builds a guest image as a cloud would offer it: Debian with systemd, OpenSSH and cloud-init, small enough for an
# emulated processor. Kernel and initrd are files of their own, so that nothing has to be partitioned.
#
#   build-debian-guest.sh ENTRY KEYRING MIRROR RELEASE
#
# ENTRY becomes a directory with `vmlinuz`, `initrd`, `disk.raw` and `packages` (what is in it).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib.sh
. "$here/lib.sh"

entry=$1 keyring=$2 mirror=$3 release=$4
begin_entry "$entry"
root=$WORK/root

say "installing Debian $release with cloud-init"
mmdebstrap --mode=root --format=directory --variant=minbase --components=main --keyring="$keyring" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --include=cloud-init,dbus,e2fsprogs,initramfs-tools,iproute2,linux-image-cloud-amd64,netbase,openssh-server,sudo,systemd-sysv,udev \
    --setup-hook="$here/image/setup.sh" \
    --setup-hook="$here/debian-guest/setup.sh" \
    --customize-hook="$here/debian-guest/customize.sh" \
    "$release" "$root" "deb $mirror $release main"
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
# Empty, not "uninitialized": systemd takes the latter for a first boot and enables every unit again.
: >"$root/etc/machine-id"
dpkg-query --admindir="$root/var/lib/dpkg" --show >"$RESULT/packages"
cp -L "$root/vmlinuz" "$RESULT/vmlinuz"
cp -L "$root/initrd.img" "$RESULT/initrd"
# Nothing is newer than the last update: the first boot rebuilds no cache.
touch "$root/etc/.updated" "$root/var/.updated"
# They are loaded from outside.
rm -f "$root"/boot/{vmlinuz,initrd.img}-* "$root"/{vmlinuz,initrd.img}{,.old}

say "packing $(du -sh "$root" | cut -f1)"
# Whole MiB with some air; the file system grows with the disk of the flavour.
truncate -s "$(($(du -sm "$root" | cut -f1) * 5 / 4 + 32))M" "$RESULT/disk.raw"
mkfs.ext4 -q -F -m 1 -L debian-guest -E lazy_itable_init=0,lazy_journal_init=0 -d "$root" "$RESULT/disk.raw"
commit_entry
say "Debian guest with $(wc -l <"$entry/packages") packages is ready in $entry"
