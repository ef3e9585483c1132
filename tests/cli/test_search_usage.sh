#!/bin/sh
# qforge search, stories, bench token, report: budgets that bind, what they write, what
# they refuse.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_DB=none
"$qforge" stories -o text --train 60 --calibration 20 --search 8 --test 5 --questions 12 \
    --vocab 384 >log 2>&1
"$qforge" train --full --config dim=32,hidden=44,layers=2,heads=2,vocab=384,context=64 \
    --tokenizer text --data text/train.txt --steps 3 --batch 2 --length 16 --threads 1 \
    -o model >log 2>&1
"$qforge" quantize --model model --calib text/calibration.txt --samples 4 --length 32 \
    --threads 1 -o q >log 2>&1

fail() {
    echo "$*"
    [ ! -f err ] || cat err
    exit 1
}

# refuse CODE PATTERN OPTIONS...: one line on stderr, nothing on stdout, nothing written
refuse() {
    code=$1 pattern=$2
    shift 2
    got=0
    "$qforge" "$@" >out 2>err || got=$?
    [ $got -eq "$code" ] || fail "$*: exit $got, not $code"
    [ "$(wc -l <err)" -eq 1 ] || fail "$*: not one line"
    grep -q -e "$pattern" err || fail "$*: no '$pattern'"
    [ ! -s out ] || fail "$*: wrote to stdout"
    [ ! -e f ] || fail "$*: left a directory"
}
s="search --model q --text text/search.txt --threads 1 -o f"
refuse 2 'give a budget' $s
refuse 2 'max-bits: 0 is not a budget' $s --max-bits 0
refuse 2 'max-bits: -3 is not a budget' $s --max-bits -3
refuse 2 'max-bits: inf is not a budget' $s --max-bits inf
refuse 2 'max-bits: nan is not a budget' $s --max-bits nan
refuse 2 'max-bits: .3,. is not a list' $s --max-bits 3,
refuse 2 '2 numbers for 3 budgets' $s --max-bits 2,3 --max-bytes 1,2,3
refuse 2 '2 numbers for 3 budgets' $s --max-bits 2,3 --latency-budgets 3
refuse 2 'more than 16 budgets' $s --separately --max-bits 2,3,3,3,3,3,3,3,4 --latency-budgets 8
refuse 2 'not both' $s --latency-budgets 2 --max-latency-us 5
refuse 2 'no .greedy.' $s --max-bits 3 --strategy greedy
refuse 2 'linear, fused, block' $s --max-bits 3 --choice row
refuse 2 'not exact, fine, fast or table' $s --max-bits 3 --accuracy good
refuse 2 'finalists: -1' $s --max-bits 3 --finalists -1
refuse 2 'need --finalists' $s --max-latency-us 5 --finalists 0
refuse 2 'too many subnets' $s --max-bits 3 --finalists 0 --strategy exhaustive
refuse 2 'model is missing' search --text text/search.txt --max-bits 3
refuse 2 'text is missing' search --model q --max-bits 3

# Budgets together and apart.
budgets() {
    "$qforge" search --model q --text text/search.txt --threads 1 --records 2 --evaluations 12 \
        --finalists 0 --max-bits 3,3.5 --max-bytes 99999999 --db none --json "$@" >out 2>err ||
        fail "$*: $(cat err)"
    tr -d ' \n' <out | grep -o '"budget":{[^}]*}' | tail -n +2 >limits
}
budgets
[ "$(wc -l <limits)" -eq 2 ] && [ "$(grep -c "bytes.*bits" limits)" -eq 2 ] || fail "$(cat limits)"
budgets --separately
printf '"budget":{"max_bits":3.0}\n"budget":{"max_bits":3.5}\n"budget":{"max_bytes":99999999.0}\n' |
    cmp -s - limits || fail "not three budgets, bits before bytes: $(cat limits)"
rm -f out

# A latency model that is off by more than is allowed is no basis for a search.
got=0
"$qforge" $s --max-bits 3 --probes 3 --held-out 1 --tokens 4 --max-error 0 >out 2>err || got=$?
[ $got -eq 1 ] || fail "a bad latency model: exit $got"
grep -q 'latency model is off' err || fail "no reason"
[ ! -e f ] || fail "a bad latency model was saved"

