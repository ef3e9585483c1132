#!/bin/sh
# What `qforge tune`, `explain` and `db` say to bad input: one line, the right exit code,
# nothing made or changed.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export QFORGE_DB="$dir/data/tuning.db" QFORGE_CACHE="$dir/cache"

fail() { echo "FAIL: $*" >&2; exit 1; }
# expect CODE WORDS command...: stderr is one line with these words
expect() {
    want=$1 words=$2
    shift 2
    code=0
    "$@" >"$dir/out" 2>"$dir/err" || code=$?
    [ "$code" = "$want" ] || fail "$*: exit $code, wants $want: $(cat "$dir/err")"
    grep -q -e "$words" "$dir/err" || fail "$*: no '$words' in: $(cat "$dir/err")"
    [ "$(wc -l <"$dir/err")" = 1 ] || fail "$*: not one line: $(cat "$dir/err")"
}

expect 2 'give --shape MxNxK or --model' "$qforge" tune
expect 2 'give --shape MxNxK or --model' "$qforge" tune --shape 1x2x3 --model x
expect 2 'one of them' "$qforge" tune --config llama2-7b --model x
expect 2 'one of them' "$qforge" explain --config llama2-7b --shape 1x2x3
expect 2 "'llama9' is no configuration (llama2-7b, " "$qforge" tune --config llama9
expect 1 'config.json: cannot open' "$qforge" tune --config "$dir"
expect 2 'with --shape' "$qforge" tune --config llama2-7b --recipe fast
expect 2 "'1x2' is not MxNxK" "$qforge" tune --shape 1x2
expect 2 "'0x2x3' is not MxNxK" "$qforge" tune --shape 0x2x3
expect 2 "is not MxNxK" "$qforge" tune --shape 1x99999999999x3
expect 2 "'5' is no list of" "$qforge" tune --shape 1x2x3 --bits 5
expect 2 "no list of" "$qforge" tune --shape 1x2x3 --bits 2,,3
expect 2 '48 is not 32, 64 or 128' "$qforge" tune --shape 1x2x3 --group 48
expect 2 "'quick' is no class" "$qforge" tune --shape 1x2x3 --recipe quick
expect 2 "'back' is neither" "$qforge" tune --shape 1x2x3 --op back
expect 2 "no fast grad" "$qforge" tune --shape 1x2x3 --op grad --recipe fast
expect 2 "none of ours" "$qforge" tune --shape 1x2x3 --strategy clever
expect 2 "budget" "$qforge" tune --shape 1x2x3 --budget -1
expect 2 "budget" "$qforge" tune --shape 1x2x3 --budget nan
expect 2 "trials" "$qforge" tune --shape 1x2x3 --trials -3
expect 2 "unknown option" "$qforge" tune --shape 1x2x3 --fast
expect 2 "threads" "$qforge" tune --shape 1x2x3 --threads 9999
expect 2 "between 1 and" "$qforge" tune --model x --rows 0
expect 1 "nowhere" "$qforge" tune --model "$dir/nowhere"
expect 2 "say list, count, check" "$qforge" db
expect 2 "'shrink' is none of" "$qforge" db shrink
expect 1 "no ledger there yet" "$qforge" db list
expect 2 'give --shape' "$qforge" explain
[ ! -e "$dir/data" ] || fail "a ledger was made by commands that failed"

# A dry run makes no ledger either.
"$qforge" tune --shape 1x64x64 --dry-run >"$dir/out"
grep -q 'kernels for 1 products' "$dir/out" || fail "dry run: $(cat "$dir/out")"
[ ! -e "$dir/data" ] || fail "a dry run made a ledger"
# It says why there are not more, in words and numbers.
grep -q '^ *[1-9][0-9]*  more rows at once than the product has' "$dir/out" ||
    grep -q ': 0 kernels' "$dir/out" || fail "no reasons: $(cat "$dir/out")"
"$qforge" tune --shape 1x64x64 --dry-run --json >"$dir/json"
grep -q '"schema":"qforge-tune-plan/1".*"left_out":{.*"registers":[0-9]' "$dir/json" ||
    fail "no reasons: $(cat "$dir/json")"
# What adds up is the grid.
sed 's/.*"grid":\([0-9]*\).*"planned":\([0-9]*\),"left_out":{\([^}]*\)}.*/\1 \2 \3/; s/"[a-z_]*"://g; s/,/ /g' \
    "$dir/json" | awk '{ for (i = 2; i <= NF; i++) sum += $i; exit sum != $1 }' ||
    fail "it does not add up: $(cat "$dir/json")"

# A model known by name, without its file: three shapes of linears and the head, each at
# every width, for one token, a prompt and training.
"$qforge" tune --config llama2-7b --bits 2,4 --rows 256 --threads 1 --dry-run >"$dir/out"
for shape in 4096x4096 11008x4096 4096x11008; do
    for problem in fast_q2g64_1 fast_q4g64_1 fast_q4g64_128 exact_q4g64_256 exact_grad_q4g64_256; do
        grep -q "^${problem}x${shape}_t1: " "$dir/out" ||
            fail "no ${problem}x$shape: $(cat "$dir/out")"
    done
