#!/bin/sh
# Runs a command on a machine of the lab, as one of its processes, once the machine is there.
# usage: on-host.sh STATE_DIRECTORY CGROUP|- COMMAND...
set -eu
state=$1 cgroup=$2
shift 2
[ "$cgroup" = - ] || echo $$ > "$cgroup/cgroup.procs"
attempts=200
while :; do
  holder=$(cat "$state/ready" 2>/dev/null || :)
  init=$(cat "/proc/${holder:-0}/task/${holder:-0}/children" 2>/dev/null || :)
  init=${init%% *}
  [ -z "$init" ] || break
  attempts=$((attempts - 1))
  if [ "$attempts" = 0 ]; then
    echo "the machine of $state has not started within 10 s" >&2
    exit 1
  fi
  sleep 0.05
done
exec nsenter --target "$init" --net --uts --pid --mount --wd="$state" -- "$@"
