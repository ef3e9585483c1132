#!/bin/sh
# Quantising killed at any moment loses the block in flight at most: it goes on behind the
# finished ones and ends with the bits of a run never touched.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"$qforge" stories -o text --train 300 --calibration 40 --search 5 --test 5 --questions 5 \
    --vocab 384 >log 2>&1
"$qforge" train --full --config dim=64,hidden=172,layers=6,heads=2,vocab=384,context=64 \
    --tokenizer text --data text/train.txt --steps 2 --batch 2 --length 16 --threads 1 \
    --db none -o model >>log 2>&1

# exec, so that a job in the background is the program and not a shell around it
quantize() {
    exec "$qforge" quantize --model model --calib text/calibration.txt --samples 64 --length 64 \
        --threads 1 --db none --grid search "$@" 2>>log
}
finished() {
    find "$1" -name 'block-*.safetensors' 2>/dev/null | wc -l
}

# killed OPTION...: a new run each time is killed once one more block is finished.
killed() {
    (quantize "$@" -o whole >result)
    [ ! -e whole.partial ] || { echo "$*: partial files of a finished run"; exit 1; }
    kills=0
    while [ $kills -lt 4 ]; do
        before=$(finished again.partial)
        quantize "$@" --resume -o again/ >result & # a slash changes nothing
        pid=$!
        while kill -0 $pid 2>/dev/null && [ "$(finished again.partial)" -le "$before" ]; do
            sleep 0.01
        done
        sleep 0.0$((kills * 2))
        kill -9 $pid 2>/dev/null || { echo "$*: no run was caught alive"; exit 1; }
        wait $pid 2>/dev/null || true
        [ "$(finished again.partial)" -gt "$before" ] || { echo "$*: a block was lost"; exit 1; }
        kills=$((kills + 1))
    done
    [ ! -e again/config.json ] || { echo "half a model looks whole"; exit 1; }
    ls -i again.partial/block-000.safetensors >first
    # not by accident, and not under other options
    for other in '' '--resume --params f32' '--resume --bits 2,3' '--resume --seed 2' \
        '--resume --samples 65' '--resume --damp 0.02' '--resume --group 64'; do
        got=0
        # shellcheck disable=SC2086 # options are words
        (quantize "$@" $other -o again >result) || got=$?
        [ $got -eq 2 ] || { echo "$*: '$other' gave exit $got"; exit 1; }
    done
    ls -i again.partial/block-000.safetensors | cmp - first
    kept=$(finished again.partial)
    (quantize "$@" --resume -o again --json >result)
    grep -q "\"resumed_blocks\": *$kept," result || { echo "$*: not resumed"; cat result; exit 1; }
    [ ! -e again.partial ] || { echo "$*: partial files stay"; exit 1; }
    for file in config.json model.safetensors tokenizer.bin; do
        cmp whole/$file again/$file || { echo "$*: $file differs"; exit 1; }
    done
    rm -r whole again
}

killed
killed --calibrate-on quantised
killed --method gptaq
killed --method neuqi

# Interrupted politely: what was kept is said.
quantize -o polite >result &
pid=$!
while kill -0 $pid 2>/dev/null && [ "$(finished polite.partial)" -lt 1 ]; do sleep 0.01; done
kill -INT $pid 2>/dev/null || true
got=0
wait $pid || got=$?
[ $got -eq 130 ] || { echo "interrupted: exit $got"; exit 1; }
grep -q -- '--resume goes on' log
# A damaged block is refused, and nothing is overwritten.
head -c 1000 polite.partial/block-000.safetensors >torn
cp torn polite.partial/block-000.safetensors
got=0
(quantize --resume -o polite >result) || got=$?
[ $got -eq 1 ] || { echo "a damaged block: exit $got"; exit 1; }
cmp torn polite.partial/block-000.safetensors
echo "same bits after kills"
