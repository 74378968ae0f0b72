# Runs on the controller, with the files of the finished cloud in /etc.
option() { sed -n "/^\[$2\]/,/^\[/s/^$3 *= *//p" "$1" | head -n 1; }

start mariadb rabbitmq-server memcached
# Each service's account, and its databases, stand in the URLs of its configuration.
{
    grep -hoE 'mysql\+pymysql://[^?]+' /etc/{keystone/keystone,glance/glance-api,placement/placement,nova/nova,neutron/neutron,cinder/cinder}.conf
    grep -hoE 'mysql\+pymysql://nova[^?]+/nova\?' /etc/nova/nova.conf | sed 's|/nova?$|/nova_cell0|'
} | sort -u | sed -E "s|mysql\+pymysql://([^:]+):([^@]+)@[^/]+/(.*)|CREATE DATABASE \3 CHARACTER SET utf8mb3; GRANT ALL ON \3.* TO '\1'@'%' IDENTIFIED BY '\2';|" |
    mariadb

su -s /bin/sh keystone -c 'keystone-manage db_sync'
keystone-manage fernet_setup --keystone-user keystone --keystone-group keystone
keystone-manage credential_setup --keystone-user keystone --keystone-group keystone
export OS_CLIENT_CONFIG_FILE=/etc/openstack/clouds.yaml OS_CLOUD=mikumo
OS_BOOTSTRAP_PASSWORD=$(python3 -c 'import yaml; print(yaml.safe_load(open("/etc/openstack/clouds.yaml"))["clouds"]["mikumo"]["auth"]["password"])')
export OS_BOOTSTRAP_PASSWORD
url=http://10.0.0.11
su -s /bin/sh --preserve-environment keystone -c "keystone-manage bootstrap --bootstrap-region-id RegionOne \
    --bootstrap-public-url $url:5000/v3 --bootstrap-internal-url $url:5000/v3 --bootstrap-admin-url $url:5000/v3"
start keystone
answers $url:5000/v3

# One process of the client for all entries: each start costs seconds.
{
    echo 'project create service'
    while read -r name type file section port; do
        # shellcheck disable=SC2016
        echo "user create --project service --password $(option "$file" "$section" password) $name"
        echo "role add --project service --user $name admin"
        echo "role add --project service --user $name service"
        echo "service create --name $name $type"
        for interface in public internal admin; do echo "endpoint create --region RegionOne $type $interface $url:$port"; done
    done <<'SERVICES'
glance image /etc/glance/glance-api.conf keystone_authtoken 9292
placement placement /etc/placement/placement.conf keystone_authtoken 8778
nova compute /etc/nova/nova.conf keystone_authtoken 8774/v2.1
neutron network /etc/neutron/neutron.conf keystone_authtoken 9696
cinder volumev3 /etc/cinder/cinder.conf keystone_authtoken 8776/v3
SERVICES
} | openstack >/dev/null || true # it ends with 1 where its input does

as() { su -s /bin/sh "$1" -c "$2"; }
as glance 'glance-manage db_sync'
start glance-api
as placement 'placement-manage db sync'
start placement-api
as nova 'nova-manage api_db sync'
as nova 'nova-manage cell_v2 map_cell0'
as nova 'nova-manage cell_v2 create_cell --name cell1'
as nova 'nova-manage db sync'
start nova-conductor nova-scheduler nova-api nova-api-metadata nova-novncproxy
as neutron 'neutron-db-manage upgrade heads'
start neutron-api neutron-rpc-server neutron-periodic-workers
as cinder 'cinder-manage db sync'
start cinder-scheduler cinder-api

for file in $(sed -n 's/^RequiresMountsFor=//p' /etc/systemd/system/mikumo-volumes.service); do truncate --size 10G "$file"; done
start mikumo-volumes
vgcreate --quiet cinder-volumes "$(losetup --noheadings --output NAME | tail -n 1 | tr -d ' ')"
start tgt cinder-volume

rm -f /etc/apache2/sites-enabled/{openstack-dashboard-alias-only,default-ssl}.conf
start apache2
for port in 9292 8778 8774 9696 8776; do answers $url:$port; done
answers $url/horizon/auth/login/
