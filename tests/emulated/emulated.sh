# emulated.sh -- sourced by the tests that execute kernels on machines that are not there.
#
# QFORGE_EMULATED=full takes more tiles and holds more hearings; otherwise a sample.
# shellcheck shell=sh disable=SC2034
set -u

build=$(cd "$(dirname "$1")" && pwd)
here=$QFORGE_SOURCE/tests/emulated
root=$build/emulation
mkdir -p "$root"
case ${QFORGE_EMULATED:-sample} in
full) sample=2 thin=1 every=11 ;;
*) sample=1 thin=3 every=25 ;;
esac

skip()
{
    echo "skipped: $*"
    exit 77
}

fail()
{
    echo "FAILED: $*" >&2
    exit 1
}

# image ISA ARCH: sets $image to the program with that set's kernels.
image()
{
    image=$(sh "$here/judge_image.sh" "$build/emit_kernels" "$1" "$2" "$sample" "$thin" "$root")
    made=$?
    [ $made = 77 ] && skip "no compiler for $2"
    [ $made = 0 ] || fail "no image of $1"
    images="$images $(dirname "$image")"
}

images=
forget_images()
{
    # shellcheck disable=SC2086 # paths of ours
    rm -rf $images
}
trap forget_images EXIT

# sve_cpu BITS: qemu's name of a CPU with vectors of that length.  Above 512 bits they are not
# what a process starts with.
sve_cpu()
{
    case $1 in
    1024 | 2048) echo "max,sve$1=on,sve-default-vector-length=-1" ;;
    *) echo "max,sve$1=on" ;;
    esac
}

sve_lengths()
{
    case ${QFORGE_EMULATED:-sample} in
    full) echo 128 256 512 1024 2048 ;;
    *) echo 128 256 512 2048 ;;
    esac
}

# judged LABEL COMMAND...: the command must succeed; its last line says how many passed.
judged()
{
    label=$1
    shift
    "$@" >"$root/$$.out" 2>&1 || {
        tail -5 "$root/$$.out" >&2
        fail "$label"
    }
    printf '%-34s %s\n' "$label" "$(tail -1 "$root/$$.out")"
    if [ "${QFORGE_EMULATED:-sample}" = full ]; then grep '^| ' "$root/$$.out" | sed "s/^/$label /"; fi
    rm -f "$root/$$.out"
}

# refused LABEL TEXT COMMAND...: a control, which must fail and say TEXT.
refused()
{
    label=$1 text=$2
    shift 2
    if "$@" >"$root/$$.out" 2>&1; then fail "control passed: $label"; fi
    grep -q -- "$text" "$root/$$.out" || {
        tail -5 "$root/$$.out" >&2
        fail "control failed without '$text': $label"
    }
    printf '%-34s refused, as it must be\n' "$label"
    rm -f "$root/$$.out"
}
