#!/bin/sh
# test_bundle.sh -- bundle: what is written is enough for a C compiler alone, picks its
# kernels by CPU, for other architectures too, and is written whole or not at all.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'umount "$dir/small" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"
export QFORGE_DB="$dir/tuning.db" QFORGE_CACHE="$dir/cache"
CC=${CC-cc}

"$qforge" cpu --json | grep -q '"avx2"' || exit 77 # no emitted kernels here
command -v "$CC" >/dev/null || exit 77

fail() { echo "FAIL: $*"; cat out; exit 1; }

# runs ISA FOLDER COMMAND...: exits with 0, on this instruction set, all products right.
runs() {
    isa=$1 folder=$2
    shift 2
    (cd "$folder" && "$@") >out 2>&1 || fail "$* failed"
    grep -q "^instruction set $isa\$" out || fail "not $isa"
    ! grep -q WRONG out || fail "wrong"
    [ "$(grep -c ': right$' out)" = "$products" ] || fail "not $products products"
}

# ---- this architecture -----------------------------------------------------------------
best=avx2
for isa in avxvnni avx512 avx512vnni avx512gfni; do
    "$qforge" cpu --json | grep -q "\"$isa\"" && best=$isa
done
other=avx512vnni # another one, whether it runs here or not
"$qforge" bundle --isa avx2,$best,$other --shapes 5x70x100,1x70x100,33x96x160 --bits 4,3,2 \
    --group 32 --accuracy fast,exact --db none -o made >out 2>&1 || fail "no bundle"
products=18
[ "$(grep -c ' prior\(, never run\)*$' out)" -ge $((2 * products)) ] ||
    fail "not all kernels are told"
[ "$(grep -c '^avx2 .* prior$' out)" = $products ] || fail "not judged"
grep -q '^made/libqforge_kernels.a: kernels and runtime for x86_64$' out || fail "no archive"
[ ! -e made/src ] || fail "sources that nobody needs"
grep -q 'exact_q2g32_33x96x160_t1' made/qforge_kernels.h || fail "no rows in the header"

# Moved elsewhere, with nothing but a C compiler and what it wrote.
mv made alone
(cd alone && env -i PATH="$PATH" "$CC" -std=c99 -pedantic -Wall -Wextra -Werror -O2 -o example \
    example.c libqforge_kernels.a -lpthread -lm) >out 2>&1 || fail "does not compile"
ldd alone/example >out
! grep -q -i -e llvm -e sqlite -e jansson -e cpuid out || fail "not alone"
runs $best alone ./example
grep -q "^  gemm_q4g32_.*_$best" out || fail "no kernel of $best"
runs $best alone ./example 2
runs avx2 alone env QFORGE_ISA=avx2 ./example
grep -q '^  gemm_q4g32_.*_avx2_' out || fail "no kernel of avx2"
! grep -q '^  gemm_.*_avx512' out || fail "a hidden kernel"
runs c alone env QFORGE_ISA=c ./example
[ "$(grep -c '^  reference$' out)" = $products ] || fail "no reference"
got=0
QFORGE_ISA=teleport ./alone/example >out 2>&1 || got=$?
[ $got = 1 ] || fail "runs on no CPU"
grep -q "^example: QFORGE_ISA: .*'teleport'" out || fail "no reason"

# The Makefile does the same, a shared library may hold it, its linker is any.
rm alone/example
if command -v make >/dev/null; then
    make -C alone >out 2>&1 || fail "make failed"
    runs $best alone ./example
fi
"$CC" -shared -o alone/all.so -Wl,-z,text -Wl,--whole-archive alone/libqforge_kernels.a \
    -Wl,--no-whole-archive -lpthread -lm >out 2>&1 || fail "no shared library"

# Two bundles in one program, written in C++ where there is a compiler for it.
"$qforge" bundle --isa avx2 --shapes 1x64x64 --bits 2 --name second --db none -o two >out 2>&1 ||
    fail "no second bundle"
cat >two/both.c <<'END'
#include "second.h"
#include "../alone/qforge_kernels.h"
#include <stdio.h>
int main(void)
{
    static const uint8_t codes[32] = {1};
    const float scale = 1, offset = 0;
    qf_aot *a = qf_aot_open(second_table), *b = qf_aot_open(qforge_kernels_table);
    qf_aot_weights *w = qf_aot_pack(b, "fine", 4, 32, 1, 32, codes, &scale, &offset);
    qf_aot_product *p = qf_aot_plan(w, 1, NULL);
    printf("%s %s %s\n", qf_aot_isa(a), qf_aot_isa(b), p ? qf_aot_kernel_name(p) : qf_aot_error());
    qf_aot_product_free(p);
    qf_aot_weights_free(w);
    qf_aot_close(a);
    qf_aot_close(b);
    return 0;
}
END
both() {
    "$@" -o two/both two/both.c -x none two/libsecond.a alone/libqforge_kernels.a -lpthread \
        -lm >out 2>&1 || fail "$*: two bundles do not link"
    # A class neither has is plain C, in the panels of the instruction set.
    [ "$(two/both)" = "avx2 $best reference" ] || fail "two bundles disturb each other"
}
both "$CC" -x c
if c++ --version >/dev/null 2>&1; then both c++ -Wall -Wextra -Werror -x c++; fi

# The same request gives the same bytes.
"$qforge" bundle --isa avx2 --shapes 1x64x64 --bits 2 --name second --db none -o again >out
for file in libsecond.a second.h example.c Makefile; do
    cmp two/$file again/$file >out || fail "$file differs"
done

