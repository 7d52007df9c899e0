#!/bin/sh
# One end of an encrypted tunnel, on a router. In user space where the kernel has no WireGuard; its end takes the tunnel away.
# usage: tunnel.sh INTERFACE ADDRESS CONFIGURATION kernel|user
set -eu
interface=$1 address=$2 configuration=$3 how=$4
user=
if [ "$how" = kernel ]; then
  ip link del "$interface" 2>/dev/null || :
  ip link add "$interface" type wireguard
else
  wireguard-go -f "$interface" &
  user=$!
  attempts=100
  until [ -S "/run/wireguard/$interface.sock" ]; do
    attempts=$((attempts - 1))
    [ "$attempts" != 0 ] && kill -0 "$user" || exit 1
    sleep 0.05
  done
fi
wg setconf "$interface" "$configuration"
ip addr add "$address" dev "$interface"
ip link set "$interface" mtu 1420 up
echo ready
if [ -n "$user" ]; then wait "$user"; else while :; do sleep 86400; done; fi
