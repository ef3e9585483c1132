#!/bin/sh
# qforge experiment: names, a rehearsal, a small table whole, its steps done once, and
# eval --subnets, which it stands on.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

fail() {
    echo "$*"
    exit 1
}

"$qforge" stories -o text --train 60 --calibration 5 --search 5 --test 8 --questions 5 \
    --vocab 384 >/dev/null 2>&1
"$qforge" train --full --config dim=32,hidden=64,layers=2,heads=2,vocab=384,context=32 \
    --tokenizer text --data text/train.txt --steps 20 --batch 4 --length 24 --db none -o model \
    >/dev/null 2>&1

# expect CODE PATTERN: of the last command's exit in $got and words in err.
expect() {
    [ "$got" -eq "$1" ] || fail "exit $got, not $1: $(cat err)"
    grep -q -e "$2" err || fail "no '$2' in: $(cat err)"
}

# experiment NAME … on the small model
try() {
    name=$1
    shift
    "$qforge" experiment "$name" --model model --train text/train.txt --valid text/test.txt \
        --unit 3 --samples 4 --records 4 --seeds 2 --search-skip 20 --search-records 2 \
        --evaluations 9 --db none --threads 2 "$@"
}

# ---- what is not done ----
[ "$("$qforge" experiment --list | wc -l)" -ge 4 ] || fail "few names"
got=0
try nothing -o out >out.txt 2>err || got=$?
expect 2 "recipes"
got=0
"$qforge" experiment sharing -o out >out.txt 2>err || got=$?
expect 2 '--model'
try sharing -o out --dry-run >commands 2>err
[ ! -e out ] || fail "a rehearsal made something"
[ "$(grep -c '^qforge train' commands)" -eq 10 ] || fail "not 5 arms of 2 seeds: $(cat commands)"
[ "$(grep -c '^qforge quantize' commands)" -eq 1 ] || fail "a base more than once"

# ---- a table ----
try sharing -o out >table 2>err
[ "$(grep -c '±' table)" -ge 5 ] || fail "no errors in: $(cat table)"
for file in sharing.json sharing.md sharing.html columns.subnets; do
    [ -s "out/$file" ] || fail "no out/$file"
done
cmp -s table out/sharing.md || fail "printed something else than sharing.md"
# The mean of the first cell is that of what the judge said of both seeds.
one=$(grep -m1 nll_per_token out/steps/judge-paper-s1-fixed.json | tr -dc '0-9.')
two=$(grep -m1 nll_per_token out/steps/judge-paper-s2-fixed.json | tr -dc '0-9.')
mean=$(awk -v a="$one" -v b="$two" 'BEGIN { printf "%.3f", (a + b) / 2 }')
grep '^| QFA, paper ' table | grep -q "^| QFA, paper | $mean ±" || fail "not $mean: $(cat table)"

# Nothing is done twice: not what was done, and only what is missing.
: >mark
try sharing -o out >again 2>err
cmp -s table again || fail "another table the second time"
[ -z "$(find out/steps out/models -newer mark)" ] || fail "a step was done again"
rm out/steps/judge-shared-s2-fixed.json
try sharing -o out >again 2>err
cmp -s table again || fail "another table after a step was done again"
[ "$(find out/steps -type f -newer mark | wc -l)" -eq 1 ] || fail "more than one step done again"

# Another experiment under the same name is refused.
got=0
try sharing -o out --unit 4 >again 2>err || got=$?
expect 2 'another command'

# ---- bands of latency ----
try sampling -o out --seeds 1 >table 2>err
[ "$(wc -l <out/bands.subnets)" -eq 32 ] || fail "not 8 subnets of 4 bands"
# Slower quarters have wider linears in the mean.
awk '{ n = length; s = 0; for (i = 1; i <= n; i++) s += substr($0, i, 1); band[int((NR - 1) / 8)] += s / n / 8 }
     END { exit !(band[0] < 2.7 && band[0] < band[1] && band[1] < band[2] && band[2] < band[3] && band[3] > 3.4) }' \
    out/bands.subnets || fail "bands in no order: $(cat out/bands.subnets)"
grep -q '| fastest quarter | second | third | slowest quarter |$' table || fail "no bands: $(cat table)"
grep -q 'found' table && fail "speaks of what is not there: $(cat table)"
# The mean of a row's last cell is that of what the judge said of the last eight.
mean=$(grep nll_per_token out/steps/judge-paper-s1-bands.json | tr -dc '0-9.\n' | tail -8 |
    awk '{ s += $1 } END { printf "%.3f", s / 8 }')
grep '^| QFA, paper ' table | grep -q "| $mean |$" || fail "not $mean: $(cat table)"

# ---- other tables ----
# number TABLE ROW COLUMN: a mean, without its error.
number() {
    grep "^| $2" "$1" | cut -d'|' -f$(($3 + 2)) | sed 's/±.*//; s/ //g'
}
try merging -o out >merging 2>err || fail "merging: $(cat err)"
for column in 1 4 7; do
    a=$(number merging 'adapters beside' $column)
    [ -n "$a" ] && [ "$a" = "$(number merging 'merged, exact' $column)" ] ||
        fail "merging changes losses: $(cat merging)"
