#!/bin/sh
# test_named_ledger.sh -- a ledger named by --db must be there for those who read it; the
# usual place may be empty.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_DB="$dir/usual.db" QFORGE_CACHE="$dir/cache"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

"$qforge" cpu --json | grep -q '"avx2"' || exit 77 # no emitted kernels here
shape="--shape 1x64x64 --threads 1"
: >empty.db

for ledger in missing.db nowhere/x.db empty.db; do
    # shellcheck disable=SC2086 # words
    {
        refused 1 "^qforge: $ledger: there is no such ledger\$" explain $shape --db $ledger
        refused 1 "^qforge: $ledger: there is no such ledger\$" bench gemm $shape \
            --seconds 0.02 --db $ledger
        refused 1 "^qforge: $ledger: there is no such ledger\$" bench epilogue $shape --db $ledger
    }
    refused 1 "^qforge: $ledger: there is no such ledger\$" bench dispatch --db $ledger
done
[ ! -e missing.db ] && [ ! -e nowhere ]

# One that nobody named, or that is wanted to be none, or that is yet to be made.
# shellcheck disable=SC2086 # words
{
    "$qforge" explain $shape >out
    "$qforge" bench gemm $shape --seconds 0.02 >out
    "$qforge" explain $shape --db none >out
    "$qforge" tune $shape --dry-run --db missing.db >out
    [ ! -e missing.db ]

    # One that is there is read.
    "$qforge" tune $shape --trials 2 --db a.db >out 2>err
    "$qforge" explain $shape --db a.db --json >out
    grep -q '"rung":"exact"' out || { cat out; exit 1; }
}
