#!/bin/sh
# Training killed at any moment and resumed ends with the bits of a run never touched.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$qforge" stories -o "$dir/text" --train 300 --calibration 5 --search 5 --test 5 \
    --questions 5 --vocab 384 >"$dir/log" 2>&1

steps=300
# exec: the job in the background is then the program and not a shell around it.
train() {
    exec "$qforge" train --full --config dim=16,hidden=24,layers=1,heads=2,vocab=384,context=16 \
        --tokenizer "$dir/text" --data "$dir/text/train.txt" --steps $steps --batch 2 \
        --length 16 --lr 1e-3 --seed 5 --threads 1 --db none "$@" 2>>"$dir/log"
}

(train -o "$dir/whole" >"$dir/result")

# Killed a little after its first checkpoint, later each time; --save-every 1 keeps the
# writer busy.
kills=0
for wait in 0 0.01 0.02 0.03 0.05; do
    : >"$dir/stamp"
    train --save-every 1 --resume -o "$dir/killed" >"$dir/result" &
    pid=$!
    while kill -0 $pid 2>/dev/null &&
        ! find "$dir/killed" -name checkpoint.safetensors -newer "$dir/stamp" 2>/dev/null | grep -q .; do
        sleep 0.01
    done
    sleep $wait
    if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
    wait $pid 2>/dev/null || true
done
[ $kills -gt 0 ] || { echo "no run was caught alive"; exit 1; }

(train --save-every 1 --resume -o "$dir/killed" --json >"$dir/result")
if grep -q "\"steps_here\":$steps," "$dir/result"; then
    echo "nothing was kept of the killed runs"
    exit 1
fi
for file in model.safetensors checkpoint.safetensors; do
    cmp "$dir/whole/$file" "$dir/killed/$file" ||
        { echo "$file differs after $kills kills"; exit 1; }
done
echo "same bits after $kills kills"
