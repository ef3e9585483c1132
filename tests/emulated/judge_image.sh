#!/bin/sh
# judge_image.sh -- a static program for another machine: kernels of an instruction set and
# the judge.
#
#     judge_image.sh EMIT_KERNELS ISA ARCH SAMPLE THIN DIRECTORY
#
# Prints the program's path, in a directory of its own.  $QFORGE_SOURCE is the source tree.  Exit 77 when the compiler is not there.
set -eu
emit=$1 isa=$2 arch=$3 sample=$4 thin=$5 root=$6

host=$(uname -m)
cc=${CC:-gcc}
[ "$arch" = "$host" ] || cc=$arch-linux-gnu-gcc
command -v "$cc" >/dev/null || {
    echo "$cc is not installed" >&2
    exit 77
}

flags="-std=c17 -O2 -D_GNU_SOURCE -fno-math-errno -fno-trapping-math -ffp-contract=off"
flags="$flags -ffunction-sections -I$QFORGE_SOURCE/include -I$QFORGE_SOURCE -I$QFORGE_SOURCE/tests/emulated"

# The judge is compiled once, by whoever needs it first.
judge=$root/judge-$arch
if [ ! -e "$judge/made" ] || [ -n "$(find "$QFORGE_SOURCE/runtime" "$QFORGE_SOURCE/autotune" \
    "$QFORGE_SOURCE/include" "$QFORGE_SOURCE/tests/emulated" -newer "$judge/made" -name '*.[ch]')" ]; then
    fresh=$(mktemp -d "$root/judge.XXXXXX")
    for source in "$QFORGE_SOURCE"/runtime/*.c "$QFORGE_SOURCE"/tests/emulated/judge_kernels.c \
        "$QFORGE_SOURCE"/autotune/hearing.c "$QFORGE_SOURCE"/autotune/guard.c \
        "$QFORGE_SOURCE"/autotune/judge.c "$QFORGE_SOURCE"/autotune/worker.c; do
        # shellcheck disable=SC2086 # flags are words
        "$cc" $flags -c "$source" -o "$fresh/$(basename "$source" .c).o"
    done
    touch "$fresh/made"
    rm -rf "$judge"
    mv -T "$fresh" "$judge" 2>/dev/null || rm -rf "$fresh"
fi

image=$(mktemp -d "$root/$isa.XXXXXX")
"$emit" "$isa" "$sample" "$thin" "$image" >/dev/null
# shellcheck disable=SC2086
"$cc" $flags -I"$image" -c "$image/table.c" -o "$image/table.obj"
"$cc" -static -Wl,--gc-sections "$image"/table.obj "$image"/*.o "$judge"/*.o -lpthread -lm \
    -o "$image/judge_kernels"
rm -f "$image"/*.o
echo "$image/judge_kernels"
