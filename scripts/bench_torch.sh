#!/bin/sh
# bench_torch.sh -- a step of LLM-QFA's training here and in PyTorch, in turns.
#
#     scripts/bench_torch.sh [CONFIG [ROUNDS]]
#
# CONFIG as `qforge train --full --config` takes it.  The model is made of random weights; both
# programs train rank-8 adapters of 2, 3 and 4 bits, 4 x 256 tokens a step, on two threads.
# Needs python3-torch and libopenblas0 (without it Debian's PyTorch multiplies with a BLAS that is
# made to be read, at a thirtieth of the speed), which nothing else here does.
set -eu
cd "$(dirname "$0")/.."
qforge=${QFORGE_BIN:-build/qforge}
config=${1:-dim=256,hidden=688,layers=8,heads=8,kv_heads=8,vocab=4096,context=256}
python=${PYTHON:-/usr/bin/python3} # Debian's, whose packages it sees
rounds=${2:-5}
steps=${BENCH_STEPS:-12}
"$python" -c 'import torch' 2>/dev/null || {
    echo "bench_torch: python3-torch is not installed" >&2
    exit 1
}
case $(readlink -f "/usr/lib/$(uname -m)-linux-gnu/libblas.so.3") in
*openblas*) ;;
*)
    echo "bench_torch: PyTorch would use a BLAS that is no match (apt-get install libopenblas0)" >&2
    exit 1
    ;;
esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

yes 'Some text to train on, the same line again and again; speed does not depend on it.' |
    head -c 200000 >"$dir/text" || true
"$qforge" train --full --config "$config" --tokenizer bytes --data "$dir/text" --steps 1 \
    --batch 1 --length 16 -o "$dir/model" >/dev/null 2>&1
"$qforge" quantize --model "$dir/model" --method rtn --bits 2,3,4 --group 32 -o "$dir/q" \
    >/dev/null 2>&1

# Prints tokens per second and peak bytes of one run.
ours()
{
    rm -rf "$dir/out"
    "$python" - "$qforge" "$dir" "$steps" <<'END'
import json, resource, subprocess, sys
qforge, directory, steps = sys.argv[1:]
done = subprocess.run(
    [qforge, "train", "--model", directory + "/q", "--data", directory + "/text", "--recipe", "paper",
     "--steps", steps, "--batch", "4", "--length", "256", "--threads", "2", "--json",
     "-o", directory + "/out"], check=True, capture_output=True)
print(json.loads(done.stdout)["tokens_per_second"],
      resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
END
}
theirs()
{
    "$python" scripts/torch_step.py --config "$config" --steps "$steps" --threads 2 |
        "$python" -c 'import json, sys; r = json.load(sys.stdin); print(r["tokens_per_second"], r["peak_bytes"])'
}

round=1
while [ "$round" -le "$rounds" ]; do
    if [ $((round % 2)) = 1 ]; then a=$(ours) b=$(theirs); else b=$(theirs) a=$(ours); fi
    echo "$a $b" >>"$dir/rounds"
    echo "round $round: qforge $a, torch $b (tokens/s, bytes)" >&2
    round=$((round + 1))
done
sort -n "$dir/rounds" | "$python" -c '
import statistics, sys
rows = [[float(x) for x in line.split()] for line in sys.stdin]
speed = sorted(r[0] / r[2] for r in rows)
memory = sorted(r[1] / r[3] for r in rows)
print("tokens/s: %.0f here, %.0f in torch, ratio %.2f [%.2f, %.2f]" % (
    statistics.median(r[0] for r in rows), statistics.median(r[2] for r in rows),
    statistics.median(speed), speed[0], speed[-1]))
print("peak memory: %.0f MB here, %.0f MB in torch, ratio %.2f" % (
    statistics.median(r[1] for r in rows) / 1e6, statistics.median(r[3] for r in rows) / 1e6,
    statistics.median(memory)))'
