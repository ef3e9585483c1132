#!/bin/sh
# judge_image.sh -- a static program for another machine: kernels of an instruction set and
# the judge.
#
#     judge_image.sh EMIT_KERNELS ISA ARCH SAMPLE THIN DIRECTORY
#
# Prints the program's path, in a directory of its own, the caller's to remove.
# $QFORGE_SOURCE is the source tree.  Exit 77 when the compiler is not there.
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

# The judge is compiled once; others wait for whoever is at it.
judge=$root/judge-$arch
exec 9>"$judge.lock"
flock 9
if [ ! -e "$judge/made" ] || [ -n "$(find "$QFORGE_SOURCE/runtime" "$QFORGE_SOURCE/autotune" \
    "$QFORGE_SOURCE/include" "$QFORGE_SOURCE/tests/emulated" -newer "$judge/made" -name '*.[chd]*')" ]; then
    rm -rf "$judge"
    mkdir -p "$judge"
    for source in "$QFORGE_SOURCE"/runtime/*.c "$QFORGE_SOURCE"/tests/emulated/judge_kernels.c \
        "$QFORGE_SOURCE"/autotune/hearing.c "$QFORGE_SOURCE"/autotune/scene_answer.c \
        "$QFORGE_SOURCE"/autotune/guard.c \
        "$QFORGE_SOURCE"/autotune/judge.c "$QFORGE_SOURCE"/autotune/worker.c; do
        # shellcheck disable=SC2086 # flags are words
        "$cc" $flags -c "$source" -o "$judge/$(basename "$source" .c).o"
    done
    touch "$judge/made"
fi
flock -u 9

image=$(mktemp -d "$root/$isa.XXXXXX")
trap '[ -e "$image/judge_kernels" ] || rm -rf "$image"' EXIT
"$emit" "$isa" "$sample" "$thin" "$image" >/dev/null
# shellcheck disable=SC2086
"$cc" $flags -I"$image" -c "$image/table.c" -o "$image/table.obj"
"$cc" -static -Wl,--gc-sections "$image"/table.obj "$image"/*.o "$judge"/*.o -lpthread -lm \
    -o "$image/judge_kernels"
rm -f "$image"/*.o
echo "$image/judge_kernels"
