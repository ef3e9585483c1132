#!/bin/sh
# test_progress.sh -- how far long work is: words on stderr, or with --json an object a line.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache" QFORGE_CHAMPIONS=none

fail() { echo "FAIL: $*" >&2; cat err >&2; exit 1; }
number='[0-9][0-9.e+-]*'
# told PATTERN...: stderr is objects a line, of which one is each of these
told() {
    [ -s err ] || fail "nothing is told"
    ! grep -qv '^{".*}$' err || fail "no object a line"
    for pattern in "$@"; do grep -q "^{$pattern}\$" err || fail "no '$pattern'"; done
}

# Simulated: a space that is not ours; as many parts as there are strategies, and three guesses.
awk 'BEGIN {
    printf "{\"device_name\": \"d\", \"kernel_name\": \"k\", \"tune_params_keys\": [\"a\", \"b\"],"
    printf "\"tune_params\": {\"a\": [0], \"b\": [0]}, \"cache\": {"
    for (a = 0; a < 8; a++) for (b = 0; b < 4; b++)
        printf "%s\"%d,%d\": {\"a\": %d, \"b\": %d, \"time\": %d}", n++ ? "," : "", a, b, a, b, 9 + a + b
    print "}}"
}' >space.json
"$qforge" tune --simulate space.json >out 2>err
grep -Eq '^simulated spaces: 1 of [0-9]+, .* left$' err || fail "no time left"
"$qforge" tune --simulate space.json --strategy random --json >out 2>err
told '"what":"simulated spaces","done":1,"of":3,"seconds_left":'"$number" \
    '"what":"simulated spaces","done":3,"of":3,"seconds_left":0.0'
[ "$(wc -l <out)" = 1 ] || fail "the result is not one line"

"$qforge" cpu --json | grep -q '"avx2"' || exit 77 # no emitted kernels here
"$qforge" tune --shape 4x64x64 --bits 4,3 --threads 1 --trials 2 --db t.db --json >out 2>err
for product in 1 2; do
    told '"product":'$product',"of":2,"problem":"fast_q[43]g64_4x64x64_t1","tried":1,"kernels":2,"best_us":'"$number"',"kernel":"gemm_[a-z0-9_]*","seconds_left":'"$number" \
        '"product":'$product',"of":2,"problem":"fast_q[43]g64_4x64x64_t1","met":1,"meetings":[1-9],"best_us":'"$number"',"kernel":"gemm_[a-z0-9_]*","seconds_left":'"$number"
done
[ "$(wc -l <out)" = 1 ] || fail "the result is not one line"
"$qforge" tune --shape 4x64x128 --threads 1 --trials 2 --db t.db >out 2>err
grep -q '^\[1/1\] fast_q4g64_4x64x128_t1: 1 of 2 kernels, best .* us, .* left$' err || fail "no words"

"$qforge" selftest --aa 1 --shape 1x70x100 --seconds 0.02 --json >out 2>err
told '"what":"comparisons","done":1,"of":1,"seconds_left":0.0'
"$qforge" bench ledgers t.db --rounds 1 --seconds 0.2 --json >out 2>err
told '"what":"comparisons","done":1,"of":3,"seconds_left":'"$number"
