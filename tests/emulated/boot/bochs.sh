#!/bin/sh
# bochs.sh -- runs a static x86-64 program on a CPU that is not there, without a kernel.
#
#     bochs.sh DIRECTORY MODEL MEMORY_MIB PROGRAM [NAME=value]... -- [ARGUMENT]...
#
# DIRECTORY keeps what is built once: the ROM, the stub.  The program's output is printed, its
# status returned; 70 when the machine ended otherwise (an exception, printed as "EXC vector
# error rip cr2"), 137 when it took longer than $QFORGE_EMULATED_SECONDS (default 600), 77 when
# there is no Bochs.  QFORGE_BOCHS3 is the root of an unpacked Bochs 3 (unpack.sh), for the
# models only that has.
set -eu
keep=$1 model=$2 memory=$3 program=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
root=${QFORGE_BOCHS3:-}

if [ -n "$root" ]; then
    libraries=$root/usr/lib/x86_64-linux-gnu
    share=$root/usr/share/bochs
else
    command -v bochs >/dev/null || {
        echo "no bochs (packages bochs, bochs-term)" >&2
        exit 77
    }
    share=/usr/share/bochs
fi

build()
{
    cc=${CC:-gcc}
    flags="-O2 -mno-red-zone -ffreestanding -fno-stack-protector -fno-pic -mgeneral-regs-only"
    new=$(mktemp -d "$keep/new.XXXXXX")
    $cc -c "$here/rom.S" -o "$new/rom.o"
    ld -T "$here/rom.ld" "$new/rom.o" -o "$new/rom.elf"
    objcopy -O binary --gap-fill 0xff "$new/rom.elf" "$new/rom.bin"
    $cc -c "$here/stub_entry.S" -o "$new/entry.o"
    # shellcheck disable=SC2086 # flags are words
    $cc $flags -Wall -Wextra -Wno-array-bounds -c "$here/stub.c" -o "$new/stub.o"
    ld --no-warn-rwx-segments -T "$here/stub.ld" "$new/entry.o" "$new/stub.o" -o "$new/stub.elf"
    objcopy -O binary "$new/stub.elf" "$new/stub.bin"
    $cc -O2 "$here/place.c" -o "$new/place"
    mv "$new/rom.bin" "$new/stub.bin" "$new/place" "$keep/"
    rm -rf "$new"
}

mkdir -p "$keep"
[ -x "$keep/place" ] && [ -z "$(find "$here" -newer "$keep/place" -name "*.[chSl]*")" ] || build
at=$(mktemp -d)
trap 'rm -rf "$at"' EXIT
# The program is named before its arguments.
environment=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    environment="$environment $1"
    shift
done
[ $# -eq 0 ] || shift
# shellcheck disable=SC2086 # NAME=value words
"$keep/place" "$keep/stub.bin" "$program" "$at/image" "$memory" $environment -- \
    "$(basename "$program")" "$@"

cat >"$at/bochsrc" <<RC
config_interface: textconfig
display_library: term
cpu: model=$model, count=1, ips=100000000, reset_on_triple_fault=0
memory: guest=$memory, host=$memory
romimage: file=$keep/rom.bin
vgaromimage: file=$share/VGABIOS-lgpl-latest
optramimage1: file=$at/image, address=0x100000
port_e9_hack: enabled=1
pci: enabled=0
floppya: type=none
ata0: enabled=0
ata1: enabled=0
boot: disk
mouse: enabled=0
speaker: enabled=0
clock: sync=none, time0=0
plugin_ctrl: biosdev=false, speaker=false, gameport=false, parallel=false, serial=false$([ -n "$root" ] || echo ', extfpuirq=false')
log: $at/log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
RC
printf 'c\nq\n' >"$at/rc"

# The terminal it wants is never there; it swallows every signal but KILL.
status=0
if [ -n "$root" ]; then
    TERM=vt100 TERMINFO=/lib/terminfo BXSHARE=$share LTDL_LIBRARY_PATH=$libraries/bochs/plugins \
        timeout -s KILL "${QFORGE_EMULATED_SECONDS:-600}" "$root/usr/lib64/ld-linux-x86-64.so.2" \
        --library-path "$libraries:$libraries/pulseaudio" "$root/usr/bin/bochs-bin" \
        -q -f "$at/bochsrc" </dev/null >"$at/out" 2>/dev/null || status=$?
else
    TERM=vt100 timeout -s KILL "${QFORGE_EMULATED_SECONDS:-600}" \
        bochs -q -f "$at/bochsrc" -rc "$at/rc" </dev/null >"$at/out" 2>/dev/null || status=$?
fi
# What the emulator says itself is not the program's.
sed -e '1,/^\[begin\]$/d' -e '/^(0)/d' -e '/^Next at t=/d' -e '/^\[exit [0-9]*\]$/d' "$at/out"
if [ $status = 137 ]; then
    echo "did not end in ${QFORGE_EMULATED_SECONDS:-600} s"
    exit 137
fi
exit "$(sed -n 's/^\[exit \([0-9]*\)\]$/\1/p' "$at/out" | tail -1 | grep . || echo 70)"
