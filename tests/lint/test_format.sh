#!/bin/sh
# test_format.sh -- the sources are as clang-format 14 writes them.
set -eu
command -v clang-format-14 >/dev/null || exit 77
cd "$QFORGE_SOURCE"
find . -path './build*' -prune -o -path './.*/*' -prune -o \( -name '*.c' -o -name '*.h' \) \
    -print0 | xargs -0 -n 16 -P 2 clang-format-14 --dry-run -Werror
