#!/bin/sh
# qforge quantize, train --model and merge: what they write, what they refuse.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"$qforge" stories -o text --train 60 --calibration 20 --search 5 --test 5 --questions 5 \
    --vocab 384 >log 2>&1
"$qforge" train --full --config dim=16,hidden=44,layers=2,heads=2,vocab=384,context=32 \
    --tokenizer text --data text/train.txt --steps 3 --batch 2 --length 16 --threads 1 \
    --db none -o model >log 2>&1

# check CODE PATTERN COMMAND...: one line on stderr, nothing on stdout, nothing written
check() {
    code=$1 pattern=$2
    shift 2
    got=0
    "$qforge" "$@" >out 2>err || got=$?
    [ $got -eq "$code" ] || { echo "$*: exit $got, not $code"; cat err; exit 1; }
    [ "$(wc -l <err)" -eq 1 ] || { echo "$*: not one line"; cat err; exit 1; }
    grep -q -e "$pattern" err || { echo "$*: no '$pattern'"; cat err; exit 1; }
    [ ! -s out ] || { echo "$*: wrote to stdout"; exit 1; }
    [ ! -e q ] || { echo "$*: left a directory"; exit 1; }
}
refuse() {
    code=$1 pattern=$2
    shift 2
    check "$code" "$pattern" quantize --model model --calib text/calibration.txt -o q \
        --db none --threads 1 "$@"
}

refuse 2 'unknown option' --nonsense
refuse 2 'unexpected' extra
refuse 2 'unknown method' --method awq
refuse 2 'there are minmax, search' --grid best
refuse 2 '--act-order: rtn' --act-order --method rtn
refuse 2 'neither full nor quantised' --calibrate-on both
refuse 2 'does not look at inputs' --calibrate-on quantised --method rtn
refuse 2 'gptaq compares' --calibrate-on full --method gptaq
refuse 2 '--static-groups: hqq' --static-groups --method hqq
refuse 2 '--bits' --bits 2,,3
refuse 2 '--bits' --bits 2,3,
refuse 2 '--bits' --bits ''
refuse 2 '5 is no width' --bits 2,5
refuse 2 '--bits' --bits 16
refuse 2 '--group' --group 48
refuse 2 '--group' --group 4294967328
refuse 2 '--params' --params bf16
refuse 2 '--samples' --samples 0
refuse 2 '--damp' --damp -1
refuse 2 '--damp' --damp nan
refuse 2 'not a number' --damp much
refuse 2 'are one' -o model
refuse 1 'nowhere' --calib nowhere.txt
refuse 1 'nowhere' --model nowhere
refuse 1 'nowhere' --tokenizer nowhere
printf 'Too short.' >short.txt
refuse 1 'short.txt' --calib short.txt
check 2 'calib' quantize --model model -o q
check 2 'model' quantize -o q
head -c 1000 model/model.safetensors >cut.safetensors
cp -r model broken && mv cut.safetensors broken/model.safetensors
refuse 1 'model.safetensors' --model broken

# What is written; the same bits whatever the threads and from run to run.
quantize() {
    "$qforge" quantize --model model --calib text/calibration.txt --samples 8 --length 32 \
        --db none "$@" >out 2>err || { cat err; exit 1; }
}
quantize --bits 4,2,3 --threads 1 -o q --json
grep -q '"method": *"gptq"' out || { echo "no JSON"; cat out; exit 1; }
quantize --bits 2,3,4 --threads 2 -o again
for file in config.json model.safetensors tokenizer.json; do
    [ -e q/$file ] || [ $file = tokenizer.json ] || { echo "q/$file is missing"; exit 1; }
    [ ! -e q/$file ] || cmp q/$file again/$file
done
# Every method of the list, and what it can be told, whatever the threads.
methods=$("$qforge" quantize --method nonsense --model model --calib text/calibration.txt -o no \
    2>&1 | sed -n 's/.*there are \(.*\))/\1/p' | tr -d ,) || true
