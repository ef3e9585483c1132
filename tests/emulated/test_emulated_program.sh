#!/bin/sh
# shellcheck disable=SC2154 # emulated.sh assigns
# The whole program where it has never run: detection, code made in the process, dispatch, guard
# pages.  On x86-64 one static file under Bochs, on AArch64 a cross-built one under qemu.
# shellcheck source=tests/emulated/emulated.sh
. "$QFORGE_SOURCE/tests/emulated/emulated.sh"

[ "${QFORGE_EMULATED:-sample}" = full ] || skip "whole programs are for ./run test-emulated"

# built DIRECTORY OPTION...: builds qforge there.
built()
{
    directory=$1
    shift
    { cmake -S "$QFORGE_SOURCE" -B "$directory" -G Ninja -DBUILD_TESTING=OFF "$@" &&
        ninja -C "$directory" qforge; } >"$directory.log" 2>&1 || {
        tail -20 "$directory.log" >&2
        fail "no program in $directory"
    }
}

# sees LABEL NAMES COMMAND...: `qforge cpu` must list exactly these instruction sets.
sees()
{
    label=$1 names=$2
    shift 2
    "$@" >"$root/$$.cpu" 2>&1 || {
        tail -5 "$root/$$.cpu" >&2
        fail "$label"
    }
    grep -q "^kernels for    $names (" "$root/$$.cpu" || {
        cat "$root/$$.cpu" >&2
        fail "$label: does not see '$names'"
    }
    rm -f "$root/$$.cpu"
    printf '%-34s ok: sees %s\n' "$label" "$names"
}

x86()
{
    command -v bochs >/dev/null || {
        echo "x86-64: skipped, no bochs"
        return
    }
    for archive in libstdc++.a libzstd.a; do
        [ ! -e "$(gcc -print-file-name=$archive)" ] || continue
        echo "x86-64: skipped, no $archive to link with"
        return
    done
    built "$root/static" -DQF_STATIC=ON
    strip -o "$root/static/small" "$root/static/qforge"
    stub="sh $here/boot/bochs.sh $root/bochs"
    small="512 $root/static/small QFORGE_PIN=0"
    # shellcheck disable=SC2086 # words
    {
        sees "program on Haswell" "c avx2" $stub corei7_haswell_4770 $small -- cpu
        sees "program on Skylake-X" "c avx2 avx512" $stub corei7_skylake_x $small -- cpu
        sees "program on Tiger Lake" "c avx2 avx512 avx512vnni avx512gfni" $stub tigerlake $small -- cpu
        refused "vnni asked of Skylake-X" "runs no 'avx512vnni'" \
            $stub corei7_skylake_x $small QFORGE_ISA=avx512vnni -- cpu
        # Bochs 2.7 inverts what GFNI's affine instruction gives.
        judged "selftest on Tiger Lake" $stub tigerlake $small QFORGE_ISA=avx512vnni -- \
            selftest --sample 11
    }
}

aarch64()
{
    if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
        echo "aarch64: skipped, no qemu-aarch64 or aarch64-linux-gnu-gcc"
        return
    fi
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
    # The LLVM that this build found.
    llvm=$(sed -n 's|^LLVM_DIR:PATH=.*/\(llvm-[0-9]*\)/.*|\1-dev|p' "$build/CMakeCache.txt")
    sh "$here/unpack.sh" "$root/arm64" "$suite" arm64 libc6-dev "${llvm:-llvm-19-dev}" \
        libsqlite3-dev libjansson-dev libpcre2-dev || {
        echo "aarch64: skipped, no libraries"
        return
    }
    built "$root/aarch64" --toolchain "$QFORGE_SOURCE/cmake/aarch64-linux-gnu.cmake" \
        -DQF_SYSROOT="$root/arm64/root"
    on="qemu-aarch64 -L $root/arm64/root -cpu"
    program=$root/aarch64/qforge
    # shellcheck disable=SC2086 # words
    {
        sees "program on Cortex-A72" "c" $on cortex-a72 "$program" cpu
        sees "program on Cortex-A76" "c neon" $on cortex-a76 "$program" cpu
        sees "program on A64FX" "c sve512" $on a64fx "$program" cpu
        for bits in 128 256 512 1024 2048; do
            names="c neon neoni8mm sve$bits sve2x$bits"
            [ "$bits" != 128 ] || names="c sve128 sve2x128 neon neoni8mm"
            sees "program at $bits bits" "$names" $on "$(sve_cpu "$bits")" "$program" cpu
        done
        sees "program at 384 bits" "c neon neoni8mm" $on max,sve384=on "$program" cpu
        judged "selftest on Cortex-A76" $on cortex-a76 "$program" selftest --sample 11
        judged "selftest at 512 bits" $on "$(sve_cpu 512)" "$program" selftest --sample 11
        # One thread: qemu 7.2 dies of children that make threads.
        judged "tuning at 256 bits" $on "$(sve_cpu 256)" "$program" tune \
            --shape 4x64x128 --bits 4 --group 64 --threads 1 --trials 3 --db "$root/$$.db"
        judged "answer at 256 bits" $on "$(sve_cpu 256)" "$program" explain \
            --shape 4x64x128 --bits 4 --group 64 --threads 1 --db "$root/$$.db"
    }
    rm -f "$root/$$.db"*
}

# answers MODEL KERNEL: the bundle's example is right, by a kernel named so.
answers()
{
    qemu-aarch64 -L /usr/aarch64-linux-gnu -cpu "$1" "$bundle/aarch64/example" >"$root/$$.bundle" 2>&1 &&
        grep -q " $2" "$root/$$.bundle" || {
        cat "$root/$$.bundle" >&2
        fail "bundle on $1: not right by $2"
    }
    printf '%-34s ok: right by %s\n' "bundle on ${1%%,sve-default*}" "$2"
    rm -f "$root/$$.bundle"
}

# One archive for every length of SVE, and NEON for the rest.
bundled()
{
    bundle=$root/bundle
    rm -rf "$bundle"
    { "$build/qforge" bundle --isa neon,sve --shapes 4x128x256 --bits 4 --ledger none -o "$bundle" &&
        make -C "$bundle" ARCH=aarch64 CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar; } \
        >"$root/bundle.log" 2>&1 || {
        tail -5 "$root/bundle.log" >&2
        fail "no bundle"
    }
    answers cortex-a72 "reference"
    answers cortex-a76 "gemm_q4g64_dot_neon_"
    answers a64fx "gemm_q4g64_dot_sve512_"
    answers max,sve384=on "gemm_q4g64_dot_neon_"
    answers "$(sve_cpu 128)" "gemm_q4g64_dot_neon_"
    for bits in 256 512 1024 2048; do
        answers "$(sve_cpu $bits)" "gemm_q4g64_dot_sve${bits}_"
    done
}

[ "$(uname -m)" != x86_64 ] || x86
aarch64
[ ! -x "$root/aarch64/qforge" ] || bundled
