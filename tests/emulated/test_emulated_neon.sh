#!/bin/sh
# shellcheck disable=SC2154 # emulated.sh assigns
# Kernels for NEON, before the judge in qemu's user mode; and what must fail.
# shellcheck source=tests/emulated/emulated.sh
. "$QFORGE_SOURCE/tests/emulated/emulated.sh"

command -v qemu-aarch64 >/dev/null || skip "no qemu-aarch64 (package qemu-user)"

image neon aarch64
judged "neon on Cortex-A76" qemu-aarch64 -cpu cortex-a76 "$image" "$every"
refused "wrong by one bit" "neon_.*: wrong: " qemu-aarch64 -cpu cortex-a76 "$image" 25 spoil
refused "reads beyond its weights" "dies by a signal" qemu-aarch64 -cpu cortex-a76 "$image" 25 peek
refused "neon without dotprod" "dies by a signal" qemu-aarch64 -cpu cortex-a72 "$image" 25

image neoni8mm aarch64
judged "neoni8mm on max without SVE" qemu-aarch64 -cpu max,sve=off "$image" "$every"
refused "neoni8mm on Cortex-A76" "dies by a signal" qemu-aarch64 -cpu cortex-a76 "$image" 25
