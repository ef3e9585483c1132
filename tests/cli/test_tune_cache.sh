#!/bin/sh
# test_tune_cache.sh -- tune --cache: an election of its own in each mode, told and remembered,
# and the product's own mode still answers.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_DB="$dir/tuning.db" QFORGE_CACHE="$dir/cache"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

fail() { echo "FAIL: $*"; cat out; exit 1; }

product='--shape 1x96x160 --group 32 --recipe'
for verb in 'tune --shape 1x96x160' 'bench gemm --shape 1x96x160'; do
    # shellcheck disable=SC2086 # words
    refused 2 "'tepid' is none of hot, warm, cold" $verb --cache tepid
done
refused 2 'replays what was timed without it' tune --simulate x --cache hot
[ ! -e tuning.db ] || fail "a ledger was made by commands that failed"

for cache in hot warm cold; do
    "$qforge" bench gemm --shape 1x64x64 --threads 1 --seconds 0.05 --db none --cache $cache \
        --json >out
    grep -q "\"cache\":\"$cache\",\"copies\":[1-9]" out || fail "not $cache"
    copies=$(sed 's/.*"copies":\([0-9]*\).*/\1/' out)
    case $cache$copies in
    hot1) ;;
    hot* | *1) [ "${#copies}" -gt 1 ] || fail "$copies copies of $cache weights" ;;
    esac
done

"$qforge" cpu --json | grep -q '"avx2"' || exit 77 # no emitted kernels here

# tunes RECIPE ARGUMENT...
tunes() {
    recipe=$1
    shift
    # shellcheck disable=SC2086 # words
    "$qforge" tune $product "$recipe" --threads 1 --trials 1 --json "$@" >out 2>err ||
        { cat err; fail "tune $*"; }
}
# elected CACHE KERNEL: what the last command said.
elected() {
    grep -q "\"kernel\":\"gemm_q4g32_$2_.*\"cache\":\"$1\",\"settled\":true" out ||
        fail "not $1 $2"
}
# answers: what runs is the cold one.
answers() {
    "$qforge" explain --shape 1x96x160 --group 32 --threads 1 --json >out
    grep -q '"kernel":"gemm_q4g32_dot_.*"rung":"exact".*"settled":true.*"cache":"cold"' out ||
        fail "another answer after $*"
    sed 's/.*"median_us":\([^,]*\).*/\1/' out >now
}

tunes dot
elected cold dot
answers "the first"
cp now first
# reports: how many trials of how many products a page is about.
reports() {
    "$qforge" report tuning --no-roofs -o page.html >out
    grep -o '[0-9]* trials of [0-9]* products' page.html | head -n 1
}
reports >page
grep -q '[1-9] trials of 1 products' page || fail "no report: $(cat page)"
for cache in hot warm; do
    # Other kernels win there.
    tunes quad --cache $cache
    elected $cache quad
    grep -q '"measured":[1-9]' out || fail "$cache: nothing measured"
    answers $cache
    cmp -s now first || fail "another time after $cache"
done
# Each is remembered, and nothing is measured twice.
tunes dot
elected cold dot
grep -q '"measured":0' out || fail "measured again"
for cache in hot warm; do
    tunes quad --cache $cache
    elected $cache quad
    grep -q '"measured":0' out || fail "$cache: measured again"
done
# The product's own mode by name is that mode.
tunes dot --cache cold
elected cold dot
grep -q '"measured":0' out || fail "cold: measured again"
answers cold
"$qforge" tune $product quad --threads 1 --trials 1 --cache hot >out
grep -q '\] hot\(,.*\)\{0,1\}$' out || fail "the mode is not told"
"$qforge" explain --shape 1x96x160 --group 32 --threads 1 >out
grep -q 'took .* with cold weights, elected in pairs' out || fail "the mode is not told"

[ "$(reports)" = "$(cat page)" ] || fail "a report of other modes: $(reports)"
"$qforge" db count --json >out
grep -q '"elections":3' out || fail "not three elections"
"$qforge" db list >out
[ "$(grep -c 'fast_q4g32_1x96x160_t1' out)" = 1 ] || fail "not one row"
grep -q ' cold' out || fail "not the cold one"
"$qforge" db export --format champions >out
[ "$(grep -c '"cache": "cold"' out)" = 1 ] || fail "no champion"
grep -q '"cache": "\(hot\|warm\)"' out && fail "champions of other modes"
"$qforge" db doctor >out || fail "not sound"
# What is only known in another mode answers nothing.
"$qforge" tune --shape 1x128x160 --group 32 --threads 1 --trials 1 --cache hot --db hot.db >out
"$qforge" explain --shape 1x128x160 --group 32 --threads 1 --db hot.db --json >out
grep -q '"rung":"prior"' out || fail "an answer from another mode"
# A dry run knows the option too.
"$qforge" tune --shape 1x96x160 --dry-run --cache hot >out
