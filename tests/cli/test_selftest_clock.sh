#!/bin/sh
# test_selftest_clock.sh -- selftest --aa: a kernel gains nothing on its own copy, and a copy
# that does less is found.  What is asked of the clock is far less than what it was measured to
# do (no false alarm in 2,000 duels beside other work; three percent in a second), so that a
# busy machine passes and a broken clock does not.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

fail() { echo "FAIL: $*" >&2; cat out >&2; exit 1; }
# number KEY: of out
number() { sed -n "s/.*\"$1\":\([0-9]*\)[,.}].*/\1/p" out; }

# One of twenty at most, where half would be if any lead were a win.
"$qforge" selftest --aa 20 --shape 32x512x256 --seconds 0.1 --json >out
[ "$(number comparisons)" = 20 ] || fail "how many"
[ "$(number false_alarms)" -le 1 ] || fail "false alarms"
grep -q '"smallest_detectable_percent":[0-9.]*,' out || fail "what it can tell"
"$qforge" selftest --aa 3 --shape 9x70x100 --seconds 0.02 >out
grep -q 'is told in 19 of 20' out || fail "in words"

# eighth_is_found SHAPE TIMES OF: a copy that does an eighth less, of weights in the cache and
# from memory, within the tool's own limit of time.
eighth_is_found() {
    "$qforge" selftest --aa "$3" --shape "$1" --difference 12.5 --json >out
    grep -q '"difference_percent":12.5,' out || fail "the difference"
    [ "$(number found)" -ge "$2" ] || fail "an eighth less is not found"
}
eighth_is_found 32x1024x256 4 5
eighth_is_found 1x2048x2048 2 3

# A copy that does half the work is found every time.
"$qforge" selftest --aa 3 --shape 4x1024x256 --difference 50 --seconds 0.4 --json >out
grep -q '"difference_percent":50.0,"found":3,"without_margin":3,' out || fail "half the work"
