#!/bin/sh
# The first process of a machine of the lab: its own processes, mounts, name, /run and /var/tmp. When it dies, everything of it dies.
# usage: host-init.sh NETWORK_NAMESPACE STATE_DIRECTORY CGROUP|- NAME
set -eu
namespace=$1 state=$2 cgroup=$3 name=$4
rm -f "$state/ready"
if [ "$cgroup" != - ]; then
  mkdir -p "$cgroup"
  echo $$ > "$cgroup/cgroup.procs"
fi
exec ip netns exec "$namespace" unshare --uts --pid --mount --fork --kill-child --mount-proc -- sh -c '
  set -eu
  state=$1 name=$2 holder=$3
  hostname "$name"
  mount -t tmpfs -o mode=755 tmpfs /run
  # FRR writes there; not where the lab itself lies.
  case "$state" in
    /var/tmp/*) ;;
    *) mount -t tmpfs -o mode=1777 tmpfs /var/tmp ;;
  esac
  mkdir -p /run/lock /run/holdfast
  # Where Patroni asks before it promotes: nobody else has to.
  ! getent group postgres > /dev/null || install -d -g postgres -m 750 /run/holdfast/grant
  [ ! -f "$state/hosts" ] || mount --bind "$state/hosts" /etc/hosts
  # What a loss of power forgets and the namespace has kept: addresses and routes that a daemon had added.
  ip -4 addr flush dev lan secondary 2>/dev/null || :
  for protocol in bgp 196; do ip route flush proto "$protocol" 2>/dev/null || :; done
  if [ -d "$state/etc-frr" ]; then
    mount --bind "$state/etc-frr" /etc/frr
    install -d -o frr -g frr -m 755 /run/frr /var/tmp/frr
  fi
  echo "$holder" > "$state/ready.new"
  mv "$state/ready.new" "$state/ready"
  echo ready
  # Waits for whatever is left to it by parents that ended.
  while :; do sleep 86400 & wait $! || :; done
' host-init "$state" "$name" $$
