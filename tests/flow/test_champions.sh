#!/bin/sh
# test_champions.sh -- champions travel as text: exported, they answer on machines of their kind
# and are where a search begins on others; a file that lies or is broken does neither.
set -eu
qforge=$1
if ! "$qforge" cpu --json | grep -q '"avx2"'; then exit 77; fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache"

fail() { echo "FAIL: $*" >&2; cat out err >&2; exit 1; }
rung() {
    "$qforge" explain --shape 4x96x64 --threads 1 --json "$@" >out 2>err || fail "explain"
    sed -n 's/.*"rung":"\([a-z]*\)".*/\1/p' out
}
kernel() { sed -n 's/.*"kernel":"\([a-z0-9_]*\)".*/\1/p' out; }

"$qforge" tune --shape 4x96x64 --bits 3,4 --threads 1 --trials 3 --db a.db >out 2>err || fail tune
"$qforge" db export --db a.db --format champions -o a.jsonl
[ "$(wc -l <a.jsonl)" = 3 ] || fail "$(cat a.jsonl)"
grep -q '^{"schema": "qforge-champions/1"}$' a.jsonl || fail "no schema"
grep -q '"problem": "fast_q4g64_4x96x64_t1".*"abi": 1, "code_hash": "[0-9a-f]\{16\}".*"brand"' \
    a.jsonl || fail "$(cat a.jsonl)"
"$qforge" db export --db a.db --format champions >again
cmp -s a.jsonl again || fail "another text"
"$qforge" db export --db a.db --format champions --problem '*q3*' >out
[ "$(wc -l <out)" = 2 ] || fail "a pattern"

# Here they answer, where the ledger does not.
export QFORGE_DB="$dir/none.db"
[ "$(rung)" = prior ] || fail "without champions"
export QFORGE_CHAMPIONS="$dir/a.jsonl"
[ "$(rung)" = shipped ] || fail "a champion of this machine"
grep -q "\"kernel\":\"$(sed -n 's/.*_q4g64_4x.*"kernel": "\([a-z0-9_]*\)".*/\1/p' a.jsonl)\"" out ||
    fail "another kernel"
grep -q '"basis":"shipped"' out || fail "its time"
"$qforge" explain --shape 4x96x64 --threads 1 >out
grep -q 'shipped champion' out || fail "not told"
[ "$(rung --db a.db)" = exact ] || fail "the ledger comes first"
[ "$(rung --db none)" = prior ] || fail "no ledger, no champions"
"$qforge" explain --shape 4x128x64 --threads 1 --json >out
grep -q '"rung":"prior"' out || fail "an answer to another product"

# Of another CPU, ABI or code, or no kernel for this product, it is no answer.
change() { sed "$1" a.jsonl >b.jsonl; ! cmp -s a.jsonl b.jsonl || fail "$1 changes nothing"; }
export QFORGE_CHAMPIONS="$dir/b.jsonl"
for edit in 's/"tune_key": "[0-9a-f]*"/"tune_key": "0123"/' 's/"abi": 1/"abi": 2/' \
    's/"code_hash": "[0-9a-f]*"/"code_hash": "0123456789abcdef"/' \
    '/fast_q4/d; s/"problem": "fast_q3/"problem": "fast_q4/'; do
    change "$edit"
    [ "$(rung)" = prior ] || fail "an answer in spite of $edit"
    [ ! -s err ] || fail "a complaint about $edit"
done

# Seeds of any machine: a kernel that would not be the first is the first to be tried.  One that a
# search tries by itself: what is expected to be slow it may leave out.
"$qforge" tune --shape 4x96x64 --threads 1 --trials 8 --db all.db >out 2>err || fail "some"
"$qforge" tune --shape 4x96x64 --threads 1 --trials 1 --db plain.db >out 2>err || fail "plain"
first=$("$qforge" db export --db plain.db --format csv | sed -n 2p | cut -d, -f2)
slow=$("$qforge" db export --db all.db --format csv | grep ',ok,' | grep -v '_al[0-9]' |
    grep -v ",$first," | sort -t, -k5 -g | sed -n 4p | cut -d, -f2)
[ -n "$first" ] && [ -n "$slow" ] || fail "too few kernels"
sed 's/"tune_key": "[0-9a-f]*"/"tune_key": "0123"/; s/"kernel": "gemm_q4[a-z0-9_]*"/"kernel": "'"$slow"'"/' \
    a.jsonl >b.jsonl
"$qforge" tune --shape 4x96x64 --threads 1 --trials 1 --db seeded.db >out 2>err || fail "seeded"
"$qforge" db export --db seeded.db --format csv >out
sed -n 2p out | grep -q ",$slow," || fail "the first was not the seed $slow"

# Imported they are seeds as well, and come in once.
"$qforge" db import --db c.db a.jsonl >out 2>err || fail "import"
grep -q '2 rows of champions, 2 trials were new; seeds' out || fail "$(cat out)"
"$qforge" db import --db c.db a.jsonl >out
grep -q '0 trials were new' out || fail "twice"

# What is broken is named in one line, and everything else goes on.
broken() { # WORDS, from standard input
    cat >b.jsonl
    [ "$(rung)" = prior ] || fail "an answer from a broken file"
    grep -q "^qforge: .*b.jsonl: $1.*; going on without champions$" err || fail "wants: $1"
    [ "$(wc -l <err)" = 1 ] || fail "not one line"
    code=0
    "$qforge" db import --db d.db b.jsonl >out 2>err || code=$?
    [ $code = 1 ] && [ "$(wc -l <err)" = 1 ] || fail "import: exit $code"
    [ ! -e d.db ] || fail "a ledger was made of it"
}
head -c 300 a.jsonl | broken 'line 2: '
printf '{"schema": "qforge-champions/1"}\n[[[[\n' | broken 'line 2: '
sed 's/"median_ns": [0-9.]*/"median_ns": -1/' a.jsonl | broken 'line 2: these are no times'
sed 's/"median_ns": [0-9.]*/"median_ns": "x"/' a.jsonl | broken 'line 2: median_ns: is of another'
sed 's/"code_hash": "[0-9a-f]*", //' a.jsonl | broken 'line 2: code_hash: is missing'
sed 's/\(gemm_q[34]g64\)_[a-z]*_/\1_dit_/' a.jsonl | broken 'line 2: no kernel this version knows: '
sed '3s/fast_q4/fast_q9/' a.jsonl | broken 'line 3: no problem this version knows: '
sed 's/"brand": "/"brand": "\\u0000/' a.jsonl | broken 'line 2: '
# A clock that is wrong makes no champion worse, and no ledger takes what is not past.
sed 's/"done_us": [0-9]*/"done_us": 9000000000000000000/' a.jsonl >b.jsonl
[ "$(rung)" = shipped ] || fail "the date of a champion matters"
"$qforge" db import --db d.db b.jsonl >out 2>err && fail "imported from the future"
grep -q 'b.jsonl: line 2: it is not from the past' err || fail "not told"
rm b.jsonl
[ "$(rung)" = prior ] || fail "an answer from nowhere"
grep -q '^qforge: .*b.jsonl: ' err || fail "a missing file is not named"

# Those in the program are good.
unset QFORGE_CHAMPIONS
"$qforge" explain --shape 4x96x64 --threads 1 >out 2>err
[ ! -s err ] || fail "what is shipped is broken"
