#!/bin/sh
# shellcheck disable=SC2154 # emulated.sh assigns
# Kernels for SVE, before the judge in qemu's user mode; and what must fail.
# shellcheck source=tests/emulated/emulated.sh
. "$QFORGE_SOURCE/tests/emulated/emulated.sh"

command -v qemu-aarch64 >/dev/null || skip "no qemu-aarch64 (package qemu-user)"

for bits in $(sve_lengths); do
    image "sve$bits" aarch64
    judged "sve$bits on max" qemu-aarch64 -cpu "$(sve_cpu "$bits")" "$image" "$every"
    [ "$bits" = 512 ] || continue
    judged "sve512 on A64FX" qemu-aarch64 -cpu a64fx "$image" "$every"
    refused "sve512 on max without SVE" "dies by a signal" qemu-aarch64 -cpu max,sve=off "$image" 25
    refused "sve512 at 256 bits" ": wrong: " qemu-aarch64 -cpu "$(sve_cpu 256)" "$image" 25
done
