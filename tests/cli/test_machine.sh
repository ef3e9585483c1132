#!/bin/sh
# test_machine.sh -- qforge cpu and bench machine: every key scripts depend on.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

"$qforge" cpu >text
grep -q 'kernels for' text
"$qforge" cpu --json >cpu.json
for key in arch vendor brand codename family model stepping hypervisor cores memory_bytes \
    isa vector_bytes caches isa_key tune_key perf_key; do
    grep -q "\"$key\":" cpu.json || { echo "no $key"; exit 1; }
done
grep -Eq '"tune_key": "[0-9a-f]{16}"' cpu.json
"$qforge" cpu --json | cmp - cpu.json # the same every time

# A process held to one CPU has one core.
if command -v taskset >/dev/null; then
    taskset -c "$(taskset -cp $$ | sed 's/.*[^0-9]\([0-9]*\)$/\1/')" "$qforge" cpu --json |
        grep -q '"cores": 1,'
fi

refused 2 'threads' bench machine --threads 0x2
refused 2 'threads' bench machine --threads -1
refused 2 'threads' bench machine --threads 100000
refused 2 'seconds' bench machine --seconds -1
refused 2 'seconds' bench machine --seconds nan
grep -q '"avx2"' cpu.json || exit 0 # no emitted kernels here
"$qforge" bench machine --threads 1 --seconds 0.02 --json >bench.json
for key in brand isa perf_key teams threads fma dot dot_wide l1 l2 l3 dram_1 dram_8; do
    grep -q "\"$key\":" bench.json || { echo "no $key"; exit 1; }
done
