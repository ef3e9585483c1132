#!/bin/sh
# shellcheck disable=SC2154 # emulated.sh assigns
# Kernels for POWER's vectors, before the judge in qemu's user mode; and what must fail.
# shellcheck source=tests/emulated/emulated.sh
. "$QFORGE_SOURCE/tests/emulated/emulated.sh"

command -v qemu-ppc64le >/dev/null || skip "no qemu-ppc64le (package qemu-user)"

image vsx powerpc64le
judged "vsx on POWER9" qemu-ppc64le -cpu power9 "$image" "$every"
refused "vsx on POWER8" "dies by a signal" qemu-ppc64le -cpu power8 "$image" 25
refused "wrong by one bit" "vsx.*: wrong: " qemu-ppc64le -cpu power9 "$image" 25 spoil
refused "reads beyond its weights" "dies by a signal" qemu-ppc64le -cpu power9 "$image" 25 peek