# Without a clock: the same losses, no times, and every subnet of a small space.
"$qforge" search --model q --text text/search.txt --threads 1 --max-bits 3 --finalists 0 \
    --choice block --strategy exhaustive --json >all.json 2>err || fail "no exhaustive search"
grep -q '"evaluations":9,' all.json || fail "not 3^2 subnets: $(cat all.json)"
grep -q '"measured_us":null' all.json || fail "something was timed: $(cat all.json)"
! grep -q '"latency":{' all.json || fail "a latency table: $(cat all.json)"
refuse 1 'no quantised model' search --model model --text text/search.txt --max-bits 3 -o f
refuse 1 'none.txt' search --model q --text none.txt --max-bits 3 -o f
refuse 2 'leaves none' $s --max-bits 3 --skip 8

# impossible budgets are a verdict of their own and say what would do
quick="--records 2 --probes 3 --held-out 1 --tokens 4 --evaluations 12 --max-error 9"
impossible() {
    pattern=$1
    shift
    got=0
    "$qforge" $s $quick "$@" >out 2>err || got=$?
    [ $got -eq 14 ] || fail "$*: exit $got, not 14"
    grep -q -e "$pattern" err || fail "$*: no '$pattern'"
    [ ! -s out ] && [ ! -e f ] || fail "$*: wrote something"
}
impossible 'smallest possible is 2$' --max-bits 1.9
impossible 'bytes: the smallest possible is' --max-bytes 100
impossible 'us per token: the smallest possible is' --max-latency-us 0.001

# two budgets, both kept; the tighter one is not the better
"$qforge" $s $quick --max-bits 2.5 --max-bits 3.5 --json >out 2>err || fail "search failed"
[ -s f/front.json ] || fail "no front.json"
if command -v gnuplot >/dev/null; then
    [ -s f/front.svg ] && [ -s f/front.png ] || fail "no plots"
fi
for key in subnet bits bytes loss predicted_us measured_us front results uniform; do
    grep -q "\"$key\"" out || fail "no $key in the result"
done
"$qforge" report subnets f/front.json >subnets
[ "$(wc -l <subnets)" -eq 2 ] || fail "not two subnets"
while read -r subnet; do
    [ "${#subnet}" -eq 14 ] || fail "'$subnet' is not a width for each of 14 linears"
    "$qforge" eval --model q --subnet "$subnet" --text text/test.txt --threads 1 >log 2>&1
done <subnets
awk '{ sum = 0; for (i = 1; i <= length($0); i++) sum += substr($0, i, 1);
       if (sum / length($0) > (NR == 1 ? 2.8 : 3.8)) exit 1 }' subnets || fail "over budget"

# the same seed finds the same subnets; bytes and blocks work too
for time in 1 2; do
    "$qforge" $s $quick --max-bytes 8000 --choice block --strategy paper --seed 3 >out 2>err ||
        fail "search by bytes failed"
    "$qforge" report subnets f/front.json >"subnet$time"
done
cmp subnet1 subnet2 || fail "not repeatable"
grep -Eq '^(2{7}|3{7}|4{7}){2}$' subnet1 || fail "blocks of several widths"

rm -rf f

# questions
"$qforge" eval --model q --choices text/questions.jsonl --threads 1 --json >out 2>err ||
    got=$?
if [ -s out ]; then
    grep -q '"accuracy"' out || fail "no accuracy"
else
    grep -q 'none of 12 questions fits' err || fail "no sentence about long questions"
fi
refuse 2 'text is missing' eval --model q

# bench token
"$qforge" bench token --model q --subnet 3 --threads 1 --seconds 0.01 --tokens 4 --json |
    grep -q us_per_token || fail "bench token"
refuse 2 'subnet' bench token --model q --subnet 77777
refuse 2 'tokens' bench token --model q --tokens 0

# stories
refuse 2 'vocab: 10' stories -o f --vocab 10
refuse 2 'train: 0' stories -o f --train 0
refuse 2 'DIR is missing' stories
"$qforge" stories -o again --train 60 --calibration 20 --search 8 --test 5 --questions 12 \
    --vocab 384 >log
for name in train.txt test.txt search.txt calibration.txt questions.jsonl tokenizer.bin; do
    cmp "text/$name" "again/$name" || fail "$name is not the same again"
done

# report
refuse 2 'one directory' report demo
refuse 1 'front.json' report demo text
printf '{"results": []}' >empty.json
refuse 1 'empty.json: not the result of a search' report subnets empty.json
