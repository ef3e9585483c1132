#!/bin/sh
# Instruction sets by name: a row, a family of vector lengths, or neither.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

# symbol NAME: of the kernel `qforge emit` makes.
symbol()
{
    "$qforge" emit --isa "$1" --recipe dot --bits 4 | sed -n 's/^.*globl[[:space:]]*\(gemm_[a-z0-9_]*\).*/\1/p'
}

[ "$(symbol sve2x512)" = gemm_q4g64_dot_sve2x512_1x32_u1 ]
case $(symbol sve) in
gemm_q4g64_dot_sve[0-9]*) ;;
*) exit 1 ;;
esac
case $(symbol sve2) in
gemm_q4g64_dot_sve2x[0-9]*) ;;
*) exit 1 ;;
esac
for name in avx sv sve3 sve2x "" 512; do
    refused 2 "--isa: no '$name' among avx2, .*, sve2x2048" emit --isa "$name" --recipe dot
    refused 2 "--isa: " bundle --isa "avx2,$name" --shapes 1x64x64 -o none
done
