#!/bin/sh
# LLM-QFA training killed at any moment and resumed ends with the bits of a run never
# touched; so does a quantised directory written over one that was being written.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"$qforge" stories -o text --train 300 --calibration 20 --search 5 --test 5 --questions 5 \
    --vocab 384 >log 2>&1
"$qforge" train --full --config dim=16,hidden=44,layers=1,heads=2,vocab=384,context=16 \
    --tokenizer text --data text/train.txt --steps 2 --batch 2 --length 16 --threads 1 \
    --db none -o model >>log 2>&1

# Functions exec, so that a job in the background is the program and not a shell around it.

# Quantising, killed.
quantize() {
    exec "$qforge" quantize --model model --calib text/calibration.txt --samples 64 --length 16 \
        --threads 1 --db none "$@" >>log 2>&1
}
(quantize -o quantised)
for wait in 0.01 0.02 0.04 0.08; do
    quantize --resume -o again &
    pid=$!
    sleep $wait
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
done
(quantize --resume -o again)
for file in config.json model.safetensors tokenizer.bin; do
    cmp quantised/$file again/$file
done

# Training, killed a little after its first checkpoint, later each time; --save-every 1
# keeps the writer busy.
steps=300
train() {
    exec "$qforge" train --model quantised --data text/train.txt --steps $steps --batch 2 \
        --length 16 --rank 2 --seed 5 --threads 1 --db none "$@" 2>>log
}
(train -o whole >result)
kills=0
for wait in 0 0.01 0.02 0.03 0.05; do
    : >stamp
    train --save-every 1 --resume -o killed >result &
    pid=$!
    while kill -0 $pid 2>/dev/null &&
        ! find killed -name checkpoint.safetensors -newer stamp 2>/dev/null | grep -q .; do
        sleep 0.01
    done
    sleep $wait
    if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
    wait $pid 2>/dev/null || true
done
[ $kills -gt 0 ] || { echo "no run was caught alive"; exit 1; }
(train --save-every 1 --resume -o killed --json >result)
if grep -q "\"steps_here\":$steps," result; then
    echo "nothing was kept of the killed runs"
    exit 1
fi
for file in adapters.safetensors model.safetensors checkpoint.safetensors train.csv; do
    cmp whole/$file killed/$file || { echo "$file differs after $kills kills"; exit 1; }
done
echo "same bits after $kills kills"
