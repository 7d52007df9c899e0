#!/bin/sh
# Runs a server on its machine: its directory appears under a path of its own, and it is nobody but its user.
# usage: on-disk.sh STATE_DIRECTORY DIRECTORY USER COMMAND...
set -eu
state=$1 directory=$2 user=$3
shift 3
# What a server writes anew, its configuration too, stays its own.
umask 077
mkdir -p -m 755 "$(dirname "$directory")" "$directory"
mountpoint -q "$directory" || mount --bind "$state" "$directory"
cd "$directory"
# A server behind a gate is never there without it.
[ ! -e gate.nft ] || nft -f gate.nft
# Also a name server is nobody but its user, and has a low port.
exec setpriv --inh-caps +net_bind_service --ambient-caps +net_bind_service --reuid "$user" --regid "$user" --init-groups -- "$@"
