#!/bin/bash
# Builds the user-mode Linux kernel of the nodes from Debian's kernel source package.
#
#   build-kernel.sh ENTRY KEYRING MIRROR SUITE PACKAGE CONFIG
#
# ENTRY becomes a directory with `linux` (the kernel, an ordinary program), `version` (what `uname -r` says in a node),
# `source` (name and version of the source package), `config`, and `modules/` (the lists of built-in modules that make
# `modprobe` succeed in a node).
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

entry=$1 keyring=$2 mirror=$3 suite=$4 package=$5 config=$(realpath "$6")
begin_entry "$entry"

say "fetching $package from $suite"
private_apt "$WORK/apt" "$keyring" "$mirror" "$suite"
cd "$WORK"
apt-get -qq download "$package"

say "unpacking the source (150 MB compressed)"
dpkg-deb --fsys-tarfile "$package"_*.deb | tar -xO "./usr/src/$package.tar.xz" | tar -xJ
dpkg-deb --show "$package"_*.deb >"$RESULT/source"
cd "$package"

say "configuring"
export ARCH=um
make -s defconfig
scripts/kconfig/merge_config.sh -m .config "$config" >/dev/null
make -s olddefconfig
# An option that olddefconfig dropped (renamed, or a dependency is missing) would be noticed only much later, in a node
# where some iptables rule cannot be loaded.
missing=$(grep '=y$' "$config" | sort | comm -23 - <(sort .config))
if [ -n "$missing" ]; then
    say "ERROR: these options of $config are not in the resulting configuration:"
    printf '%s\n' "$missing"
    exit 1
fi

say "compiling with $(nproc) jobs"
make -s -j"$(nproc)" linux
version=$(make -s kernelrelease)

say "packing"
strip -o "$RESULT/linux" linux
cp .config "$RESULT/config"
printf '%s\n' "$version" >"$RESULT/version"
modules=$RESULT/modules/usr/lib/modules/$version
mkdir -p "$modules"
cp modules.builtin modules.builtin.modinfo "$modules/"
# With everything built in there is no modules.order, but depmod asks for it.
if [ -e modules.order ]; then cp modules.order "$modules/"; else : >"$modules/modules.order"; fi
# depmod looks below lib/modules.
ln -s usr/lib "$RESULT/modules/lib"
depmod -b "$RESULT/modules" "$version"
rm "$RESULT/modules/lib"
commit_entry
say "kernel $version is ready in $entry"
