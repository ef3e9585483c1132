#!/bin/sh
# test_tune_ranks.sh -- ranks that find no MPI: each tunes its part into a file of its own,
# beside the ledger, where db merge gathers them.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache" SLURM_PROCID=0 SLURM_NTASKS=2

fail() { echo "FAIL: $*" >&2; cat out err >&2; exit 1; }
tune() { "$qforge" tune --shape 1x64x64 --bits 2,3,4 --threads 1 --trials 1 --db t.db "$@"; }
problems() { "$qforge" db count --db "$1" | sed -n 's/^problems *//p'; }

# A batch script has a number and a count too, and is no rank of anything.
tune >out 2>err || fail "a batch script"
[ "$(problems t.db)" = 3 ] || fail "$(problems t.db) of 3 problems in a batch script"
rm -f t.db*

export SLURM_STEP_NUM_TASKS=2
for rank in 0 1; do
    SLURM_PROCID=$rank tune >out 2>err || fail "rank $rank"
    grep -q "qforge: rank $rank of 2 (Slurm): part $((rank + 1))/2, into t.rank$rank" err ||
        fail "rank $rank is not told"
done
[ ! -e t.db ] || fail "a rank wrote the common ledger"
[ "$(problems t.rank0.*.db)" = 2 ] && [ "$(problems t.rank1.*.db)" = 1 ] || fail "other parts"
"$qforge" db merge --db t.db >out
[ "$(problems t.db)" = 3 ] || fail "$(problems t.db) of 3 problems gathered"

# The common ledger is where ranks begin; --shard has the last word.
rm -f t.rank*
SLURM_PROCID=1 tune >out 2>err || fail "rank 1 again"
grep -q 'known already' out || fail "rank 1 measured what the ledger knew"
rm -f t.rank*
tune --shard 3/3 >out 2>err || fail "--shard"
[ -z "$(find . -name "t.rank*")" ] || fail "a rank in spite of --shard"
# A number beyond the count is a mistake; what is no number says nothing.
refuses() {
    code=0
    env "$@" "$qforge" tune --shape 1x64x64 --threads 1 --trials 1 --db t.db >out 2>err || code=$?
    [ $code = 2 ] || fail "$*: exit $code"
    grep -q '^qforge: .*SLURM_PROCID is [0-9]* and .*ranks count from 0$' err || fail "$*"
    [ "$(wc -l <err)" = 1 ] || fail "$*: not one line"
}
refuses SLURM_PROCID=2
refuses -u SLURM_STEP_NUM_TASKS SLURM_PROCID=5
for rank in x ''; do
    rm -f t.rank*
    SLURM_PROCID=$rank tune >out 2>err || fail "rank '$rank' of 2"
    [ -z "$(find . -name 't.rank*')" ] || fail "'$rank' is a rank of 2"
done
