# Runs on the controller at the end: until everything has reported itself.
set -euo pipefail
export OS_CLIENT_CONFIG_FILE=/etc/openstack/clouds.yaml OS_CLOUD=mikumo
until [ "$({ echo 'compute service list -f value -c State'; echo 'network agent list -f value -c Alive'; echo 'volume service list -f value -c State'; } |
    openstack 2>/dev/null | grep -cE 'up|True')" -ge 10 ]; do sleep 2; done
su -s /bin/sh nova -c 'nova-manage cell_v2 discover_hosts'
