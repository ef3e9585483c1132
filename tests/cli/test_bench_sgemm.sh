#!/bin/sh
# test_bench_sgemm.sh -- bench gemm --transpose: products of two plain fp32 matrices, what is
# said of them and what is refused.  Without OpenBLAS the last part is skipped.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

"$qforge" cpu --json | grep -q '"avx2"' || exit 77 # no emitted kernels here
bench="bench gemm --shape 9x33x70 --bits 32 --threads 1 --seconds 0.02 --db none"

# says KEY...: out has them all.
says() {
    for key in "$@"; do
        grep -q "\"$key\":" out || { echo "no $key:"; cat out; exit 1; }
    done
}
ours='problem transpose kernel median_us low_us high_us best_us samples gflops gbps roof_fraction'
theirs='vs vs_variant vs_us vs_gflops vs_gbps vs_bits_per_weight ratio ratio_low ratio_high'

# shellcheck disable=SC2086 # words
{
    for transpose in '' n ntn nx NT 'n t'; do
        refused 2 'is not nn, nt, tn or tt' $bench --transpose "$transpose"
    done
    refused 2 'goes with --bits 32' $bench --transpose nn --bits 4
    refused 2 'does not go with --cache cold' $bench --transpose nn --cache cold
    refused 2 'grad does not read weights of 32 bits' $bench --transpose nn --recipe grad
    refused 2 'openblas' $bench --transpose nn --vs reference
    refused 2 'openblas' $bench --transpose nn --vs nosuch
    refused 2 'openblas' $bench --transpose nn --ggml-type q4_0

    for transpose in nn nt tn tt; do
        "$qforge" $bench --transpose $transpose --json >out
        says $ours
        grep -q '"problem":"exact_f32_9x33x70_t1"' out || { cat out; exit 1; }
        grep -q "\"transpose\":\"$transpose\"" out || { cat out; exit 1; }
        if grep -q '"vs' out; then cat out; exit 1; fi
    done
    # 2 m n k operations.
    sed 's/.*"median_us":\([0-9.e+-]*\).*"gflops":\([0-9.e+-]*\).*/\1 \2/' out |
        awk '{ flop = $1 * $2 * 1e3; exit !(flop > 0.999 * 41580 && flop < 1.001 * 41580) }' ||
        { echo "does not add up:"; cat out; exit 1; }
    "$qforge" $bench --transpose tn --recipe rows --tile 2x32_u1 >out
    grep -q '_rows_.*_2x32_u1, tn, packing and all$' out || { cat out; exit 1; }
    grep -q 'GFLOP/s.*GB/s of operands.*of the roof$' out || { cat out; exit 1; }

    code=0
    "$qforge" $bench --transpose nn --vs openblas --json >out 2>err || code=$?
    if [ $code -ne 0 ]; then
        refused 1 'OpenBLAS is not installed' $bench --transpose nn --vs openblas
        echo "OpenBLAS is not installed: not run against it"
        exit 77
    fi
    for transpose in nn nt tn tt; do
        "$qforge" $bench --transpose $transpose --vs openblas --json >out
        says $ours $theirs
        grep -q '"vs":"openblas"' out || { cat out; exit 1; }
    done
    "$qforge" $bench --transpose nt --vs openblas >out
    grep -q '^openblas (libopenblas' out || { cat out; exit 1; }
    grep -q 'ours is .* times as fast \[' out || { cat out; exit 1; }
}
