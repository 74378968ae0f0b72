# Runs on the compute node, with the files of the finished cloud in /etc.
start virtlogd.socket libvirtd.socket libvirtd openvswitch-switch iscsid.socket
start mikumo-privsep
answers http://10.0.0.11:9696
start neutron-openvswitch-agent
# It ends when no conductor answers, and is tried again.
systemctl unmask --quiet nova-compute
systemctl enable --quiet --no-reload nova-compute 2>/dev/null
until systemctl restart nova-compute; do sleep 1; done
