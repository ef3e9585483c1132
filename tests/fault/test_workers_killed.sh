#!/bin/sh
# test_workers_killed.sh -- as when memory is short, the processes that `qforge tune` works in
# are killed: one, all, or all from the election on.  The run goes on as far as it can, says
# what happened and how to go on, and blames no kernel.
set -eu
qforge=$1
if ! "$qforge" cpu --json | grep -q '"avx2"'; then exit 77; fi
# Not every system tells which children a process has.
[ -r "/proc/$$/task/$$/children" ] || exit 77
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_DB="$dir/tuning.db" QFORGE_CACHE="$dir/cache"
: >out
: >err

fail() { echo "FAIL: $*" >&2; cat out err >&2; exit 1; }
count() { "$qforge" db count --json 2>/dev/null | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
# number KEY: of the only problem in out
number() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" out; }

# kill_workers MOST: the tuner's children, as soon as they are there, until it ends.
kill_workers() {
    left=$1
    while [ "$left" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
        workers=
        # There is no line's end to be read.
        read -r workers 2>/dev/null <"/proc/$pid/task/$pid/children" || true
        if [ -n "$workers" ]; then
            # shellcheck disable=SC2086 # several
            kill -9 $workers 2>/dev/null || true
            left=$((left - 1))
        fi
    done
}
tune() {
    exec "$qforge" tune --shape 4x160x192 --group 32 --threads 1 --strategy exhaustive "$@"
}
# ended CODE: the tuner in the background.
ended() {
    code=0
    wait "$pid" || code=$?
    [ "$code" = "$1" ] || fail "exit code $code"
    [ "$(count open)" = 0 ] || fail "$(count open) trials have no end"
    "$qforge" db check >/dev/null || fail "the ledger"
}

# One: its kernel is tried again.
tune --bits 4 --trials 8 --json >out 2>err & pid=$!
kill_workers 1
ended 0
[ "$(count lost)" = 1 ] || fail "lost $(count lost) by a kill"
[ "$(number measured)" = 8 ] || fail "not tried again"
grep -q '"settled":true' out || fail "not settled"

# All: every product is given up, the other is begun all the same.
rm -f "$QFORGE_DB"*
tune --bits 3,4 --trials 24 >out 2>err & pid=$!
kill_workers 1000000
ended 1
grep -q 'q[34]g32_4x160x192_t1: given up after [0-9]* kernels: the working process was killed; is memory short?$' err ||
    fail "why"
grep -q 'go on with: qforge tune --shape 4x160x192' err || fail "how to go on"
[ "$(count lost)" -ge 12 ] || fail "$(count lost) of 12 lost"
[ "$(count problems)" = 2 ] || fail "the other was not begun"
[ "$(count failed)" = 0 ] || fail "kernels were blamed"

# All from the election on: the fastest trial is the best so far, and the next run, with the
# command it was told, elects.
rm -f "$QFORGE_DB"*
tune --bits 4 --trials 12 --json >out 2>err & pid=$!
# An election can be shorter than counting takes: the tuner stands still meanwhile.
kill -STOP "$pid"
while [ "$(count ok)" != 12 ]; do
    kill -CONT "$pid" 2>/dev/null || fail "ended before its election"
    sleep 0.02
    kill -STOP "$pid" 2>/dev/null || fail "ended before its election"
done
kill -CONT "$pid"
kill_workers 1000000
ended 1
grep -q 'given up after 12 kernels: the working process was killed' err || fail "why"
grep -q '"complete":false.*"settled":false.*"resume":"qforge tune ' out || fail "the best so far"
[ "$(count elections)" = 0 ] || fail "elected unheard"
sed -n 's/.*go on with: //p' err >again.sh
PATH="$(dirname "$qforge"):$PATH" sh again.sh >out 2>err || fail "going on"
[ "$(number reused)" = 12 ] || fail "measured again"
[ "$(number quarantined)" = 0 ] || fail "a kernel was blamed"
grep -q '"settled":true' out || fail "not settled"
