#!/bin/sh
# `qforge tune --simulate`: strategies replayed on a cache of Kernel Tuner, and what it says
# to files that are none.
set -eu
qforge=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

fail() { echo "FAIL: $*" >&2; exit 1; }

# 16 x 8 x 3 configurations; the fastest is at a = 9, b = 6, the third mode fails for large a.
awk 'BEGIN {
    printf "{\"device_name\": \"d\", \"kernel_name\": \"k\", \"tune_params_keys\": [\"a\", \"b\", \"mode\"],"
    printf "\"tune_params\": {\"a\": [0], \"b\": [0], \"mode\": [\"x\", \"y\", \"z\"]}, \"cache\": {"
    for (a = 0; a < 16; a++) for (b = 0; b < 8; b++) for (m = 0; m < 3; m++) {
        t = 10 + (a - 9) ^ 2 / 9 + (b - 6) ^ 2 / 3 + m * (2 + (a + b) % 2)
        time = m == 2 && a > 9 ? "\"RuntimeFailedConfig\"" : t
        printf "%s\"%d,%d,%d\": {\"a\": %d, \"b\": %d, \"mode\": \"%s\", \"time\": %s}", \
            n++ ? "," : "", a, b, m, a, b, substr("xyz", m + 1, 1), time
    }
    print "}}"
}' >space.json

"$qforge" tune --simulate space.json >text
grep -q '1 spaces of 384 to 384 candidates' text || fail "$(cat text)"
for strategy in guided local evolutionary random exhaustive; do
    grep -q "^$strategy " text || fail "no $strategy in: $(cat text)"
done
share() { # STRATEGY TRIALS: the median
    tr -d '\n' <json | sed 's/{"strategy"/\n&/g' |
        sed -n "s/.*\"strategy\":\"$1\".*\"$2\":{\"median\":\([0-9.]*\).*/\1/p"
}
"$qforge" tune --simulate space.json --json >json
[ "$(wc -l <json)" = 1 ] || fail "not one line"
guided=$(share guided '5 %') random=$(share random '5 %')
awk "BEGIN { exit !($guided > 0.99 && $random < $guided && $random > 0.2) }" ||
    fail "5 % of the trials: guided $guided, random $random"

# One strategy, the same every time; another seed is another walk.
"$qforge" tune --simulate space.json --strategy random --json >one
"$qforge" tune --simulate space.json --strategy random --json >two
cmp -s one two || fail "two simulations differ"
grep -q guided one && fail "--strategy is ignored"
"$qforge" tune --simulate space.json --strategy random --seed 9 --json >two
cmp -s one two && fail "--seed is ignored"

refused 2 'none of ours' tune --simulate space.json --strategy clever
refused 1 'nowhere.json: cannot be opened' tune --simulate nowhere.json
head -c 3000 space.json >torn.json
refused 1 'torn.json:1: ' tune --simulate torn.json
echo '{}' >empty.json
refused 1 'empty.json: not a cache of Kernel Tuner' tune --simulate empty.json
sed 's/"a": 3,/"a": "three",/' space.json >word.json
refused 1 'word.json: a configuration has no known value of a' tune --simulate word.json
sed 's/"time": [0-9.][0-9.]*/"time": -1/g' space.json >untimed.json
refused 1 'untimed.json: no configuration has a time' tune --simulate untimed.json
printf '{"tune_params_keys": [3], "cache": {"1": {}}}' >numbers.json
refused 1 'numbers.json: a name in tune_params_keys is no text' tune --simulate numbers.json
echo 'not a ledger' >noise.db
refused 15 'noise.db: is not a ledger' tune --simulate noise.db
