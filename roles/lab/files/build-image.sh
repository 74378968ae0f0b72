#!/bin/bash
# Builds the disk image that all nodes start from.
#
#   build-image.sh ENTRY KEYRING SUITE SIZE BASE_PACKAGES PACKAGES SOURCE...
#
# BASE_PACKAGES and PACKAGES are comma-separated, a SOURCE is a line of sources.list. ENTRY becomes a
# directory with `root.img` (a sparse ext4 file system without partitions) and `packages` (what is in it).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib.sh
. "$here/lib.sh"

entry=$1 keyring=$2 suite=$3 size=$4 base=$5 packages=$6
shift 6
begin_entry "$entry"

export FILES=$here/image EXTRA=$WORK/packages
tr ',' '\n' <<<"$packages" | sed '/^$/d' >"$EXTRA"
root=$WORK/root

say "installing the base system"
mmdebstrap --mode=root --format=directory --variant=minbase --components=main --keyring="$keyring" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
    --dpkgopt=force-unsafe-io --skip=cleanup/apt/lists \
    --include="$base" \
    --setup-hook="$here/image/setup.sh" \
    --customize-hook="$here/image/customize.sh" \
    "$suite" "$root" "$@"
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
# Empty, not "uninitialized": systemd takes the latter for a first boot and enables every unit again.
: >"$root/etc/machine-id"
if [ -e "$root/usr/sbin/policy-rc.d" ]; then
    say "ERROR: policy-rc.d is still in the image"
    exit 1
fi
dpkg-query --admindir="$root/var/lib/dpkg" --show >"$RESULT/packages"

say "packing $(du -sh "$root" | cut -f1) into a file system of $size"
truncate -s "$size" "$RESULT/root.img"
# The tables are written now (as holes): otherwise every node's kernel would write them all into its own disk.
mkfs.ext4 -q -F -m 1 -L root -E lazy_itable_init=0,lazy_journal_init=0 -d "$root" "$RESULT/root.img"
commit_entry
say "image with $(wc -l <"$entry/packages") packages is ready in $entry"
