#!/bin/sh
# test_db_merge.sh -- db merge: what one ledger knows into another, said in both ways, and what
# it refuses.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

for m in 1 2; do
    "$qforge" tune --shape "${m}x64x96" --bits 4 --threads 1 --trials 2 --db "$m.db" \
        >/dev/null 2>&1
done
"$qforge" db merge 1.db 2.db --db all.db >out.txt
[ "$(grep -c 'db: 1 sessions and [1-9][0-9]* trials were new' out.txt)" -eq 2 ] ||
    { cat out.txt; exit 1; }
"$qforge" db merge 2.db 1.db --db all.db --json >again.json
[ "$(grep -c '"sessions":0,"trials":0}' again.json)" -eq 2 ] || { cat again.json; exit 1; }
"$qforge" db check --db all.db
"$qforge" db list --db all.db --json >list.json
for m in 1 2; do
    "$qforge" db list --db "$m.db" --json | tr -d '[]' | tr '}' '\n' | head -1 | sed 's/^,//' >row
    grep -qF "$(cat row)" list.json || { cat row list.json; exit 1; }
done

refused 2 'say which ledgers' db merge --db all.db
refused 1 'nothere.db: there is no ledger' db merge nothere.db --db all.db
echo 'no ledger' >text.db
refused 15 'text.db' db merge text.db --db all.db
"$qforge" db check --db all.db
