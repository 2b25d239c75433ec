#!/bin/sh
# network.sh NAME ADDRESS GATEWAY PID COMMAND…
# In a network namespace of its own (`unshare --net`): a loopback of its own, and an interface on the bridge `containers` of
# the network that the process PID is in. As in Docker, everybody may bind ports below 1024, and the hardware address comes
# from the other one: a container that is started again is found at once.
set -eu
name=$1 address=$2 gateway=$3 pid=$4
shift 4
ip link set lo up
# shellcheck disable=SC2046 # four words
hardware=$(printf '02:42:%02x:%02x:%02x:%02x' $(echo "$address" | tr . ' '))
ip link add eth0 address "$hardware" type veth peer name "$name" netns "$pid"
ip address add "$address/24" dev eth0
ip link set eth0 up
ip route add default via "$gateway"
nsenter --net="/proc/$pid/ns/net" ip link set "$name" master containers up
sysctl -qw net.ipv4.ip_unprivileged_port_start=0
exec "$@"
