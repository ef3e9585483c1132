#!/bin/sh
# demo.sh -- the whole chain on a model it trains itself: text, training, tuning,
# quantisation, LLM-QFA, search within latency budgets, a table and a page.
#
#   scripts/demo.sh [DIR]        (demo-out)
#
# What a stage made is made again on the next run: DIR is emptied of it first.
set -eu
cd "$(dirname "$0")/.."
qforge=build/qforge
out=${1:-demo-out}

model=${DEMO_MODEL:-dim=128,hidden=384,layers=2,heads=8,kv_heads=8,context=256}
train_steps=${DEMO_TRAIN_STEPS:-2000}
qfa_steps=${DEMO_QFA_STEPS:-200}
evaluations=${DEMO_EVALUATIONS:-150}
tune_seconds=${DEMO_TUNE_SECONDS:-25}
records=${DEMO_RECORDS:-40}
questions=${DEMO_QUESTIONS:-300}
seed=${DEMO_SEED:-1}

export QFORGE_DB="$out/tuning.db"

die()
{
    echo "demo: $*" >&2
    exit 1
}

[ -x "$qforge" ] || die "$qforge is missing (./run build)"
mkdir -p "$out"
rm -rf "$out/text" "$out/fp32" "$out/gptq" "$out/qfa" "$out/front"
rm -f "$out"/*.tsv "$out"/*.json "$out"/report.html "$out"/tuning.db*

now()
{
    date +%s.%N
}

# Ends the stage before, begins the next.
stage_name=
stage()
{
    time=$(now)
    if [ -n "$stage_name" ]; then
        awk -v name="$stage_name" -v a="$stage_start" -v b="$time" \
            'BEGIN { printf "%s\t%.1f\n", name, b - a }' >>"$out/stages.tsv"
    fi
    stage_name=$1
    stage_start=$time
    [ -z "$1" ] || echo "== $1"
}

# One row of the final table: label, key, subnet ("-": full precision), model.
row()
{
    printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$out/rows.tsv"
    if [ "$3" = - ]; then set -- "$1" "$2" "$3" "$4"; else set -- "$1" "$2" "$3" "$4" --subnet "$3"; fi
    key=$2
    directory=$4
    shift 4
    "$qforge" eval --model "$directory" "$@" --text "$out/text/test.txt" \
        --choices "$out/text/questions.jsonl" --records "$questions" --json \
        >"$out/eval-$key.json"
    "$qforge" bench token --model "$directory" "$@" --cache cold --threads 1 --seconds 0.5 \
        --json \
        >"$out/token-$key.json"
}

"$qforge" cpu --json >"$out/cpu.json"

stage "text and questions"
vocab=$("$qforge" stories -o "$out/text" --seed "$seed" --test "$questions" \
    --questions "$questions" | sed -n 's/.*: \([0-9]*\) pieces$/\1/p')

stage "training in full precision"
"$qforge" train --full --config "$model,vocab=$vocab" --tokenizer "$out/text/tokenizer.bin" \
    --data "$out/text/train.txt" --steps "$train_steps" --batch 8 --length 152 --align \
    --lr 0.005 --schedule cosine --warmup 100 --weight-decay 0.05 --seed "$seed" \
    --log "$out/train.tsv" -o "$out/fp32"

stage "tuning kernels"
"$qforge" tune --model "$out/fp32" --bits 2,3,4 --group 128 \
    --budget "$tune_seconds" --json >"$out/tune.json"

stage "quantising (GPTQ)"
"$qforge" quantize --model "$out/fp32" --method gptq --bits 2,3,4 --group 128 \
    --calib "$out/text/calibration.txt" --samples 64 --length 152 -o "$out/gptq"

stage "training adapters (LLM-QFA)"
"$qforge" train --model "$out/gptq" --data "$out/text/train.txt" --steps "$qfa_steps" \
    --batch 8 --length 152 --align --seed "$seed" --log "$out/qfa.tsv" -o "$out/qfa"

stage "searching subnets"
"$qforge" search --model "$out/qfa" --text "$out/text/search.txt" --records "$records" \
    --latency-budgets 3 --cache cold --threads 1 --evaluations "$evaluations" --seed "$seed" \
    -o "$out/front"

stage "judging"
row "full precision" fp32 - "$out/fp32"
for bits in 2 3 4; do row "GPTQ, uniform $bits" "gptq$bits" "$bits" "$out/gptq"; done
for bits in 2 3 4; do row "QFA, uniform $bits" "qfa$bits" "$bits" "$out/qfa"; done
number=1
for subnet in $("$qforge" report subnets "$out/front/front.json"); do
    row "QFA, searched $number" "found$number" "$subnet" "$out/qfa"
    number=$((number + 1))
done
stage ""

"$qforge" report demo "$out"
