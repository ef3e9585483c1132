#!/bin/sh
# test_full_disk.sh -- nowhere to write: one sentence, exit code 1, and no half file under
# a final name.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'umount "$dir/small" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

# ---- standard output that takes nothing ----
if [ -e /dev/full ]; then
    for verb in 'version' 'cpu' 'cpu --json' '--help' 'emit' 'emit --form ir' 'cpu --help'; do
        got=0
        # shellcheck disable=SC2086
        "$qforge" $verb >/dev/full 2>err || got=$?
        if [ $got -ne 1 ] || ! grep -q '^qforge: ' err; then
            echo "qforge $verb >/dev/full: exit $got"
            cat err
            exit 1
        fi
    done
fi

tiny_model
: >file
refused 1 file quantize --model model --method rtn --bits 2 --db none -o file/deeper/q
refused 1 'file' quantize --model model --method rtn --bits 2 --db none -o file

# ---- a file system of 40 KB ----
mkdir small
mount -t tmpfs -o size=40k tmpfs small 2>/dev/null || { echo "cannot mount"; exit 77; }
refused 1 'small' quantize --model model --method rtn --bits 2,3,4,8 --db none -o small/q
[ ! -e small/q/config.json ] || { echo "half a model looks whole"; exit 1; }
rm -rf small/*
refused 1 'small' train --full --config dim=64,hidden=172,layers=2,heads=2,vocab=384,context=32 \
    --tokenizer text --data text/train.txt --steps 1 --batch 1 --length 8 --threads 1 \
    --db none -o small/m
[ ! -e small/m/model.safetensors ] || { echo "half a model looks whole"; exit 1; }
rm -rf small/*
refused 1 'small' stories -o small/text --train 2000 --vocab 384
rm -rf small/*
head -c 20000 /dev/zero >small/fill
refused 15 'small' tune --shape 1x64x64 --recipe fast --trials 1 --threads 1 --db small/t.db
