#!/bin/sh
# `qforge bench ledgers`: kernels of two ledgers in pairs, and of one against the prior.
set -eu
qforge=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

fail() { echo "FAIL: $*" >&2; exit 1; }

for ledger in a b; do
    "$qforge" tune --shape 2x64x128 --bits 4 --recipe fast --threads 1 --trials 4 --db $ledger.db \
        >/dev/null 2>&1 || { echo "skipped: no kernels for this CPU"; exit 77; }
done
"$qforge" tune --shape 2x96x128 --bits 2 --recipe fast --threads 1 --trials 1 --db a.db >/dev/null 2>&1

# Only what both hold; a ledger beside itself has the same kernels.
"$qforge" bench ledgers a.db b.db --seconds 0.05 >out 2>/dev/null
grep -q '^1 products: time with b.db / time with a.db' out || fail "$(cat out)"
"$qforge" bench ledgers a.db a.db --json >out 2>/dev/null
grep -q '"problems":2,"same_kernel":2,"within_2_percent":2,"at_one_pace":2,"of_these_within_2_percent":2,"geomean":1.0,' out || fail "$(cat out)"
"$qforge" bench ledgers a.db --seconds 0.05 --json >out 2>/dev/null
grep -q '"b":"the prior","problems":2,' out || fail "$(cat out)"

# What both tunings elected is packed beside the ledger, and looked up there.
"$qforge" bench dispatch --db a.db --json >out
grep -q '"tuned":2,.*"table_rows":2,"table_ns":[1-9]' out || fail "$(cat out)"
rm a.db-champions
"$qforge" bench dispatch --db a.db --json >out
! grep -q table out || fail "a table that is gone: $(cat out)"

refused 2 'say which ledger' bench ledgers
refused 2 'is not from 0 to 3600' bench ledgers a.db --seconds 0
refused 1 'none.db: no ledger there yet' bench ledgers a.db none.db
echo noise >noise.db
refused 15 'noise.db' bench ledgers noise.db
