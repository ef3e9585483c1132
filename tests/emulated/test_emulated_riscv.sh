#!/bin/sh
# shellcheck disable=SC2154 # emulated.sh assigns
# Kernels for RISC-V's vectors, before the judge in qemu's user mode; and what must fail.
# shellcheck source=tests/emulated/emulated.sh
. "$QFORGE_SOURCE/tests/emulated/emulated.sh"

command -v qemu-riscv64 >/dev/null || skip "no qemu-riscv64 (package qemu-user)"

# LLVM 19 takes seconds for one of these kernels: fewer of them.
thin=9
lengths=256
[ "${QFORGE_EMULATED:-sample}" = full ] && lengths="256 512"
for bits in $lengths; do
    image "rvv$bits" riscv64
    judged "rvv$bits" qemu-riscv64 -cpu "rv64,v=true,vext_spec=v1.0,vlen=$bits,elen=64" "$image" "$every"
done
refused "rvv without vectors" "dies by a signal" qemu-riscv64 -cpu rv64 "$image" 25
refused "wrong by one bit" "rvv.*: wrong: " \
    qemu-riscv64 -cpu "rv64,v=true,vext_spec=v1.0,vlen=$bits,elen=64" "$image" 25 spoil