done
[ "$(number merging 'merged, fast' 1)" != "$a" ] || fail "fast kernels are exact"
try regret -o out >regret 2>err || fail "regret: $(cat err)"
[ "$(grep -c 'evaluations |' regret)" -eq 12 ] || fail "not four strategies of three efforts"
awk -F'|' '/evaluations/ { for (c = 3; c <= 7; c++) if ($c + 0 < 0) exit 1 }' regret ||
    fail "better than all there are: $(cat regret)"
# Nine subnets: whoever may evaluate thirty has seen them all.
[ "$(number regret 'evolution, 30' 5)" = 0.0000 ] || fail "regret of a space of nine"
try cost -o out >cost 2>err || fail "cost: $(cat err)"
# Of the first row, retrained: one scenario and ten.
a=$(grep '"mean"' out/cost.json | sed -n 1p | tr -dc '0-9.e-')
b=$(grep '"mean"' out/cost.json | sed -n 6p | tr -dc '0-9.e-')
awk -v a="${a#e}" -v b="${b#e}" 'BEGIN { exit !(a > 0 && b > 9.999 * a && b < 10.001 * a) }' ||
    fail "ten scenarios at $b do not cost ten times one at $a"

# ---- fronts ----
try fronts -o out --seeds 1 >front 2>err || fail "fronts: $(cat err)"
[ "$(grep -c '^| within \|^| [234] bits' front)" -eq 11 ] || fail "not eleven subnets: $(cat front)"
[ -z "$(sort out/fronts-s1.subnets | uniq -d)" ] || fail "a subnet is measured twice"
[ "$(wc -l <out/fronts-s1.subnets)" -ge 3 ] || fail "not even the uniform ones"
# Rows of one subnet have one measurement: no more pairs of time and loss than subnets.
[ "$(awk -F'|' '/^\| within|^\| [234] bits/ { print $5, $6 }' front | sort -u | wc -l)" -le \
    "$(wc -l <out/fronts-s1.subnets)" ] || fail "rows do not fit their subnets: $(cat front)"
awk -F'|' '/^\| within [0-9.]+ bits/ { split($2, word, " "); if ($3 > word[2] + 0.0005) exit 1 }
           NR > 6 && /^\|/ && ($4 <= 0 || $5 <= 0 || $6 <= 0) { exit 1 }' front ||
    fail "beyond its budget, or no number: $(cat front)"
# Each row has the loss of its own subnet: the search told the winners, then the uniform ones.
grep -o '"subnet": "[234]*"' out/steps/search-standard-s1-linear-evolution-9-timed.json |
    cut -d'"' -f4 | sed -n '10,12p;2,9p' >found
{ tail -n 3 found; head -n 8 found; } >rows
grep nll_per_token out/steps/judge-standard-s1-fronts.json | tr -dc '0-9.\n' |
    paste -d' ' out/fronts-s1.subnets - >losses
awk 'NR == FNR { loss[$1] = $2; next } { printf "%.3f\n", loss[$1] }' losses rows >wanted
grep '^| within \|^| [234] bits' front | cut -d'|' -f6 | tr -d ' ' | cmp -s - wanted ||
    fail "not the losses of these subnets: $(cat wanted front)"
grep -q 'measured microseconds a token' out/fronts.html || fail "no chart"

# ---- subnets from a file ----
printf '2\n23\n\n4\n' >subnets
"$qforge" eval --model out/models/gptq_search --subnets subnets --text text/test.txt \
    --records 3 --db none --json >many 2>/dev/null
"$qforge" eval --model out/models/gptq_search --subnet 23 --text text/test.txt --records 3 \
    --db none --json >one 2>/dev/null
[ "$(grep -o nll_per_token many | wc -l)" -eq 3 ] || fail "not three subnets: $(cat many)"
loss=$(grep -o '"nll_per_token": [0-9.]*' one)
grep -o '"nll_per_token": [0-9.]*' many | sed -n 2p | grep -qxF "$loss" ||
    fail "$loss is not in $(cat many)"
"$qforge" bench token --model out/models/gptq_search --subnets subnets --tokens 2 --seconds 0.05 \
    --db none --json >many 2>/dev/null
[ "$(grep -o us_per_token many | wc -l)" -eq 3 ] || fail "not three times: $(cat many)"
[ "$(grep -o '"bytes": [0-9]*' many | sort -u | wc -l)" -eq 3 ] || fail "one subnet thrice: $(cat many)"
printf '2\n25\n' >subnets
got=0
"$qforge" eval --model out/models/gptq_search --subnets subnets --text text/test.txt \
    --db none >many 2>err || got=$?
expect 1 '^qforge: subnets:2: '

# ---- a step that fails ends it, and is named ----
rm out/steps/judge-paper-s1-fixed.json
find out/models/paper-s1.1 -name '*.safetensors' -exec truncate -s 100 {} +
got=0
try sharing -o out >again 2>err || got=$?
expect 1 'step judge-paper-s1-fixed'
