#!/bin/sh
# qforge train on bad input: one line that says what is wrong, the right exit code, and
# nothing written.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"$qforge" stories -o text --train 40 --calibration 5 --search 5 --test 5 --questions 5 \
    --vocab 384 >/dev/null 2>&1
shape=dim=16,hidden=24,layers=1,heads=2,vocab=384,context=16

# refuse CODE PATTERN ARGUMENTS...
refuse() {
    code=$1 pattern=$2
    shift 2
    got=0
    "$qforge" train "$@" >out 2>err || got=$?
    [ $got -eq "$code" ] || { echo "train $*: exit $got, not $code"; cat err; exit 1; }
    [ "$(wc -l <err)" -eq 1 ] || { echo "train $*: not one line"; cat err; exit 1; }
    grep -q -e "$pattern" err || { echo "train $*: no '$pattern'"; cat err; exit 1; }
    [ ! -s out ] || { echo "train $*: wrote to stdout"; exit 1; }
    [ ! -e model ] || { echo "train $*: left a model directory"; exit 1; }
}

refuse 2 'unknown option' --nonsense
refuse 2 'data is missing' --full --steps 1 -o model
refuse 2 '-o is missing' --full --steps 1 --data text/train.txt
refuse 2 'says what to train' --steps 1 --data text/train.txt -o model
refuse 2 'says what to train' --full --model x --steps 1 --data text/train.txt -o model
refuse 2 '--steps' --full --data text/train.txt -o model
refuse 2 'config is missing' --full --steps 1 --data text/train.txt -o model
refuse 2 'not a number' --full --steps many --data text/train.txt -o model

full() {
    code=$1 pattern=$2 config=$3
    shift 3
    refuse "$code" "$pattern" --full --config "$config" --tokenizer text --steps 1 \
        --data text/train.txt -o model --batch 2 --length 16 --db none --threads 1 "$@"
}
full 2 'unknown key' $shape,depth=3
full 2 'no key=value' $shape,
full 2 'not a whole number' dim=16.5,hidden=24,layers=1,heads=2,vocab=384
full 2 'not a number' dim=x,hidden=24,layers=1,heads=2,vocab=384
full 2 'hidden is missing' dim=16,layers=1,heads=2,vocab=384
full 2 'no multiple' dim=16,hidden=24,layers=1,heads=3,vocab=384
full 2 "unknown schedule 'sawtooth' (there are constant, cosine, stable)" $shape --schedule sawtooth
full 1 'learning rate' $shape --lr 0
full 1 'context is 16' $shape --length 17
full 1 'nowhere' $shape --data nowhere.txt
full 1 'nowhere' $shape --tokenizer nowhere
full 1 'pieces' dim=16,hidden=24,layers=1,heads=2,vocab=100,context=16
printf 'Too short.' >short.txt
full 1 'too few' $shape --data short.txt

# A directory that cannot be made.
: >file
got=0
"$qforge" train --full --config $shape --tokenizer text --steps 1 --data text/train.txt \
    -o file/model --batch 2 --length 16 --db none >out 2>err || got=$?
[ $got -eq 1 ] || { echo "a file for a directory: exit $got"; exit 1; }
grep -q 'file/model' err || { cat err; exit 1; }

# A run begun is neither overwritten nor mixed with another.
"$qforge" train --full --config $shape --tokenizer text --steps 2 --data text/train.txt \
    -o begun --batch 2 --length 16 --db none --json >out 2>err
grep -q '"steps":2,.*"loss":' out || { echo "no result"; cat out; exit 1; }
cp -r begun before
for more in "" "--resume --seed 9"; do
    got=0
    # shellcheck disable=SC2086 # an option list
    "$qforge" train --full --config $shape --tokenizer text --steps 2 --data text/train.txt \
        -o begun --batch 2 --length 16 --db none $more >out 2>err || got=$?
    [ $got -eq 2 ] || { echo "train $more on a begun run: exit $got"; exit 1; }
    diff -r before begun
done

# Adapters as bfloat16 take less room and are still a model.
"$qforge" quantize --model begun --method rtn --bits 2,4 --group 32 --db none -o quantised >out 2>err
refuse 2 'neither f32 nor bf16' --model quantised --data text/train.txt --steps 1 --length 16 \
    --db none --adapters f16 -o model
for type in f32 bf16; do
    "$qforge" train --model quantised --data text/train.txt --steps 2 --batch 2 --length 16 \
        --rank 2 --adapters $type --db none -o $type >out 2>err
    "$qforge" eval --model $type --subnet 2 --text text/test.txt --records 2 --db none --json >out
    grep -q '"tokens":' out || { echo "$type is no model"; cat out; exit 1; }
done
[ "$(wc -c <bf16/adapters.safetensors)" -lt "$(wc -c <f32/adapters.safetensors)" ] ||
    { echo "bf16 is no smaller"; exit 1; }