done
grep -q '^exact_f32_1x32000x4096_t1: ' "$dir/out" || fail "no head: $(cat "$dir/out")"
grep -q 'for 26 products' "$dir/out" || fail "not 26: $(cat "$dir/out")"
[ ! -e "$dir/data" ] || fail "a dry run made a ledger"
# Shards: each problem in one of them.
for i in 1 2 3; do
    "$qforge" tune --config llama2-7b --bits 2,4 --rows 256 --threads 1 --dry-run --shard $i/3
done | grep -v '^in all' | sort >"$dir/shards"
grep -v '^in all' "$dir/out" | sort | cmp -s - "$dir/shards" || fail "shards: $(cat "$dir/shards")"
for shard in 0/3 4/3 2 1/3x 1/99999999999 -1/3; do
    expect 2 "'$shard' is not i/n" "$qforge" tune --config llama2-7b --dry-run --shard $shard
done
"$qforge" tune --shape 1x64x64 --bits 2,3 --threads 1 --trials 1 --db "$dir/s.db" --shard 3/3 >"$dir/out"
grep -q '^part 3/3 has none of the 2 products$' "$dir/out" || fail "not said: $(cat "$dir/out")"
"$qforge" tune --shape 1x64x64 --bits 2,3 --threads 1 --trials 1 --db "$dir/s.db" --shard 3/3 --json >"$dir/out"
grep -q '^{.*"complete":true,.*"problems":\[\]}$' "$dir/out" || fail "no JSON: $(cat "$dir/out")"
echo '{"model_type": "llama", "hidden_size": 64, "intermediate_size": 96,
    "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "vocab_size": 80}' >"$dir/config.json"
for config in "$dir" "$dir/config.json"; do
    "$qforge" tune --config "$config" --bits 3 --group 32 --threads 1 --dry-run >"$dir/out"
    grep -q '^fast_q3g32_1x32x64_t1: ' "$dir/out" || fail "no key: $(cat "$dir/out")"
done
"$qforge" tune --config "$dir" --bits 3 --threads 1 --trials 1 --db "$dir/config.db" \
    --json >"$dir/out" 2>/dev/null
grep -q '"complete":true' "$dir/out" || fail "not tuned: $(cat "$dir/out")"
"$qforge" explain --config "$dir" --bits 3 --threads 1 --db "$dir/config.db" >"$dir/out"
grep -q 'tuned here' "$dir/out" || fail "forgotten: $(cat "$dir/out")"
[ "$(grep -c 'never tuned' "$dir/out")" = 0 ] || fail "not all tuned: $(cat "$dir/out")"

# Ledgers that are none: refused with 15 by writer and readers, and left as they are.
mkdir -p "$dir/data"
printf 'not a ledger, but someone may want it, and it is long enough to be looked at: %0200d' 0 \
    >"$QFORGE_DB"
cp "$QFORGE_DB" "$dir/copy"
expect 15 'no SQLite file' "$qforge" tune --shape 1x64x64 --trials 1
expect 15 'no SQLite file' "$qforge" explain --shape 1x64x64
expect 15 'no SQLite file' "$qforge" db check
cmp -s "$QFORGE_DB" "$dir/copy" || fail "a file of someone else's was changed"
expect 15 'not a file' "$qforge" tune --shape 1x64x64 --db "$dir"
expect 1 "no directory $QFORGE_DB/x\$" "$qforge" tune --shape 1x64x64 --db "$QFORGE_DB/x/y.db"

# Directories are made for the user's own ledger, not for one that is named; "none" keeps
# nothing.
expect 1 "no directory $dir/missing\$" "$qforge" tune --shape 1x64x64 --db "$dir/missing/t.db"
expect 1 "no directory $dir/missing/er\$" "$qforge" db merge x.db --db "$dir/missing/er/t.db"
for write in 'tune --shape 1x64x64' 'db import x.json' 'db merge x.db'; do
    # shellcheck disable=SC2086 # words
    (cd "$dir" && expect 2 "'none' is no ledger" "$qforge" $write --db none)
    [ ! -e "$dir/none" ] || fail "$write made a ledger called none"
done
[ ! -e "$dir/missing" ] || fail "directories were made"
QFORGE_DB="$dir/new/er/t.db" "$qforge" tune --shape 1x64x64 --threads 1 --trials 1 >"$dir/out" 2>&1
[ -e "$dir/new/er/t.db" ] || fail "no ledger of the user's own: $(cat "$dir/out")"

# A full disk: nothing fits on this device.
if [ -c /dev/full ]; then
    expect 15 'not a file' "$qforge" tune --shape 1x64x64 --db /dev/full
fi
# A limit on file sizes ends writing as a full disk does.
rm -f "$QFORGE_DB"
code=0
(ulimit -f 8; trap '' XFSZ; exec "$qforge" tune --shape 1x64x64 --trials 1) \
    >"$dir/out" 2>"$dir/err" || code=$?
[ "$code" = 15 ] || fail "a full disk: exit $code: $(cat "$dir/err")"
grep -q "tuning.db: " "$dir/err" || fail "a full disk: $(cat "$dir/err")"

# Working without any ledger or home still answers.
env -u QFORGE_DB -u HOME -u XDG_DATA_HOME "$qforge" explain --shape 1x64x64 --json >"$dir/out"
grep -Eq '"rung":"(prior|reference)"' "$dir/out" || fail "no answer: $(cat "$dir/out")"
"$qforge" explain --shape 1x64x64 --db none >/dev/null
