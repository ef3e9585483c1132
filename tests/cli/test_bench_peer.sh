#!/bin/sh
# test_bench_peer.sh -- bench gemm --vs: what it refuses, and what it says of each peer.
# llama.cpp's libraries are looked for in $QFORGE_GGML_LIB; without it that part is skipped.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

# A small product, quickly.
bench="bench gemm --shape 2x64x512 --threads 1 --seconds 0.05 --db none"

# says KEY...: out.json has them all.
says() {
    for key in "$@"; do
        grep -q "\"$key\":" out.json || { echo "no $key:"; cat out.json; exit 1; }
    done
}

ours='problem kernel median_us low_us high_us best_us samples gflops gbps roof_fraction'
theirs='vs vs_variant vs_gflops vs_gbps vs_bits_per_weight ratio ratio_low ratio_high'

# shellcheck disable=SC2086 # words
{
    refused 2 "no peer 'nosuch' (there are: openblas reference ggml)" $bench --vs nosuch
    refused 2 'need --vs ggml' $bench --ggml-type q4_0
    refused 2 'need --vs ggml' $bench --vs reference --ggml-lib .
    refused 2 'needs --ggml-lib' $bench --vs ggml
    refused 1 'nowhere: No such file' $bench --vs ggml --ggml-lib nowhere
    refused 1 'libggml-base.so' $bench --vs ggml --ggml-lib .
    echo 'no library' >libggml-base.so
    refused 1 'libggml-base.so' $bench --vs ggml --ggml-lib .
    refused 2 "no 'q4_9' (there are: f32" $bench --vs ggml --ggml-lib . --ggml-type q4_9
    refused 1 'forward products only' $bench --vs ggml --ggml-lib . --op grad
    refused 1 'K is 192, q3_K of ggml needs a multiple of 256' \
        bench gemm --shape 1x64x192 --bits 3 --vs ggml --ggml-lib .
    refused 1 'K is 192, q4_K of ggml needs a multiple of 256' \
        bench gemm --shape 1x64x192 --bits 4 --vs ggml --ggml-lib . --ggml-type q4_K

    "$qforge" $bench --json >out.json
    says $ours
    if grep -q '"vs' out.json; then cat out.json; exit 1; fi
    "$qforge" $bench --vs reference --json >out.json
    says $ours $theirs
    grep -q '"vs":"reference"' out.json
    grep -q '"vs_bits_per_weight":32.0' out.json
    "$qforge" $bench --vs reference --op grad --cache cold >out
    [ "$(grep -c 'GB/s of weights' out)" -eq 2 ]
}

if [ -z "${QFORGE_GGML_LIB-}" ]; then
    echo "QFORGE_GGML_LIB names no directory with llama.cpp's libraries: not run against them"
    exit 77
fi

# against TYPE BITS_PER_WEIGHT ARGUMENT...
against() {
    type=$1 real_bits=$2
    shift 2
    # shellcheck disable=SC2086 # words
    "$qforge" $bench --vs ggml --ggml-lib "$QFORGE_GGML_LIB" --json "$@" >out.json
    # shellcheck disable=SC2086 # words
    says $ours $theirs
    grep -q "\"vs\":\"ggml $type\"" out.json
    grep -q "\"vs_bits_per_weight\":${real_bits}[,}]" out.json
    grep -Eq '"vs_variant":"libggml-cpu[^"]*, (repacked|not repacked|[A-Za-z_]*), ggml [0-9]' out.json
}

against q4_0 4.5
against q4_K 4.5 --ggml-type q4_K --cache cold
against q3_K 3.4375 --bits 3 --threads 2
against q2_K 2.625 --bits 2 --cache cold --threads 2
against q8_0 8.5 --bits 8
against f32 32.0 --bits 32

# shellcheck disable=SC2086 # words
{
    refused 1 'libggml-cpu-nosuch.so' $bench --vs ggml --ggml-lib "$QFORGE_GGML_LIB" \
        --ggml-cpu nosuch
    refused 2 'not the NAME' $bench --vs ggml --ggml-lib "$QFORGE_GGML_LIB" --ggml-cpu ../x
    # A library without its kernels.
    rm libggml-base.so
    ln -s "$QFORGE_GGML_LIB/libggml-base.so" .
    refused 1 'libggml-cpu.so' $bench --vs ggml --ggml-lib .
    # Kernels that are none of ggml's.
    ln -s libggml-base.so libggml-cpu.so
    refused 1 'libggml-cpu.so has no ggml_' $bench --vs ggml --ggml-lib .
}
