#!/bin/sh
# test_random_llama.sh QFORGE -- scripts/random_llama.py writes models that load and quantise.
set -eu
qforge=$1
command -v python3 >/dev/null || exit 77
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export QFORGE_DB="$scratch/none.db" XDG_CACHE_HOME="$scratch/cache"
make() { python3 "${QFORGE_SOURCE:-.}/scripts/random_llama.py" "$@"; }
shape='--dim 64 --hidden 160 --layers 2 --heads 4 --kv-heads 2 --vocab 300 --context 64'

# shellcheck disable=SC2086
make "$scratch/a" $shape
# shellcheck disable=SC2086
make "$scratch/b" $shape
# shellcheck disable=SC2086
make "$scratch/c" $shape --seed 2
cmp "$scratch/a/model.safetensors" "$scratch/b/model.safetensors"
cmp -s "$scratch/a/model.safetensors" "$scratch/c/model.safetensors" && exit 1

# Knows nothing: about log 300 nats a token, and quantised the same.
seq 1 400 >"$scratch/text"
"$qforge" quantize --model "$scratch/a" --tokenizer bytes --method gptq --bits 2,4 --group 32 \
    --calib "$scratch/text" --samples 2 --length 32 --threads 2 --db none -o "$scratch/q"
for model in "$scratch/a" "$scratch/q --subnet 2" "$scratch/q --subnet 4"; do
    # shellcheck disable=SC2086
    have=$("$qforge" eval --model $model --tokenizer bytes --text "$scratch/text" --threads 2 --json |
        sed -n 's/.*"nll_per_token": *\([0-9]*\.[0-9]*\).*/\1/p')
    awk -v a="$have" 'BEGIN { exit a == "" || a < 5.5 || a > 5.9 }' || {
        echo "$model: $have nats"
        exit 1
    }
done

if make "$scratch/d" --dim 64 --heads 5 2>"$scratch/err"; then
    echo "five heads share 64"
    exit 1
fi
grep -q 'divides' "$scratch/err"
[ ! -e "$scratch/d" ]
