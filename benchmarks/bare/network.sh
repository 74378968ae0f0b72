# Runs on the network node, with the files of the finished cloud in /etc.
start openvswitch-switch
ovs-vsctl add-br br-external -- add-port br-external eth2
start mikumo-bridge-ports mikumo-privsep
# Started before, they would wait for minutes to ask again.
answers http://10.0.0.11:9696
start neutron-openvswitch-agent neutron-l3-agent neutron-dhcp-agent neutron-metadata-agent
