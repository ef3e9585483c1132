#!/bin/sh
# test_reference_text.sh QFORGE -- on generated kernels: greedy text is llama2.c's to the
# byte, and the likelihood of real stories is the reference's to half a percent.
set -eu
qforge=$1
data=${QFORGE_SOURCE:-.}/../shared/data
models=$data/models
[ -d "$models" ] || exit 77
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export QFORGE_DB="$scratch/none.db" XDG_CACHE_HOME="$scratch/cache"

same_text()
{
    "$qforge" run --model "$models/$1" --prompt "Once upon a time" --tokens 252 \
        --temperature 0 --threads 2 >"$scratch/text" 2>"$scratch/speed"
    cmp "$scratch/text" "$models/$2"
    grep -q 'per second' "$scratch/speed"
}

same_text stories260K/stories260K.bin stories260K/golden_greedy256.txt
same_text stories260K/stories260K.v1.bin stories260K/golden_greedy256.txt
same_text stories3M/stories3M.deq-f32.bin stories3M/golden_greedy256.deq.txt

# model, text, records, tokens, nats per token
same_likelihood()
{
    "$qforge" eval --model "$models/$1" --text "$data/text/tinystories/$2.txt" \
        --records "$3" --threads 2 --json >"$scratch/result" 2>/dev/null
    awk -v tokens="$4" -v nll="$5" '
        { gsub(/[{}",:]/, " "); for (i = 1; i < NF; i++) value[$i] = $(i + 1) }
        END {
            off = exp(value["nll_per_token"] - nll) - 1
            if (value["tokens"] != tokens || off > 0.005 || off < -0.005) {
                print "tokens " value["tokens"] ", nll " value["nll_per_token"] ", wants " \
                    tokens ", " nll
                exit 1
            }
        }' "$scratch/result"
}

same_likelihood stories260K/stories260K.bin valid 100 32943 1.2766
same_likelihood stories3M/stories3M.deq-f32.bin valid 60 10593 1.2394
same_likelihood stories3M/stories3M-q80.bin train 60 11448 1.4484