# ---- where kernels come from -----------------------------------------------------------
"$qforge" tune --shape 1x256x512 --threads 1 --trials 1 >log 2>&1
QFORGE_ISA=avx2 "$qforge" tune --shape 1x256x512 --threads 1 --trials 1 >log 2>&1
"$qforge" bundle --isa avx2,$best --shapes 1x256x512,1x512x512,64x256x512 --json -o tuned >out
products=3
for isa in avx2 $best; do
    for row in "1x256x512_t1.*\"rung\":\"exact\",\"judged\":true.*\"this_machine\":true" \
        "1x512x512_t1.*\"rung\":\"nearest\",\"judged\":true,\"from\":\"fast_q4g64_1x256x512_t1\"" \
        "64x256x512_t1.*\"rung\":\"prior\""; do
        tr '{' '\n' <out | grep "\"isa\":\"$isa\"" | grep -q "$row" || fail "$isa: no $row"
    done
done
kernel=$("$qforge" explain --shape 1x256x512 --threads 1 --json |
    tr ',' '\n' | sed -n '/"tie_set"/q; s/.*"kernel":"\([^"]*\)".*/\1/p')
grep -q "\"kernel\":\"$kernel\",\"rung\":\"exact\"" out || fail "another kernel than tuned"
grep -q "$kernel, tuned\$" tuned/qforge_kernels.h || fail "the header does not say tuned"

# ---- another architecture --------------------------------------------------------------
"$qforge" bundle --isa neon,avx2 --shapes 1x70x100,5x70x100 --group 32 --db none -o far \
    >out 2>&1 || fail "no foreign bundle"
products=2
[ "$(grep -c '^neon .* prior, never run$' out)" = $products ] || fail "judged elsewhere"
grep -q '^far/aarch64/lib.*: kernels alone; compile the runtime in src/ for aarch64' out ||
    fail "does not say what is missing"
# What is in src/ and include/ is all there is to it.
mkdir objects
for file in far/src/*.c; do
    "$CC" -std=c17 -D_GNU_SOURCE -Ifar/include -c -o "objects/$(basename "$file").o" "$file" \
        >out 2>&1 || fail "$file does not compile alone"
done
# shellcheck disable=SC2046 # names of one word
"$CC" -O2 -o far/example far/example.c -Ifar objects/*.o far/libqforge_kernels.a \
    -lpthread -lm >out 2>&1 || fail "objects of src/ do not link"
runs avx2 far ./example
if aarch64-linux-gnu-gcc --version >/dev/null 2>&1 && command -v make >/dev/null; then
    make -C far ARCH=aarch64 CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar >out 2>&1 ||
        fail "no program for aarch64"
    if command -v qemu-aarch64 >/dev/null; then
        runs neon far qemu-aarch64 -cpu neoverse-n1 -L /usr/aarch64-linux-gnu aarch64/example
        grep -q '^  gemm_q4g32_.*_neon_' out || fail "no kernel of neon"
        runs c far qemu-aarch64 -cpu cortex-a53 -L /usr/aarch64-linux-gnu aarch64/example
    fi
fi

# ---- refusals --------------------------------------------------------------------------
# refuses CODE PATTERN ARGUMENT...: of an otherwise good request; nothing is made.
refuses() {
    code=$1 pattern=$2
    shift 2
    refused "$code" "$pattern" bundle --isa avx2 --shapes 1x64x64 -o none --db none "$@"
    [ ! -e none ] || fail "$*: a refusal that wrote"
}
refuses 2 "--isa: no 'teleport'" --isa teleport
refuses 2 "--isa: no 'teleport'" --isa avx2,teleport
refuses 2 '--isa' --isa avx2,
refuses 1 "'c' is in every bundle" --isa avx2,c
for shape in 1x2 1x2x3x4 0x64x64 1x-1x64 axbxc '' '1x64x64,' ',1x64x64' 1x64x99999999999; do
    refuses 2 '--shapes' --shapes "$shape"
done
refuses 2 '--bits' --bits 5
refuses 2 '--bits' --bits 32
refuses 2 '--bits' --bits 4,x
refuses 2 '--group' --group 48
refuses 2 '--accuracy' --accuracy quick
refuses 2 '--threads' --threads 0
refuses 2 'no name of letters' --name 'a b'
refuses 2 'no name of letters' --name 9lives
refuses 2 'no name of letters' --name ../up
refuses 1 'no such ledger' --db missing.db
echo nonsense >bad.db
refuses 15 'bad.db' --ledger bad.db
refused 2 '-o DIR' bundle --isa avx2 --shapes 1x64x64
refused 2 '--shapes' bundle --isa avx2 -o none
refused 2 '--isa' bundle --shapes 1x64x64 -o none
: >file
refused 1 'file' bundle --isa avx2 --shapes 1x64x64 --db none -o file
refused 1 'file' bundle --isa avx2 --shapes 1x64x64 --db none -o file/deeper
[ ! -s file ] || fail "a file was written over"

# A full disk leaves nothing of a new bundle, and the old one as it was.
mkdir small
if mount -t tmpfs -o size=700k tmpfs small 2>/dev/null; then
    "$qforge" bundle --isa avx2 --shapes 1x64x64 --db none -o small/old >out
    cp -r small/old kept
    head -c 400000 /dev/zero >small/fill
    refused 1 'small/new' bundle --isa avx2,neon --shapes 1x64x64 --db none -o small/new
    [ ! -e small/new ] || fail "half a bundle"
    refused 1 'small/old' bundle --isa avx2,neon --shapes 1x64x64 --db none -o small/old
    diff -r kept small/old >out || fail "the old bundle is not what it was"
fi
