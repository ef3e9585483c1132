#!/bin/sh
# shellcheck disable=SC2154 # emulated.sh assigns
# Kernels for SVE2 with I8MM, before the judge in qemu's user mode; and what must fail.
# shellcheck source=tests/emulated/emulated.sh
. "$QFORGE_SOURCE/tests/emulated/emulated.sh"

command -v qemu-aarch64 >/dev/null || skip "no qemu-aarch64 (package qemu-user)"

for bits in $(sve_lengths); do
    image "sve2x$bits" aarch64
    judged "sve2x$bits on max" qemu-aarch64 -cpu "$(sve_cpu "$bits")" "$image" "$every"
done
refused "sve2 on A64FX" "dies by a signal" qemu-aarch64 -cpu a64fx "$image" 25
