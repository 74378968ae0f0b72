#!/bin/bash
# Runs inside the build, after the packages: mmdebstrap calls it with the image's root directory.
set -euo pipefail
root=$1

chroot "$root" systemctl --quiet enable systemd-networkd.service
# Each costs an emulated processor seconds to minutes.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer man-db.timer motd-news.timer sshd-keygen.service systemd-timesyncd.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
cat >"$root/etc/cloud/cloud.cfg.d/90_lab.cfg" <<CONF
# The two ways in which Nova tells an instance what it is.
datasource_list: [ConfigDrive, OpenStack]
# One key is enough, and an RSA key takes an emulated processor a minute.
ssh_genkeytypes: [ed25519]
CONF
printf '/dev/vda / ext4 noatime 0 0\n' >"$root/etc/fstab"
printf 'LANG=C.UTF-8\n' >"$root/etc/default/locale"

# mmdebstrap copied this machine's.
printf 'debian\n' >"$root/etc/hostname"
: >"$root/etc/resolv.conf"
# Instances must not share these.
rm -f "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub "$root/var/lib/systemd/random-seed" \
    "$root/var/lib/dbus/machine-id" "$root/usr/sbin/policy-rc.d"
