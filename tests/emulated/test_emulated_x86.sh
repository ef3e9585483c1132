#!/bin/sh
# shellcheck disable=SC2154 # emulated.sh assigns
# Kernels for x86 sets this machine may lack, before the judge in Bochs; and what must fail.
# shellcheck source=tests/emulated/emulated.sh
. "$QFORGE_SOURCE/tests/emulated/emulated.sh"

[ "$(uname -m)" = x86_64 ] || skip "the images are built by an x86-64 compiler"
command -v bochs >/dev/null || skip "no bochs (packages bochs, bochs-term)"
died="^EXC vec/err/rip/cr2: 000000000000000"

# emulate MODEL PROGRAM ARGUMENT...
emulate()
{
    model=$1 program=$2
    shift 2
    sh "$here/boot/bochs.sh" "$root/bochs" "$model" 512 "$program" -- "$@"
}

image avx512 x86_64
avx512=$image
judged "avx512 on Skylake-X" emulate corei7_skylake_x "$avx512" "$every"
refused "avx512 on Haswell" "${died}6" emulate corei7_haswell_4770 "$avx512" 25

image avx512vnni x86_64
judged "avx512vnni on Ice Lake" emulate corei7_icelake_u "$image" "$every"
refused "avx512vnni on Skylake-X" "${died}6" emulate corei7_skylake_x "$image" 25
refused "avx512vnni on Haswell" "${died}6" emulate corei7_haswell_4770 "$image" 25
refused "wrong by one bit" "avx512vnni_.*: wrong: " emulate tigerlake "$image" 25 spoil
refused "reads beyond its weights" "${died}e" emulate tigerlake "$image" 25 peek

# AVX-VNNI is known to Bochs 3 alone, and 2.7 inverts what GFNI's affine instruction gives.
# The full run fetches it; a sample uses it when it is there.
if [ "${QFORGE_EMULATED:-sample}" = full ]; then
    sh "$here/unpack.sh" "$root/bochs3" trixie amd64 bochs bochs-term ||
        echo "avxvnni, avx512gfni: not executed, no Bochs 3"
fi
if [ -e "$root/bochs3/root" ]; then
    image avxvnni x86_64
    QFORGE_BOCHS3=$root/bochs3/root
    export QFORGE_BOCHS3
    judged "avxvnni on Arrow Lake" emulate arrow_lake "$image" "$every"
    image avx512gfni x86_64
    judged "avx512gfni on Sapphire Rapids" emulate sapphire_rapids "$image" "$every"
    refused "avx512gfni on Arrow Lake" "${died}6" emulate arrow_lake "$image" 25
    judged "avx512 on Sapphire Rapids" emulate sapphire_rapids "$avx512" "$every"
fi
