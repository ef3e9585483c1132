#!/bin/sh
# test_bench_epilogue.sh -- bench epilogue: its figures hang together, and what it refuses.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

small="bench epilogue --shape 3x70x100 --seconds 0.05 --threads 1 --db none"

# consistent FILE: every line's times are positive and its intervals hold their ratios.
consistent() {
    tr -d '[]{}" ' <"$1" | tr ',:' '  ' | awk '{
        for (i = 1; i <= NF; i++) {
            if ($i ~ /_us$/ && !($(i + 1) > 0)) exit 1
            if ($i ~ /_to_/ && !($(i + 1) > 0 && $(i + 1) <= $(i + 2) && $(i + 2) <= $(i + 3)))
                exit 1
        }
    } END { exit NR == 0 }'
}

# shellcheck disable=SC2086 # words
{
    "$qforge" $small --bits 2,3,4,8,32 --recipe exact --json >out.json
    [ "$(wc -l <out.json)" -eq 5 ]
    consistent out.json || { cat out.json; exit 1; }
    for key in problem kernel rank bias plain_us fused_us separate_us fused_to_plain \
        separate_to_fused; do
        [ "$(grep -c "\"$key\":" out.json)" -eq 5 ] || { cat out.json; exit 1; }
    done
    grep -q '"rank":16,"bias":true' out.json

    "$qforge" $small --rank 0 --json | grep -q '"rank":0,"bias":true'
    "$qforge" $small --rank 5 --no-bias --cache cold --json | grep -q '"rank":5,"bias":false'
    "$qforge" $small >out.txt
    for line in plain epilogue 'extra pass'; do grep -q "^  $line .* us" out.txt; done

    refused 2 'leaves no epilogue' $small --rank 0 --no-bias
    refused 2 '-1 is not one of 0 to 256' $small --rank -1
    refused 2 '257 is not one of 0 to 256' $small --rank 257
    refused 2 "'tepid' is none of hot, warm, cold" $small --cache tepid
    refused 2 'is not from 0 to 3600' $small --seconds 0
    refused 2 'is not MxNxK' $small --shape 3x70
}
