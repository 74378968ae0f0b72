#!/bin/bash
# Runs inside the build, after the base packages: mmdebstrap calls it with the image's root directory.
#   EXTRA      file with the additional packages, one a line
#   FILES      directory with lab-seed and lab-seed.service
set -euo pipefail
root=$1

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }

# What would start at boot: links that systemd reads, and the start links of old init scripts.
enabled_units() { (cd "$root" && find etc/systemd/system -type l ! -lname /dev/null | sort); }
enabled_scripts() { (cd "$root" && find etc/rc[2-5S].d -name 'S*' -printf '%f\n' | sed 's/^S[0-9]*//' | sort -u); }

units=$(enabled_units)
scripts=$(enabled_scripts)
if [ -s "$EXTRA" ]; then
    say "installing $(wc -l <"$EXTRA") additional packages and what they need"
    mapfile -t names <"$EXTRA"
    chroot "$root" env DEBIAN_FRONTEND=noninteractive \
        apt-get --yes --quiet --no-install-recommends -o Dpkg::Use-Pty=0 install "${names[@]}"
fi

# A node starts like an empty machine: it is the roles that enable and start services.
comm -13 <(printf '%s\n' "$units") <(enabled_units) | while read -r link; do
    say "disabled: ${link#etc/systemd/system/}"
    rm "$root/$link"
done
comm -13 <(printf '%s\n' "$scripts") <(enabled_scripts) | while read -r script; do
    chroot "$root" update-rc.d "$script" disable >/dev/null
done
find "$root/etc/systemd/system" -mindepth 1 -type d -empty -delete

# Debian's units of agents want these beside them, for machines that have everything on one. In an image that every node
# shares they would come up on each; a role that needs one unmasks it.
for unit in keystone.service mariadb.service rabbitmq-server.service; do
    if [ -e "$root/usr/lib/systemd/system/$unit" ]; then ln -sf /dev/null "$root/etc/systemd/system/$unit"; fi
done

# Nothing may take the package lock or the processor behind the operator's back; host keys come with the seed.
for unit in apt-daily.timer apt-daily-upgrade.timer man-db.timer e2scrub_all.timer unattended-upgrades.service \
    sshd-keygen.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# A login is Ansible's, and starts no manager of units for it: that is two seconds of a node's core, and 7 MB.
chroot "$root" env DEBIAN_FRONTEND=noninteractive pam-auth-update --disable systemd
# There is no screen: the first terminal is not connected to anything.
rm -f "$root/etc/systemd/system/getty.target.wants/getty@tty1.service"
# The control socket's "cad" is this machine's power button.
ln -sf /usr/lib/systemd/system/poweroff.target "$root/etc/systemd/system/ctrl-alt-del.target"

install -m 755 "$FILES/lab-seed" "$root/usr/local/sbin/lab-seed"
install -m 644 "$FILES/lab-seed.service" "$root/etc/systemd/system/lab-seed.service"
chroot "$root" systemctl --quiet enable lab-seed.service systemd-networkd.service
# Waiting for all links would wait for those that have no address on purpose.
chroot "$root" systemctl --quiet disable systemd-networkd-wait-online.service

mkdir -p "$root/etc/systemd/network" "$root/etc/systemd/networkd.conf.d" "$root/etc/systemd/journald.conf.d"
for n in 0 1 2 3 4 5 6 7; do
    printf '[Match]\nOriginalName=vec%s\n\n[Link]\nName=eth%s\n' "$n" "$n" >"$root/etc/systemd/network/05-eth$n.link"
done
# Open vSwitch and neutron's agents own routes and rules that networkd knows nothing of.
cat >"$root/etc/systemd/networkd.conf.d/lab.conf" <<CONF
[Network]
ManageForeignRoutes=no
ManageForeignRoutingPolicyRules=no
CONF
cat >"$root/etc/systemd/journald.conf.d/lab.conf" <<CONF
[Journal]
Storage=persistent
SystemMaxUse=200M
CONF
printf 'Acquire::Languages "none";\n' >"$root/etc/apt/apt.conf.d/90lab"
printf '/dev/ubda / ext4 noatime 0 1\n' >"$root/etc/fstab"
printf 'LANG=C.UTF-8\n' >"$root/etc/default/locale"

# mmdebstrap copied this machine's.
printf 'node\n' >"$root/etc/hostname"
rm -f "$root/etc/resolv.conf"

# Nodes must not share these.
rm -f "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub "$root/var/lib/systemd/random-seed" \
    "$root/var/lib/dbus/machine-id" "$root/usr/sbin/policy-rc.d"
