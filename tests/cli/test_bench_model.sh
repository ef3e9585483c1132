#!/bin/sh
# test_bench_model.sh -- bench model: what it says of a model made on the spot, what it
# refuses, and that it asks for memory before it takes any.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

# config FILE DIM HIDDEN LAYERS CONTEXT
config() {
    printf '{"model_type": "llama", "hidden_size": %s, "intermediate_size": %s,
        "num_hidden_layers": %s, "num_attention_heads": 8, "num_key_value_heads": 4,
        "vocab_size": 512, "max_position_embeddings": %s}\n' "$2" "$3" "$4" "$5" >"$1"
}

# fails TEXT: with what was printed.
fails() {
    echo "FAIL: $*"
    cat out.json
    exit 1
}

# value KEY: the number or word of the key in out.json.
value() {
    sed -n "s/.*\"$1\": \"\{0,1\}\([^\",}]*\).*/\1/p" out.json
}

# is KEY VALUE
is() {
    [ "$(value "$1")" = "$2" ] || fails "$1 is '$(value "$1")', not $2"
}

config tiny.json 256 704 2 64
mkdir directory
cp tiny.json directory/config.json
small="bench model --random --prefill 8 --tokens 4 --seconds 0.05 --threads 1 --db none"

# ---- what it says ----

"$qforge" bench model --list >list
[ "$(wc -l <list)" -ge 9 ]
grep -Eq '^llama2-7b +6738\.4 +4096 +11008 +32 ' list
# A name of the list is one that --config knows.
sed -n 's/^\([a-z][^ ]*\) .*/\1/p' list | while read -r name; do
    refused 2 'say so with --random' bench model --config "$name"
done

# shellcheck disable=SC2086 # words
{
    "$qforge" $small --config tiny.json --bits 4 --json >out.json 2>err
    for key in config bits subnet group head_bits accuracy threads context \
        decode_tokens_per_s decode_us prefill_tokens_per_s prefill_us prefill_tokens \
        head_us head_fraction gbps making_seconds weight_bytes linear_bytes head_bytes \
        cache_bytes estimated_bytes peak_buffer_bytes peak_bytes median low high samples; do
        grep -q "\"$key\":" out.json || fails "no $key"
    done
    is config tiny.json
    is bits 4.0
    is subnet 4
    is group 64
    is head_bits 32
    is accuracy fast
    is threads 1
    is context 64
    is prefill_tokens 8
    # 2 blocks of 2 x 256 x 256, 2 x 128 x 256 and 3 x 256 x 704 weights at 4 bits and, in
    # groups of 64, 32 bits of scale and offset; keys and values of 64 positions.
    is linear_bytes $((2 * (2 * 256 * 256 + 2 * 128 * 256 + 3 * 256 * 704) * 9 / 16))
    is head_bytes $((512 * 256 * 4))
    is cache_bytes $((2 * 2 * 64 * 128 * 4))
    is weight_bytes $(($(value linear_bytes) + $(value head_bytes)))
    grep -q '"samples": 0' out.json && fails 'nothing was timed'
    awk -v d="$(value decode_tokens_per_s)" -v p="$(value prefill_tokens_per_s)" \
        'BEGIN { exit !(d > 0 && p > 0) }' || fails 'no speed'

    "$qforge" $small --config directory --subnet 24 --group 32 --head-bits 4 --context 32 \
        --accuracy exact --json >out.json 2>err
    is subnet 22222224444444
    is bits 3.0
    is group 32
    is head_bits 4
    is context 32
    is accuracy exact

    # Widths drawn from a seed: the same again, others from another.
    for seed in 7 7 8; do
        "$qforge" $small --config tiny.json --mixed $seed --accuracy fine --json >out.json 2>err
        value subnet
    done >drawn
    [ "$(uniq drawn | wc -l)" -eq 2 ] || { cat drawn; exit 1; }
    grep -Eqv '^[234]{14}$' drawn && { cat drawn; exit 1; }

    "$qforge" $small --config tiny.json --bits 2 --group 128 >out 2>err
    for line in 'tiny.json, 2 bits in groups of 128, fast, 1 thread, random' \
        'prefill .* tokens/s' 'decode .* tokens/s' 'weights .* GB per token' 'head .* fp32' \
        'memory .* cache of 64 positions'; do
        grep -q "$line" out || { echo "no '$line'"; cat out; exit 1; }
    done

    # ---- what it refuses ----

    refused 2 '--config is missing' bench model --random
    refused 2 "'nosuch' is no configuration (llama2-7b, " $small --config nosuch
    refused 1 'config.json: cannot open: No such file' $small --config .
    echo '{' >bad.json
    refused 1 'bad.json: line 2' $small --config bad.json
    echo '{"model_type": "llama"}' >bad.json
    refused 1 'bad.json: hidden_size is missing' $small --config bad.json
    refused 2 "'9' is no width" $small --config tiny.json --bits 9
    refused 2 "'44' is no width" $small --config tiny.json --bits 44
    refused 2 '3 digits' $small --config tiny.json --subnet 234
    refused 2 'give one of them' $small --config tiny.json --bits 4 --subnet 4
    refused 2 'give one of them' $small --config tiny.json --bits 4 --mixed 1
    for seed in -1 '' 1x 9999999999999999999; do
        refused 2 'is no seed' $small --config tiny.json --mixed "$seed"
    done
    refused 2 '--group: 48' $small --config tiny.json --group 48
    refused 2 '--head-bits: 3' $small --config tiny.json --head-bits 3
    refused 2 '--tokens: 0' $small --config tiny.json --tokens 0
    refused 2 '--prefill: 0' $small --config tiny.json --prefill 0
    refused 2 '--prefill: 64 is not one of 1 to 63' $small --config tiny.json --prefill 64
    refused 2 '--context: 8 positions' $small --config tiny.json --context 8
    refused 2 '--context: 65' $small --config tiny.json --context 65
    refused 2 '--threads: 257' $small --config tiny.json --threads 257
    refused 2 '--seconds: nan' $small --config tiny.json --seconds nan
    refused 2 '--seconds: 0' $small --config tiny.json --seconds 0
    refused 2 "'quick' is not exact, fine, fast or table" $small --config tiny.json --accuracy quick

    # ---- memory ----

    # Terabytes of cache: refused at once, before anything is made.
    config huge.json 8192 28672 120 1048576
    refused 1 'huge.json needs about [0-9.]* GB with a cache of 1048576 positions; ' \
        $small --config huge.json --context 1048576
    grep -q 'making weights' refused.err && { cat refused.err; exit 1; }
}
exit 0
