#!/bin/sh
# Kills `qforge tune` at moments all over a run and starts it again: the ledger stays
# whole, at most the trial in flight is lost each time, everything else is reused; then
# several tuners write one ledger at once.
set -eu
qforge=$1
if ! "$qforge" cpu --json | grep -q '"avx2"'; then exit 77; fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export QFORGE_DB="$dir/tuning.db" QFORGE_CACHE="$dir/cache"

fail() { echo "FAIL: $*" >&2; exit 1; }
# number KEY: of the only problem in $dir/out
number() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" "$dir/out"; }
count() { "$qforge" db count --json | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }

# Becomes the tuner, so that in the background its process is the one that is killed.
tune() {
    exec "$qforge" tune --shape 4x160x192 --bits 4 --group 32 --threads 1 --trials 24 \
        --strategy exhaustive --json
}

kills=0 seen=0
for pause in 0.2 0.4 0.6 0.8 1.0 1.3 1.7 2.2; do
    tune >/dev/null 2>&1 & pid=$!
    sleep "$pause"
    if kill -9 "$pid" 2>/dev/null; then kills=$((kills + 1)); fi
    wait "$pid" 2>/dev/null || true
    [ -f "$QFORGE_DB" ] || continue
    if "$qforge" db check >"$dir/check" 2>&1; then seen=1; continue; fi
    # Killed before the first table was there: an empty file.
    [ "$seen" = 0 ] && grep -q 'no ledger there yet' "$dir/check" ||
        fail "after kill $kills: $(cat "$dir/check")"
done
[ "$kills" -ge 4 ] || fail "only $kills runs lived long enough to be killed"
before=$(count ok)
[ "$before" -ge 1 ] || fail "nothing was kept of $kills killed runs"

# The winner's other placements are trials beyond the 24, and no part of what is reused; a
# candidate that two kills met is left out from then on.
[ "$before" -le 24 ] || before=24
(tune) >"$dir/out" 2>"$dir/err" || fail "resuming: $(cat "$dir/err")"
[ $(($(number reused) + $(number quarantined))) -ge "$before" ] ||
    fail "$before were measured, $(cat "$dir/out")"
[ $((2 * $(number quarantined))) -le "$(count lost)" ] ||
    fail "left out of $(count lost) lost trials: $(cat "$dir/out")"
[ "$(count lost)" -le "$kills" ] || fail "$kills kills lost $(count lost) trials"
[ "$(count open)" = 0 ] || fail "$(count open) trials have no end"
(tune) >"$dir/out" 2>/dev/null
[ "$(number measured)" = 0 ] || fail "measured again: $(cat "$dir/out")"

# Ctrl-C: exit code 130, the way on, and what was measured is kept.
rm -f "$QFORGE_DB"*
"$qforge" tune --shape 8x320x192 --bits 3 --group 32 --threads 1 \
    --strategy exhaustive --json >"$dir/out" 2>"$dir/err" &
pid=$!
until
    ok=$(count ok 2>/dev/null)
    [ "${ok:-0}" -ge 1 ]
do
    kill -0 "$pid" 2>/dev/null || fail "ended before it could be interrupted"
    sleep 0.1
done
kill -TERM "$pid" 2>/dev/null || fail "ended before it could be interrupted"
code=0
wait "$pid" || code=$?
[ "$code" = 130 ] || fail "exit code $code after an interrupt: $(cat "$dir/err")"
grep -q "go on with: qforge tune --shape 8x320x192" "$dir/err" || fail "$(cat "$dir/err")"
[ "$(number measured)" -ge 1 ] || fail "nothing measured: $(cat "$dir/out")"
[ "$(count open)" = 0 ] || fail "the interrupted trial was not finished"

# Several at once, racing to make the file.
rm -f "$QFORGE_DB"*
pids=
for n in 32 48 64 80; do
    "$qforge" tune --shape "1x${n}x64" --bits 4 --group 32 --threads 1 --trials 4 --budget 10 \
        >"$dir/out.$n" 2>&1 & pids="$pids $!"
done
for pid in $pids; do wait "$pid" || fail "a concurrent tuner: $(cat "$dir"/out.*)"; done
[ "$(count elections)" = 4 ] || fail "$(count elections) elections by 4 tuners"
"$qforge" db check >/dev/null
