# Runs on the network node, with the files of the finished cloud in /etc.
set -euo pipefail
start() {
    systemctl unmask --quiet "$@"
    systemctl enable --quiet --no-reload "$@" 2>/dev/null
    systemctl restart "$@"
}
systemctl daemon-reload
start openvswitch-switch
ovs-vsctl add-br br-external -- add-port br-external eth2
start mikumo-bridge-ports neutron-openvswitch-agent neutron-l3-agent neutron-dhcp-agent neutron-metadata-agent
