#!/bin/sh
# test_named_recipe.sh -- --recipe NAME of bench gemm, bench epilogue, explain and tune: the
# recipe that was named is the recipe that runs, or nothing does.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_DB="$dir/tuning.db" QFORGE_CACHE="$dir/cache"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

"$qforge" cpu --json | grep -q '"avx2"' || exit 77 # no emitted kernels here

fail() { echo "FAIL: $*"; cat out; exit 1; }
bench="bench gemm --threads 1 --seconds 0.02"

# runs RECIPE ARGUMENT...: bench gemm and explain answer with a kernel of it.
runs() {
    recipe=$1
    shift
    # shellcheck disable=SC2086 # words
    "$qforge" $bench --recipe "$recipe" --json "$@" >out
    grep -q "\"kernel\":\"gemm_[a-z0-9]*_${recipe}_" out || fail "bench gemm: not $recipe: $*"
    "$qforge" explain --threads 1 --recipe "$recipe" --json "$@" >out
    grep -q "\"kernel\":\"gemm_[a-z0-9]*_${recipe}_" out || fail "explain: not $recipe: $*"
}

for m in 1 64; do
    for recipe in panel rows dot3 quad3 dot2 quad2 dot quad; do
        runs $recipe --shape ${m}x64x128 --db none
    done
done
runs grad --shape 8x64x128 --op grad --db none
runs grad --shape 8x64x128 --db none # there is one op it is for
runs rows --shape 64x64x128 --bits 32 --db none
(export QFORGE_ISA=avx2 && runs lookup --shape 4x64x128 --bits 2 --db none)

# What was elected does not take the place of what was named.
"$qforge" tune --shape 1x64x128 --threads 1 --trials 2 >log 2>&1
"$qforge" explain --threads 1 --shape 1x64x128 >out
elected=$(sed -n 's/^  gemm_[a-z0-9]*_\([a-z0-9]*\)_.*/\1/p' out)
other=quad
[ "$elected" = dot ] || other='dot'
"$qforge" explain --threads 1 --shape 1x64x128 --recipe "$other" >out
grep -q "elected: gemm_.*_${elected}_" out || fail "does not say what was elected instead"
runs "$elected" --shape 1x64x128
runs "$other" --shape 1x64x128
"$qforge" explain --threads 1 --json --shape 1x64x128 --recipe "$elected" >out
grep -q '"rung":"exact"' out || fail "the elected kernel is of that recipe"

# The epilogue needs whole products.
"$qforge" bench epilogue --shape 4x64x128 --threads 1 --seconds 0.02 --rank 2 --recipe quad3 \
    --db none >out
grep -q '_quad3_' out || fail "bench epilogue: not quad3"

# A recipe that cannot answer is refused, with a tile as without.
# shellcheck disable=SC2086 # words
for verb in "$bench" explain "tune --trials 1"; do
    refused 2 'grad is not for --op forward' $verb --shape 4x64x128 --recipe grad --op forward
    refused 2 'dot is not for --op grad' $verb --shape 4x64x128 --recipe dot --op grad
    refused 2 'no fast grad products' $verb --shape 4x64x128 --recipe fast --op grad
    refused 2 'lookup does not read weights of 4 bits' $verb --shape 4x64x128 --recipe lookup
    refused 2 "'quick' is no class" $verb --shape 4x64x128 --recipe quick
    refused 2 'neither forward nor grad' $verb --shape 4x64x128 --op back
    refused 2 'bits' $verb --shape 4x64x128 --recipe dot --bits 32
done
# shellcheck disable=SC2086 # words
refused 2 'grad is not for --op forward' $bench --shape 4x64x128 --recipe grad --op forward \
    --tile 4x16_u1_kc128
# Where bytes are multiplied by one instruction there are no tables.
isa=$("$qforge" cpu --json | grep -Eo '"(avxvnni|avx512vnni|avx512gfni)"' | head -n 1 | tr -d '"')
if [ -n "$isa" ]; then
    export QFORGE_ISA="$isa"
    # shellcheck disable=SC2086 # words
    for verb in "$bench" explain "tune --trials 1"; do
        refused 2 "no lookup on $isa, where the class fast answers" $verb \
            --shape 4x64x128 --bits 2 --recipe lookup
    done
fi
