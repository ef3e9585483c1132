#!/bin/sh
# test_tie_set.sh -- kernels that pairs could not tell from the elected one are named, by the
# search that compared them, by every later one, by explain and by the report.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache" QFORGE_CHAMPIONS=none

fail() { echo "FAIL: $*" >&2; exit 1; }
tune() { "$qforge" tune --shape 4x256x256 --threads 1 --trials 8 --db "$@" 2>/dev/null; }
# of KEY < JSON: every value of it
of() { tr ',{}[]' '\n' | sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\"]*\).*/\1/p"; }

"$qforge" cpu --json | grep -q '"avx2"' || exit 77 # no emitted kernels here
tune t.db --json >first || fail "not tuned"
winner=$(of kernel <first | head -n 1)

# The search itself says what the ledger says afterwards.
tune t.db --json >again
[ "$(of ties <first)" = "$(of ties <again)" ] || fail "$(cat first) and again $(cat again)"
sed 's/.*"tie_set"://' first >one
sed 's/.*"tie_set"://' again | cmp -s - one || fail "$(cat first) and again $(cat again)"

# The same ledger with comparisons of our own: five ties, told from either side, and a slower
# kernel.
"$qforge" db export --db t.db --format json -o t.json >/dev/null
awk -v winner="$winner" '
    /^"kernels"/ { kernels = 1; next_kernel = 0 }
    /^"trials"/ { kernels = 0 }
    kernels && /"name"/ {
        split($0, part, "\"")
        name[next_kernel] = part[4]
        if (part[4] == winner) w = next_kernel
        next_kernel++
    }
    /^"comparisons"/ { skip = 1 }
    /^"elections"/ {
        getline row
        cache = row; sub(/.*"cache": "/, "", cache); sub(/".*/, "", cache)
        us = row; sub(/.*"done_us": /, "", us); sub(/[^0-9].*/, "", us)
        print "\"comparisons\": ["
        for (i = made = 0; made < 6; i++) {
            if (i == w) continue
            made++
            low = made == 1 ? 0.99 : made == 6 ? 1.04 : 0.95 + made / 100
            printf "{\"session\": 0, \"problem\": 0, \"cache\": \"%s\", \"a\": %d, \"b\": %d, " \
                "\"ratio\": %g, \"ratio_low\": %g, \"ratio_high\": %g, \"pairs\": 30, " \
                "\"done_us\": %s}%s\n", cache, made == 1 ? i : w, made == 1 ? w : i, \
                low + 0.03, low, low + 0.06, us, made == 6 ? "]," : ","
            print name[i] >"others"
        }
        skip = 0
        print
        $0 = row
    }
    !skip' t.json >made.json
"$qforge" db import made.json --db made.db >/dev/null || fail "no import"

tune made.db --json >out
[ "$(of ties <out)" = 5 ] || fail "not 5 ties: $(cat out)"
grep -q '"measured":0,' out || fail "measured again: $(cat out)"
of kernel <out | tail -n +2 | sort >told
head -n 5 others | sort | cmp -s - told || fail "wants $(head -n 5 others), has $(cat told)"
# The first was a, so that its time in the winner's is the inverse of what was written.
grep -q "\"kernel\":\"$(head -n 1 others)\",\"ratio\":\[0.952381,0.9803922,1.010101\]" out ||
    fail "not seen from the winner: $(cat out)"
"$qforge" explain --shape 4x256x256 --threads 1 --db made.db --json >out
[ "$(of ties <out)" = 5 ] || fail "explain: $(cat out)"
of kernel <out | tail -n +2 | sort | cmp -s - told || fail "explain: $(cat out)"
"$qforge" explain --shape 4x512x512 --threads 1 --db made.db --json >out
grep -q '"tie' out && fail "ties of another product: $(cat out)"

# Text has the first three by name.
line="^  5 could not be told from it: $(head -n 1 others), [a-z0-9_]*, [a-z0-9_]* and 2 more\$"
tune made.db >out
grep -q "$line" out || fail "no '$line' in: $(cat out)"
"$qforge" explain --shape 4x256x256 --threads 1 --db made.db >out
grep -q "$line" out || fail "no '$line' in: $(cat out)"
"$qforge" report tuning --db made.db --no-roofs -o page.html >/dev/null
grep -q "<td>$(head -n 1 others), [a-z0-9_]*, [a-z0-9_]* and 2 more</td>" page.html ||
    fail "no ties in the page"
