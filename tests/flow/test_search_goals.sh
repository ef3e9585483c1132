#!/bin/sh
# How near searches come to the fastest, on spaces that were measured whole (docs/tuning.md says
# where and how): 22 shapes at three widths, each strange to what the ranker learned from.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$QFORGE_SOURCE/tests/fixtures/sweeps.db" "$dir/sweeps.db"
"$qforge" tune --simulate "$dir/sweeps.db" --strategy guided --walks 1 --json >"$dir/json"

# number LABEL: the first number behind it
number() { sed -n "s/.*$1\([0-9.]*\).*/\1/p" "$dir/json"; }
failed=0
# goal NAME VALUE LEAST
goal()
{
    echo "$1: $2, wants $3"
    awk "BEGIN { exit !(\"$2\" != \"\" && $2 >= $3) }" || failed=1
}
goal 'spaces' "$(number '"spaces":')" 60
goal 'median after 5 % of the trials' "$(number '"5 %":{"median":')" 0.99
goal 'nine of ten after 5 %' "$(number '"5 %":{"median":[0-9.]*,"p10":')" 0.97
goal 'median after 8 trials' "$(number '"8":{"median":')" 0.99
goal 'nine of ten after 8' "$(number '"8":{"median":[0-9.]*,"p10":')" 0.97
goal 'geometric mean of the prior' "$(number '"guess":"prior"[^}]*"geomean":')" 0.90
goal 'geometric mean of what is learned' "$(number '"1":{"median":[0-9.]*,"p10":[0-9.]*,"geomean":')" 0.95
goal 'geometric mean of what the nearest say' "$(number '"guess":"nearest"[^}]*"geomean":')" 0.95
exit $failed
