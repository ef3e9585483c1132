#!/bin/sh
# test_tune_mpi.sh -- mpirun qforge tune: two ranks tune each product once and rank 0's ledger
# knows them all; a tuner that dies, or a whole rank, loses only what it had in hand.
set -eu
qforge=$1
if ! command -v mpirun >/dev/null; then echo "skipped: there is no mpirun"; exit 77; fi
if [ ! -x "$(dirname "$qforge")/qforge-mpi" ]; then echo "skipped: built without MPI"; exit 77; fi
if ! "$qforge" cpu --json | grep -q '"avx2"'; then exit 77; fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache"

fail() { echo "FAIL: $*" >&2; cat out err >&2; exit 1; }
count() { "$qforge" db count --db "$1" --json | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"; }
# Its own core binding and busy waiting would be what is measured.
ranks() {
    mpirun --allow-run-as-root --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 \
        -np 2 "$qforge" tune --shape 4x96x64 --bits 2,3,4,8 --threads 1 --db "$1" --trials "$2"
}
# The process of rank 1 in this directory that $1 (a pattern of its command line) names.
find_rank() {
    for process in /proc/[0-9]*; do
        line=$(tr '\0' ' ' 2>/dev/null <"$process/cmdline") || continue
        case $line in
        *"$dir"*) ;;
        *) [ "$(readlink "$process/cwd" 2>/dev/null)" = "$dir" ] || continue ;;
        esac
        # shellcheck disable=SC2254 # it is a pattern
        case $line in
        $1) echo "${process#/proc/}"; return ;;
        esac
    done
}
# Kills the process the pattern names once rank 1 has finished some trials.
kill_rank() {
    tries=0
    while
        ok=$(count "$2".rank1.*.db ok 2>/dev/null)
        [ "${ok:-0}" -lt 4 ]
    do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "rank 1 has no trials"
        sleep 0.1
    done
    pid=$(find_rank "$1")
    [ -n "$pid" ] || fail "no process is $1"
    kill -9 "$pid"
}

# Going on with more knowledge may elect one anew: what looked unlikely then is tried now.
all_elected() {
    elected=$("$qforge" db list --db "$1" --json | grep -o '"settled":true' | wc -l)
    [ "$elected" = "$all" ] || fail "$elected of $all products are settled in $1"
}

all=4 own=2 # products, and those of one rank

ranks t.db 1 >out 2>err || fail "two ranks"
[ "$(count t.db elections)" = "$all" ] || fail "$(count t.db elections) elections, $all products"
[ "$(count t.db sessions)" = 2 ] || fail "$(count t.db sessions) sessions of two ranks"
grep -q 'ledgers of 2 of 2 ranks are merged into t.db' err || fail "not told"
# What rank 0 knows every rank begins with: again, and nothing is measured.
trials=$(count t.db trials)
ranks t.db 1 >out 2>err || fail "two ranks again"
[ "$(grep -c 'known already' out)" = "$all" ] || fail "measured again"
[ "$(count t.db trials)" = "$trials" ] || fail "$(count t.db trials) trials, once $trials"
left=$(find . -name 't.*' ! -name t.db ! -name 't.db-*')
[ -z "$left" ] || fail "left behind: $left"
"$qforge" db check --db t.db >/dev/null

# The tuner of rank 1 is killed: rank 0 ends in peace, and what was finished is kept.
ranks u.db 12 >out 2>err & job=$!
kill_rank '*/qforge tune *--shard 2/2*' u
code=0
wait "$job" || code=$?
[ "$code" != 0 ] || fail "a rank died, and all is well"
grep -q 'the tuner of rank 1 died (Killed); what it had finished is kept' err || fail "not told"
elected=$(count u.db elections)
[ "$elected" -ge "$own" ] && [ "$elected" -lt "$all" ] ||
    fail "$elected elections, rank 0 alone has $own, all are $all"
[ "$(count u.db sessions)" = 2 ] || fail "rank 1's trials are lost"
[ "$(count u.db lost)" -le 1 ] || fail "$(count u.db lost) trials lost"
ranks u.db 12 >out 2>err || fail "going on"
all_elected u.db

# All of rank 1 is killed: the launcher ends the job, the files of both ranks are left, and a
# merge or the next job takes them up.
ranks v.db 12 >out 2>err & job=$!
kill_rank '*/qforge-mpi *.rank1.*' v
code=0
wait "$job" || code=$?
[ "$code" != 0 ] || fail "a rank died, and all is well"
"$qforge" db merge --db kept.db v.rank1.*.db >out
ok=$(count kept.db ok)
[ "$ok" -ge 4 ] || fail "$ok trials of rank 1 are left"
ranks v.db 12 >out 2>err || fail "going on"
all_elected v.db
"$qforge" db merge --db v.db kept.db >out
grep -q 'kept.db: 0 sessions and 0 trials were new' out || fail "trials of rank 1 were lost"

# A ledger that is none: said once, and nothing changed.
printf 'no ledger, and somebody may want it: %0200d' 0 >x.db
cp x.db y.db
code=0
ranks x.db 1 >out 2>err || code=$?
[ "$code" = 15 ] || fail "exit $code"
[ "$(grep -c '^qforge: .*x.db' err)" = 1 ] || fail "not said once"
cmp -s x.db y.db || fail "it was changed"
