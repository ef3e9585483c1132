#!/bin/sh
# test_selftest.sh -- selftest: every instruction set is judged, and what it refuses; its clock
# is test_selftest_clock.sh.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

"$qforge" selftest --json >judged.json
for isa in $("$qforge" cpu --json | tr -d ' \n' | sed 's/.*"isa":\[\([^]]*\)\].*/\1/; s/[",]/ /g'); do
    [ "$isa" = c ] || grep -q "\"isa\":\"$isa\",\"kernels\":[1-9][0-9]*,\"cases\":[1-9][0-9]*,\"bad\":0}" judged.json ||
        { cat judged.json; exit 1; }
done

# One kernel in eleven of 43, or of 46 where there are tables, few products of each.
"$qforge" selftest --sample 11 --json >sample.json
for isa in $("$qforge" cpu --json | tr -d ' \n' | sed 's/.*"isa":\[\([^]]*\)\].*/\1/; s/[",]/ /g'); do
    [ "$isa" = c ] || grep -q "\"isa\":\"$isa\",\"kernels\":[45],\"cases\":[1-9][0-9],\"bad\":0}" sample.json ||
        { cat sample.json; exit 1; }
done

refused 2 'are no whole tiles' selftest --aa 3 --shape 1x70x100 --difference 50
refused 2 'is not from 0 to 50' selftest --aa 3 --difference 51

for count in -1 0; do refused 2 "$count is not one of 1 to 1000000" selftest --aa $count; done
refused 2 'is not from 0 to 60' selftest --aa 1 --seconds 0
refused 2 'is not MxNxK' selftest --aa 1 --shape 3x70
refused 2 'is not one of 0 to 1000' selftest --sample 1001
