#!/bin/sh
# test_bad_ledgers.sh -- a tuning database that is cut, foreign, from the future or
# cannot be written: said in one sentence, exit code 15, and what it held stays.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"
"$qforge" cpu --json | grep -q '"avx2"' || exit 77

tune() {
    "$qforge" tune --shape 1x64x64 --recipe fast --trials 1 --threads 1 --db "$1" --json
}
tune good.db >log 2>&1 || { cat log; exit 1; }
size=$(wc -c <good.db)

# bad PATTERN LEDGER: refused, and not changed.
bad() {
    cp "$2" before 2>/dev/null || : >before
    refused 15 "$1" tune --shape 1x64x64 --recipe fast --trials 1 --threads 1 --db "$2"
    [ ! -f "$2" ] || cmp -s before "$2" || { echo "$2 was changed"; exit 1; }
}

printf 'This is a letter, not a database.\n' >letter.db
bad letter.db letter.db
head -c 4096 /dev/urandom >noise.db
bad noise.db noise.db
head -c $((size / 2)) good.db >cut.db
bad cut.db cut.db
cp good.db future.db
patch future.db 60 '\000\000\177\377' # user_version
bad future.db future.db
cp good.db foreign.db
patch foreign.db 68 'ABCD' # application_id
bad foreign.db foreign.db
mkdir directory.db
bad directory.db directory.db
bad letter.db letter.db/deeper.db

# Garbage inside: the pages after the first.
cp good.db torn.db
dd if=/dev/urandom of=torn.db bs=4096 seek=1 count=$((size / 4096 - 1)) conv=notrunc 2>/dev/null
refused 15 torn.db tune --shape 1x64x64 --recipe fast --trials 1 --threads 1 --db torn.db

# The good one is still good, and answers without measuring again.
tune good.db >again 2>/dev/null
grep -q '"reused":1' again || { cat again; exit 1; }
