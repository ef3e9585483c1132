#!/bin/sh
# test_train_mpi.sh -- gradient accumulation, and its micro-batches shared by ranks: the same
# bits from one process and from two or four, also after a kill; what cannot be shared.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache"

fail() {
    echo "FAIL: $*" >&2
    cat out err >&2
    exit 1
}

"$qforge" stories -o text --train 40 --calibration 5 --search 5 --test 5 --questions 5 \
    --vocab 384 >/dev/null 2>&1
"$qforge" train --full --config dim=32,hidden=64,layers=2,heads=2,vocab=384,context=32 \
    --tokenizer text --data text/train.txt --steps 3 --batch 2 --length 24 --db none -o model \
    >/dev/null 2>&1
"$qforge" quantize --model model --calib text/calibration.txt --samples 4 --length 24 --db none \
    -o q >/dev/null 2>&1

# train OUT BATCH ACCUMULATE: the rest is the same
train() {
    out=$1 batch=$2 accumulate=$3
    shift 3
    "$@" "$qforge" train --model q --data text/train.txt --steps 12 --batch "$batch" --length 24 \
        --accumulate "$accumulate" --seed 3 --threads 1 --save-every 4 --db none -o "$out" \
        --resume >out 2>err
}
same() {
    cmp "$1/model.safetensors" "$2/model.safetensors" || fail "$2 is another model than $1"
    cmp "$1/train.csv" "$2/train.csv" || fail "$2 took other steps than $1"
}

train one 2 4 || fail "accumulation"
train again 2 4 || fail "accumulation again"
same one again
train other 2 2 || fail "two batches a step"
! cmp -s one/model.safetensors other/model.safetensors || fail "accumulation changes nothing"
# Four batches of two are the windows of one of eight: the same loss (2) and norm of the
# gradient (4) at the first step.
train whole 8 1 || fail "one large batch"
for column in 2 4; do
    a=$(sed -n 2p one/train.csv | cut -d, -f$column)
    b=$(sed -n 2p whole/train.csv | cut -d, -f$column)
    awk -v a="$a" -v b="$b" 'BEGIN { exit !(a > 0.999 * b && a < 1.001 * b) }' ||
        fail "column $column: $a, not near $b"
done

if ! command -v mpirun >/dev/null; then echo "skipped: there is no mpirun"; exit 77; fi
if [ ! -x "$(dirname "$qforge")/qforge-mpi" ]; then echo "skipped: built without MPI"; exit 77; fi
ranks() {
    count=$1
    shift
    mpirun --allow-run-as-root --oversubscribe --bind-to none -np "$count" "$@"
}

train two 2 4 ranks 2 || fail "two ranks"
same one two
train four 2 4 ranks 4 || fail "four ranks"
same one four
[ "$(grep -c 'step 12 of 12' err)" -le 1 ] || fail "more than one rank tells"

if ranks 2 "$qforge" train --full --config dim=32,hidden=64,layers=1,heads=2,vocab=384 \
    --tokenizer text --data text/train.txt --steps 1 -o full >out 2>err; then
    fail "two ranks from scratch"
fi
grep -q 'would all do the same' err || fail "no reason"
if train three 2 4 ranks 3; then fail "four batches by three ranks"; fi
grep -q 'cannot be shared evenly by 3' err || fail "no reason"
[ ! -e three/model.safetensors ] || fail "a model of three ranks"

# A rank that is killed ends the job; the same command goes on to the same bits.
(train killed 2 4 ranks 2 || true) &
job=$!
tries=0
while [ ! -s killed/checkpoint.safetensors ] && [ $tries -lt 600 ]; do
    tries=$((tries + 1))
    sleep 0.05
done
for process in /proc/[0-9]*; do
    line=$(tr '\0' ' ' 2>/dev/null <"$process/cmdline") || continue
    case $line in
    "$qforge train "*"-o killed "*) kill -9 "${process#/proc/}" 2>/dev/null || true; break ;;
    esac
done
wait $job
train killed 2 4 ranks 2 || fail "resuming"
same one killed
