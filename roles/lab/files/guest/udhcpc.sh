#!/bin/busybox sh
# What the DHCP client does with its answer: address, MTU, routes, resolver. It hands the answer over in the environment.
# shellcheck shell=dash disable=SC2154
case "$1" in
    deconfig)
        ip addr flush dev "$interface"
        ip link set "$interface" up
        ;;
    bound | renew)
        ip addr flush dev "$interface"
        ip addr add "$ip/${mask:-24}" dev "$interface"
        [ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
        # With classless routes (option 121) a client must ignore the router option; they include the default route
        # and the way to the metadata service.
        if [ -n "$staticroutes" ]; then
            # shellcheck disable=SC2086 # pairs of words
            set -- $staticroutes
            while [ $# -ge 2 ]; do
                if [ "$2" = 0.0.0.0 ]; then
                    ip route replace "$1" dev "$interface"
                else
                    ip route replace "$1" via "$2" dev "$interface"
                fi
                shift 2
            done
        else
            for gateway in $router; do
                ip route replace default via "$gateway" dev "$interface"
                break
            done
        fi
        : >/etc/resolv.conf
        for server in $dns; do
            echo "nameserver $server" >>/etc/resolv.conf
        done
        : >/run/lease
        ;;
esac
