#!/bin/sh
# The hot loops are those review has seen: tests/kernel/opcounts.tsv.
set -eu
count_ops=$(dirname "$1")/count_ops
golden=$QFORGE_SOURCE/tests/kernel/opcounts.tsv
now=$(mktemp)
trap 'rm -f "$now"' EXIT
"$count_ops" >"$now"
if [ "$(head -1 "$now")" != "$(head -1 "$golden")" ]; then
    echo "skipped: counted with $(head -1 "$now"), the table is of $(head -1 "$golden")"
    exit 77
fi
diff -u "$golden" "$now" || {
    echo "hot loops have changed; if for the better: $count_ops > tests/kernel/opcounts.tsv" >&2
    exit 1
}
