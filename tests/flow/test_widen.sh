#!/bin/sh
# test_widen.sh QFORGE -- scripts/widen.py makes larger models that compute the same.
set -eu
qforge=$1
data=${QFORGE_SOURCE:-.}/../shared/data
small=$data/models/stories260K/stories260K.bin
[ -f "$small" ] && command -v python3 >/dev/null || exit 77
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export QFORGE_DB="$scratch/none.db" XDG_CACHE_HOME="$scratch/cache"
widen() { python3 "${QFORGE_SOURCE:-.}/scripts/widen.py" "$@"; }
likelihood()
{
    "$qforge" eval --model "$1" --tokenizer "$data/models/stories260K/tok512.bin" \
        --text "$data/text/tinystories/valid.txt" --records 3 --threads 2 --json |
        sed -n 's/.*"nll_per_token": *\([0-9]*\.[0-9]\{5\}\).*/\1/p'
}

widen "$small" "$scratch/same.bin" --times 1 --noise 0
cmp "$small" "$scratch/same.bin"

want=$(likelihood "$small" 2>"$scratch/err")
[ -n "$want" ]
for times in 2 3; do
    widen "$small" "$scratch/large.bin" --times "$times"
    have=$(likelihood "$scratch/large.bin" 2>"$scratch/err")
    awk -v a="$have" -v b="$want" 'BEGIN { exit a == "" || a - b > 2e-5 || b - a > 2e-5 }' || {
        echo "$times times as wide: $have nats, wants $want"
        exit 1
    }
done
# Of linears the copies are not alike.
widen "$small" "$scratch/other.bin" --times 3 --seed 2
cmp -s "$scratch/large.bin" "$scratch/other.bin" && exit 1

head -c 5000 /dev/zero >"$scratch/zeros.bin"
if widen "$scratch/zeros.bin" "$scratch/none.bin" 2>"$scratch/err"; then
    echo "zeros were widened"
    exit 1
fi
grep -q 'zeros.bin: no header' "$scratch/err"
head -c 5000 "$small" >"$scratch/cut.bin"
if widen "$scratch/cut.bin" "$scratch/none.bin" 2>"$scratch/err"; then
    echo "a cut model was widened"
    exit 1
fi
grep -q 'cut.bin: ends before its weights do' "$scratch/err"
[ ! -e "$scratch/none.bin" ] && [ ! -e "$scratch/none.bin.part" ]
