#!/bin/sh
# test_db_gc.sh -- db gc counts first, and drops only when told to; the champion stays.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"
export QFORGE_CACHE="$dir/cache"

refused 1 'no ledger there yet' db gc --db none.db --yes
[ ! -e none.db ] || { echo "gc made a ledger"; exit 1; }
refused 2 'days' db gc --days -1
refused 2 'days' db gc --days soon
"$qforge" tune --shape 1x64x96 --bits 4 --threads 1 --trials 2 --db t.db >/dev/null 2>&1
"$qforge" db list --db t.db --json >list.json
"$qforge" db count --db t.db --json >count.json
"$qforge" db gc --db t.db | grep -q 'nothing older than 90 days is held in vain'
"$qforge" db gc --db t.db --days 0 --json | grep -q '"done":false,"days":0' || exit 1
"$qforge" db count --db t.db --json | cmp - count.json
"$qforge" db gc --db t.db --days 0 --yes >out
grep -q 't.db: [0-9]* rows dropped' out || { cat out; exit 1; }
grep -q 'what it was is t.db.gc.bak' out || { cat out; exit 1; }
"$qforge" db count --db t.db.gc.bak --json | cmp - count.json
"$qforge" db list --db t.db --json | cmp - list.json
"$qforge" db doctor --db t.db >/dev/null
