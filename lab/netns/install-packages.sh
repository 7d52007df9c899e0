#!/bin/sh
# Installs Debian packages and lets none of their services start. It goes on to its end, and puts back what it changed, also when whoever
# started it is gone.
# usage: install-packages.sh POLICY_FILE OUTPUT_FILE STATUS_FILE PACKAGE...
set -u
policy=$1 output=$2 status=$3
shift 3
kept=$policy.before-holdfast
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
exec >"$output" 2>&1 3>"$status"
# One after the other, as the policy is one for the whole machine.
exec 9<"$(dirname "$policy")"
flock 9
restore() {
  rm -f "$policy"
  [ ! -e "$kept" ] || mv -f "$kept" "$policy"
}
trap restore EXIT
trap 'exit 143' TERM
# Of an installation that was killed only what it had kept is the owner's.
if [ -e "$policy" ] && ! grep -q '^# by holdfast lab up$' "$policy"; then mv -f "$policy" "$kept"; fi
printf '#!/bin/sh\n# by holdfast lab up\nexit 101\n' >"$policy"
chmod 755 "$policy"

get() { apt-get -q -y -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=120 -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@" 9<&-; }
# Lists that cannot be fetched may be there from before; what cannot be installed says so itself.
get update || :
get --no-install-recommends install "$@"
