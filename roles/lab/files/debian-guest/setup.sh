#!/bin/sh
# Runs before the first package is unpacked: the initrd is made when the kernel is installed, and has what a virtual
# machine needs instead of every driver there is.
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
printf 'MODULES=list\nCOMPRESS=gzip\n' >"$1/etc/initramfs-tools/conf.d/lab"
# The config drive is a CD. It has to be there before systemd starts, which is when cloud-init decides whether it is wanted.
printf '%s\n' virtio_pci virtio_blk virtio_net virtio_rng ext4 ata_piix sr_mod isofs \
    >"$1/usr/share/initramfs-tools/modules.d/lab"
