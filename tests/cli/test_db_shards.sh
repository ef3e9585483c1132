#!/bin/sh
# test_db_shards.sh -- db merge without operands gathers the shards beside a ledger.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

refused 2 'there are no shards beside all.db' db merge --db all.db
[ ! -e all.db ] || { echo "a refused merge made a ledger"; exit 1; }
for host in ant bee.local; do
    "$qforge" tune --shape "${#host}x64x96" --bits 4 --threads 1 --trials 1 \
        --db "all.$host.db" >/dev/null 2>&1
done
"$qforge" db merge --db all.db >out.txt
grep -q '^all.ant.db: 1 sessions and [1-9][0-9]* trials were new' out.txt || { cat out.txt; exit 1; }
grep -q '^all.bee.local.db: 1 sessions' out.txt || { cat out.txt; exit 1; }
"$qforge" db merge --db all.db --json >again.json
[ "$(grep -c '"sessions":0,"trials":0}' again.json)" -eq 2 ] || { cat again.json; exit 1; }
"$qforge" db count --db all.db | grep -q '^problems *2$'
echo damaged >all.cow.db
got=0
"$qforge" db merge --db all.db >/dev/null 2>err || got=$?
[ $got -eq 15 ] && grep -q "all.cow.db: is not a ledger" err || { cat err; exit 1; }
"$qforge" db check --db all.db
