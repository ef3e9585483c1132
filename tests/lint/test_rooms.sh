#!/bin/sh
# test_rooms.sh -- the layering holds, and the check can tell when it does not.
set -eu
lint=$QFORGE_SOURCE/tests/lint
sh "$lint/check_rooms.sh" "$QFORGE_SOURCE"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/tests/lint" "$tree/include/qforge" "$tree/runtime" "$tree/codegen" "$tree/train"
cp "$lint/rooms.txt" "$tree/tests/lint/"
touch "$tree/include/qforge/codegen.h" "$tree/include/qforge/kernel.h" "$tree/codegen/emit.h"

# broken TEXT FILE CONTENT: with FILE the check must fail and say TEXT.
broken()
{
    printf '%s\n' "$3" >"$tree/$2"
    if said=$(sh "$lint/check_rooms.sh" "$tree"); then
        echo "not noticed: $3 in $2"
        exit 1
    fi
    case $said in
    *"$1"*) ;;
    *)
        echo "said '$said' of $3 in $2"
        exit 1
        ;;
    esac
    rm "$tree/$2"
}

echo '#include "qforge/kernel.h"' >"$tree/runtime/fine.c"
sh "$lint/check_rooms.sh" "$tree"
broken 'runtime may not include' runtime/up.c '#include "qforge/codegen.h"'
broken 'runtime may not include' runtime/up.c '#include "codegen/emit.h"'
broken 'runtime may not include' runtime/up.c '#include "../codegen/emit.h"'
broken 'train may not include' train/sideways.c '#  include "qforge/codegen.h"'
broken 'may appear in codegen only' runtime/llvm.c '#include <llvm-c/Core.h>'
broken 'may appear in db, tests only' train/sql.c '#include <sqlite3.h>'
broken 'no file' runtime/lost.c '#include "nowhere.h"'
mkdir "$tree/attic"
broken 'in no room' attic/old.c 'int x;'
broken 'which is not above it' tests/lint/rooms.txt 'room a b'
