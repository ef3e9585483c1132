#!/bin/sh
# test_explain.sh -- explain: every rung of the ladder, and numbers that fit each other.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_DB="$dir/tuning.db" QFORGE_CACHE="$dir/cache"

"$qforge" cpu --json | grep -q '"avx2"' || exit 77 # no emitted kernels here

fail() { echo "FAIL: $*"; cat out; exit 1; }

# value KEY: of the last JSON object.
value() {
    sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" out
}

# explains RUNG BASIS CACHE LIMITER ARGUMENT...: the answer, and whether it adds up; no
# prediction is beyond the roof.
explains() {
    rung=$1 basis=$2 cache=$3 limiter=$4
    shift 4
    "$qforge" explain --threads 1 --json "$@" >out
    for key in problem kernel code_hash us ranking_only least_us gflops gbps weight_bytes roof_fraction roof \
        roof_rate roof_unit arithmetic_us reading_us; do
        grep -q "\"$key\":" out || fail "no $key"
    done
    [ "$(value rung)" = "$rung" ] || fail "not $rung"
    [ "$(value basis)" = "$basis" ] || fail "not $basis"
    # What no time of this machine stands behind is marked.
    [ "$(value ranking_only)" = "$([ "$basis" = prior ] && echo true || echo false)" ] ||
        fail "for ranking alone, or not"
    [ "$(value cache)" = "$cache" ] || fail "not $cache"
    [ "$(value limiter)" = "$limiter" ] || fail "not limited by $limiter"
    m=$(value problem | sed 's/.*_\([0-9]*\)x[0-9]*x[0-9]*_t1$/\1/')
    n=$(value problem | sed 's/.*x\([0-9]*\)x[0-9]*_t1$/\1/')
    k=$(value problem | sed 's/.*x\([0-9]*\)_t1$/\1/')
    awk -v m="$m" -v n="$n" -v k="$k" -v us="$(value us)" -v gflops="$(value gflops)" \
        -v gbps="$(value gbps)" -v bytes="$(value weight_bytes)" \
        -v fraction="$(value roof_fraction)" -v arithmetic="$(value arithmetic_us)" \
        -v reading="$(value reading_us)" -v basis="$basis" -v bound="$(value least_us)" '
        function near(a, b) { return a > 0.999 * b && a < 1.001 * b }
        BEGIN {
            least = arithmetic > reading ? arithmetic : reading
            exit !(us > 0 && near(gflops * us * 1e3, 2 * m * n * k) &&
                   near(gbps * us * 1e3, bytes) && near(fraction * us, least) && near(bound, least) &&
                   (basis == "measured" || fraction < 1.001))
        }' || fail "does not add up"
}

for m in 1 8; do
    "$qforge" tune --shape ${m}x256x512 --threads 1 --trials 1 >log 2>&1
done

# One row reads its weights once: memory limits, whatever the kernel.
explains exact measured cold memory --shape 1x256x512
[ "$(value from)" = fast_q4g64_1x256x512_t1 ] || fail "from elsewhere"
[ "$(value us)" = "$(value median_us)" ] || fail "not the time of the ledger"
# 4 bits and, in groups of 64, 32 bits of scale and offset.
[ "$(value weight_bytes)" = $((256 * 512 * 9 / 16)) ] || fail "weights of another size"
case $(value roof) in
dram_*) ;;
*) fail "no roof of memory" ;;
esac
explains nearest nearest cold memory --shape 1x512x512
[ "$(value from)" = fast_q4g64_1x256x512_t1 ] || fail "not from its neighbour"
# Twice the outputs: about twice the neighbour's time, unless the roof is further away; also
# where the prior is far off.
for m in 1 8; do
    "$qforge" explain --threads 1 --json --shape ${m}x512x512 >out
    awk -v us="$(value us)" -v from="$(value median_us)" -v fraction="$(value roof_fraction)" '
        BEGIN { exit !(us > 1.5 * from && (us < 3 * from || fraction > 0.999)) }' ||
        fail "no likely prediction"
done
# Other widths, classes and many rows have no neighbour.
explains prior prior cold memory --shape 1x256x512 --bits 2
grep -q '"from"' out && fail "from nowhere"
explains prior prior warm arithmetic --shape 256x256x512
[ "$(value roof)" = dot ] || fail "bytes are multiplied here"
explains prior prior warm arithmetic --shape 256x256x512 --op grad
[ "$(value roof)" = fma ] || fail "floats are multiplied here"
explains prior prior cold memory --shape 1x256x512 --db none

# says LINE...
says() {
    for line in "$@"; do grep -q -e "$line" out || fail "no '$line'"; done
}
"$qforge" explain --threads 1 --shape 1x256x512 >out
says '^  tuned here$' 'took .* with cold weights' '^  measured: .* GFLOP/s, .* GB/s of cold' \
    '^  [0-9]* % of the roof, which is memory: DRAM read'
"$qforge" explain --threads 1 --shape 1x512x512 >out
says 'nearest tuned shape' "^  predicted from the nearest shape's time: "
"$qforge" explain --threads 1 --shape 256x256x512 >out
says 'never tuned here' '^  at least [0-9.]* us with warm weights, for arithmetic: int8 dot' \
    "not known before it is timed; the prior's figure for ranking"
if grep -q -e GFLOP -e '% of the roof' out; then fail "speeds that nobody measured"; fi
