#!/bin/sh
# test_tune_budget.sh -- --budget is all of it: trials, finalists, placements, every product.
# The margin is a trial on a busy machine, not what is promised (docs/tuning.md).
set -eu
qforge=$1
if ! "$qforge" cpu --json | grep -q '"avx2"'; then exit 77; fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache"

fail() { echo "FAIL: $*" >&2; cat out err >&2; exit 1; }
seconds() { sed -n 's/.*"complete":[a-z]*,"seconds":\([0-9]*\)[0-9.e+-]*,.*/\1/p' out; }
problems() { "$qforge" db count --db "$1" | sed -n "s/^$2 *//p"; }

echo '{"model_type": "llama", "hidden_size": 1024, "intermediate_size": 2048,
    "num_hidden_layers": 2, "num_attention_heads": 16, "num_key_value_heads": 16,
    "vocab_size": 512}' >config.json
tune() {
    "$qforge" tune --config config.json --bits 2,3,4 --threads 1 --json --db "$1" --budget "$2" \
        >out 2>err
}

# Sixty-odd products in four seconds: less than a trial each.
code=0
tune a.db 4 || code=$?
[ "$code" = 14 ] || fail "exit $code, though there was no time for all"
grep -q 'the budget was over before a kernel was tried' err || fail "not told"
[ "$(seconds)" -le 8 ] || fail "a budget of 4 s took $(seconds)"
[ "$(problems a.db ok)" -ge 1 ] || fail "nothing was measured"

# What the ledger knows is told even when the time is over.
"$qforge" tune --shape 1x1024x1024 --bits 2 --threads 1 --trials 2 --db b.db >out 2>err ||
    fail "two trials"
"$qforge" tune --shape 1x1024x1024 --bits 2 --threads 1 --trials 2 --db b.db --json \
    --budget 0.001 >out 2>err || fail "known already"
grep -q '"settled":true' out || fail "not told"

# One product: its finalists are elected within the budget.
"$qforge" tune --shape 64x512x512 --bits 4 --threads 1 --strategy exhaustive --json --db c.db \
    --budget 6 >out 2>err || fail "one product"
grep -q '"settled":true' out || fail "nobody was elected"
[ "$(seconds)" -le 9 ] || fail "a budget of 6 s took $(seconds)"