[ "$(echo "$methods" | wc -w)" -gt 3 ] || { echo "no methods: $methods"; exit 1; }
same_bits() {
    quantize "$@" --threads 1 -o one
    quantize "$@" --threads 3 -o three
    cmp one/model.safetensors three/model.safetensors || { echo "$*: threads matter"; exit 1; }
    cmp one/config.json three/config.json
}
for method in $methods; do
    same_bits --method "$method"
    grep -q "\"method\": \"$method\"" one/config.json
    if grep -q recipe one/config.json; then
        echo "$method: a recipe of defaults"
        exit 1
    fi
done
same_bits --calibrate-on quantised
grep -q '"recipe": "calibrate-on=quantised"' one/config.json
same_bits --grid search --act-order --static-groups
grep -q '"recipe": "grid=search, act-order, static-groups"' one/config.json
if cmp -s q/model.safetensors one/model.safetensors; then
    echo "options change nothing"
    exit 1
fi
rm -r one three
quantize --method rtn --params f32 -o rtn
if cmp -s q/model.safetensors rtn/model.safetensors; then
    echo "rtn and gptq are the same"
    exit 1
fi
rm -r again rtn
mv q quantised

# Training and merging.
tune() {
    "$qforge" train --model quantised --data text/train.txt --steps 4 --batch 2 --length 16 \
        --rank 2 --threads 1 --db none "$@"
}
refuse_train() {
    code=$1 pattern=$2
    shift 2
    check "$code" "$pattern" train --model quantised --data text/train.txt --steps 4 \
        --batch 2 --length 16 --rank 2 --threads 1 --db none -o q "$@"
}
refuse_train 2 'sampler' --sampler fair
refuse_train 2 'mapping' --mapping linear
refuse_train 2 'choice' --choice layer
refuse_train 2 '--rank' --rank 5000
refuse_train 2 'sharing' --sharing tied
refuse_train 2 'no 8-bit copy' --widths 2,8
refuse_train 2 'is no width' --widths 2.5
refuse_train 2 'is no width' --widths 1e300
refuse_train 2 'share of the steps' --anchors 1.5
refuse_train 2 '--balance' --balance joules
refuse_train 2 '--balance' --balance 1,2
refuse_train 2 'must cost more' --balance 3,2,4
refuse_train 2 '--balance' --balance 1,2,3,4
refuse_train 2 '--recipe' --recipe best
refuse_train 2 'cycle' --cycle 0
refuse_train 2 '--length' --length 33
refuse_train 2 'are one' -o quantised
refuse_train 1 'qforge' --model model # not a quantised one
refuse_train 1 'nowhere' --data nowhere.txt
refuse_train 2 'share of a --teacher' --distill 0.5
refuse_train 2 'is 0 to 1' --teacher model --distill 2
refuse_train 1 'nowhere' --teacher nowhere
"$qforge" train --full --config dim=16,hidden=24,layers=1,heads=2,vocab=300,context=32 \
    --tokenizer bytes --data text/train.txt --steps 1 --batch 2 --length 16 --db none -o other \
    >/dev/null 2>&1
refuse_train 1 'vocabulary of 300' --teacher other
tune -o trained >out 2>err || { cat err; exit 1; }
# A teacher's half changes what is learnt, none of it does not.
tune -o taught --teacher model >out 2>err || { cat err; exit 1; }
tune -o untaught --teacher model --distill 0 >out 2>err || { cat err; exit 1; }
if cmp -s trained/adapters.safetensors taught/adapters.safetensors; then
    echo "a teacher changes nothing"
    exit 1
fi
sed -n '2s/,[^,]*,[^,]*,[^,]*$//p' trained/train.csv >loss
sed -n '2s/,[^,]*,[^,]*,[^,]*$//p' untaught/train.csv | cmp loss - || {
    echo "no share of a teacher is not the same as none"
    exit 1
}
[ "$(wc -l <trained/train.csv)" -eq 5 ] || { echo "train.csv"; cat trained/train.csv; exit 1; }
got=0
tune -o trained >out 2>err || got=$?
if [ $got -ne 2 ] || ! grep -q -e '--resume' err; then
    echo "a begun run was taken: $got"
    exit 1
fi

check 1 'no adapters' merge --model quantised -o q
check 2 'are one' merge --model trained -o trained
check 2 'model' merge -o q
"$qforge" merge --model trained -o merged >out
[ ! -e merged/adapters.safetensors ]
check 1 'no adapters' merge --model merged -o q
