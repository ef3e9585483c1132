#!/bin/sh
# test_tune_interrupted.sh -- Ctrl-C and SIGTERM: the best so far of every product, and a
# command that, pasted into a shell, goes on with what was measured.
set -eu
qforge=$1
if ! "$qforge" cpu --json | grep -q '"avx2"'; then exit 77; fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache"
ledger="it's mine.db"

fail() { echo "FAIL: $*" >&2; cat out err >&2; exit 1; }
count() { "$qforge" db count --db "$ledger" --json | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }

# interrupt SIGNAL OPTION...: once something was measured.
interrupt() {
    signal=$1
    shift
    "$qforge" tune --shape 8x320x192 --bits 2,3,4 --group 32 --threads 1 --strategy exhaustive \
        --db "$ledger" "$@" >out 2>err &
    pid=$!
    tries=0
    while
        ok=$(count ok 2>/dev/null)
        [ "${ok:-0}" -lt "$want" ]
    do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "nothing measured"
        sleep 0.1
    done
    kill -"$signal" "$pid" || fail "ended before it could be interrupted"
    code=0
    wait "$pid" || code=$?
    [ "$code" = 130 ] || fail "exit code $code"
    [ "$(count open)" = 0 ] || fail "the trial in hand was not finished"
}

want=2
interrupt INT
grep -q '^interrupted; the best so far:' out || fail "no summary"
grep -q '^  fast_q2g32_8x320x192_t1 *gemm_q2g32_.* us, not settled$' out || fail "not the best"
for bits in 3 4; do
    grep -q "^  fast_q${bits}g32_8x320x192_t1 *not begun$" out || fail "what was not begun"
done
want=$(($(count ok) + 2))
interrupt TERM --json
grep -q '"complete":false.*"problem":"fast_q2g32_8x320x192_t1".*"not_begun":2' out || fail "no JSON"
grep -q '"resume":"qforge tune ' out || fail "no way on"

# The very command, by a shell that finds qforge; a few trials of it are enough.
line=$(sed -n 's/.*go on with: //p' err)
printf '%s --trials 4 --bits 2\n' "$line" >again.sh
PATH="$(dirname "$qforge"):$PATH" sh again.sh >out 2>err || fail "going on: $line"
grep -q '"planned":4,"measured":[0-9]*,"reused":4' out || fail "measured again"
[ -z "$(find . -name '*.db' ! -name "$ledger")" ] || fail "another ledger"
