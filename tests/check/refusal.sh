# refusal.sh -- read by the tests of bad input: what a good refusal looks like.
#
# Before: $qforge is the program, the working directory is the test's own.

# shellcheck disable=SC2154 # qforge is given
# refused CODE PATTERN ARGUMENT...: `qforge ARGUMENT...` must exit with CODE, print nothing
# on stdout and say PATTERN on the last line of stderr, which begins with "qforge: ".
# Other lines may only be progress.
refused() {
    refused_code=$1 refused_pattern=$2
    shift 2
    refused_got=0
    "$qforge" "$@" >refused.out 2>refused.err </dev/null || refused_got=$?
    if [ $refused_got -ne "$refused_code" ]; then
        echo "qforge $*: exit $refused_got, not $refused_code"
        cat refused.err
        exit 1
    fi
    if ! tail -n 1 refused.err | tr '\r' '\n' | tail -n 1 | grep -q '^qforge: '; then
        echo "qforge $*: the last line is no sentence of ours:"
        cat refused.err
        exit 1
    fi
    if [ "$(grep -c '^qforge: ' refused.err)" -gt 1 ]; then
        echo "qforge $*: complains more than once:"
        cat refused.err
        exit 1
    fi
    if ! grep -q -e "$refused_pattern" refused.err; then
        echo "qforge $*: does not say '$refused_pattern':"
        cat refused.err
        exit 1
    fi
    if [ -s refused.out ]; then
        echo "qforge $*: failed, yet wrote to stdout:"
        cat refused.out
        exit 1
    fi
}

# tiny_model: makes text/ (stories) and model/ (a few steps of training on them).
tiny_model() {
    "$qforge" stories -o text --train 60 --calibration 20 --search 5 --test 5 --questions 5 \
        --vocab 384 >log 2>&1 || { cat log; exit 1; }
    "$qforge" train --full --config dim=16,hidden=44,layers=2,heads=2,vocab=384,context=32 \
        --tokenizer text --data text/train.txt --steps 3 --batch 2 --length 16 --threads 1 \
        --db none -o model >log 2>&1 || { cat log; exit 1; }
}

# patch FILE OFFSET BYTES: overwrites bytes (printf notation) in place.
patch() {
    # shellcheck disable=SC2059 # the bytes are the format
    printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
