#!/bin/sh
# test_headers.sh -- every public header compiles alone, with every compiler here.
set -eu
cd "$QFORGE_SOURCE"
flags='-std=c17 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
    -Wstrict-prototypes -Wmissing-prototypes -Werror -Iinclude -fsyntax-only'

bad=0
for compiler in gcc clang-14; do
    command -v "$compiler" >/dev/null || continue
    for header in include/qforge/*.h; do
        # Twice: the guard must work.
        # shellcheck disable=SC2086 # the flags are words
        printf '#include "%s"\n#include "%s"\n' "qforge/${header##*/}" "qforge/${header##*/}" |
            "$compiler" $flags -x c - || bad=1
    done
done
exit $bad
