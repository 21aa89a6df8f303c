#!/bin/sh
# Runs a command with a loopback of its own and no other interface.
#   alone.sh COMMAND …
# Chromium gives up every request under way when an interface of the machine comes or goes (ERR_NETWORK_CHANGED), a module
# that is being loaded too; other tests, and containers, make interfaces. Where this is not allowed: as the machine is.
PATH=$PATH:/usr/sbin:/sbin
export PATH
if unshare --net ip link set lo up 2>/dev/null; then
	exec unshare --net sh -c 'ip link set lo up && exec "$@"' sh "$@"
fi
exec "$@"
