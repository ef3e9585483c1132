#!/bin/sh
# test_db_exchange.sh -- db export and db import: what is printed, written, refused; and that
# what was imported as seeds does not answer.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"
export QFORGE_CACHE="$dir/cache"

refused 1 'no ledger there yet' db export --db none.db
refused 2 "'xml' is none of json, csv, t4" db export --db none.db --format xml
refused 2 'say which files' db import --db none.db
for n in 64 96; do
    "$qforge" tune --shape "1x${n}x64" --bits 4 --threads 1 --trials 2 --db t.db >/dev/null 2>&1
done
"$qforge" db export --db t.db >t.json
"$qforge" db export --db t.db -o file.json
cmp t.json file.json
gzip -c t.json >t.json.gz
gzip -c t.db >t.db.gz
refused 1 't.json.gz: it is compressed, gunzip it first' db import t.json.gz --db n.db
for command in 'db list --db' 'db merge --db n.db' 'tune --simulate' 'tune --shape 1x64x64 --db'; do
    # shellcheck disable=SC2086 # words
    refused 15 't.db.gz: is not a ledger.*: it is compressed, gunzip it first' $command t.db.gz
done
rm -f n.db*
for verb in list count check merge doctor gc export import; do
    "$qforge" db $verb --help >out
    grep -q "^usage: qforge db $verb " out || { cat out; exit 1; }
done
refused 1 'no directory deep/er$' db import t.json --db deep/er/n.db
mkdir -p deep/er
"$qforge" db import t.json --db deep/er/n.db >out
grep -q '^t.json: [0-9]* rows of json, [1-9][0-9]* trials were new$' out || { cat out; exit 1; }
"$qforge" db export --db deep/er/n.db | cmp - t.json
"$qforge" db import t.json t.json --db deep/er/n.db --json >out
[ "$(grep -c '"seeds":false,.*"sessions":0,"trials":0}' out)" -eq 2 ] || { cat out; exit 1; }
"$qforge" db list --db t.db --json >list
"$qforge" db list --db deep/er/n.db --json | cmp - list

# A part of it.
"$qforge" db export --db t.db --problem '*_1x96x*' >part.json
if grep -q '_1x64x64_' part.json; then echo "more than was asked for"; exit 1; fi
grep -q '1x96x64' part.json

# Seeds: they are there, and answer nothing.
for format in csv t4; do
    "$qforge" db export --db t.db --format $format >t.$format
    "$qforge" db import t.$format --db $format.db >out
    grep -q 'seeds for the tuner, which judges them before they answer anything' out || { cat out; exit 1; }
    [ -z "$("$qforge" db list --db $format.db)" ] || { echo "a seed answers"; exit 1; }
    [ -n "$("$qforge" db list --all --db $format.db)" ] || { echo "seeds are lost"; exit 1; }
    "$qforge" explain --shape 1x96x64 --bits 4 --threads 1 --db $format.db >out
    grep -q 'never tuned here' out || { cat out; exit 1; }
done
head -1 t.csv | grep -q '^problem,kernel,cache,verdict,median_ns'

# Bad files: refused, nothing made, nothing changed.
head -c 700 t.json >cut.json
refused 1 'cut.json: line' db import cut.json --db new.db
[ ! -e new.db ] || { echo "a refused import made a ledger"; exit 1; }
refused 1 'nothere.json' db import nothere.json --db new.db
refused 1 'small' db export --db t.db -o small/file.json
cp t.db before
refused 1 'cut.json: line' db import cut.json --db t.db
cmp t.db before
sed 's/"abi": 1/"abi": "one"/' t.json >typed.json
refused 1 'generators\[0\].abi: is no integer' db import typed.json --db t.db
cmp t.db before
