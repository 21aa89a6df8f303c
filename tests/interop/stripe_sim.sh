#!/usr/bin/env bash
# Stripe's own Node library against stripe-sim.
#   stripe_sim.sh BIN_DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -d "$here/node_modules/stripe" ] || exit 77
exec node "$here/stripe_sim.mjs" "$1/stripe-sim"
