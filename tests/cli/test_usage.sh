#!/bin/sh
# test_usage.sh -- every verb explains itself and refuses what it does not know.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

refused 2 'unknown command' nonsense
refused 2 'unknown command' --verbose
refused 2 'unknown command' 'two words'
refused 2 'unknown command' Cpu
for verb in '' ' '; do
    got=0
    # shellcheck disable=SC2086
    "$qforge" $verb >out 2>err || got=$?
    if [ $got -ne 2 ] || [ -s out ] || ! grep -q usage err; then
        echo "no command: exit $got"
        exit 1
    fi
done

"$qforge" --help >help
for flag in --version -V; do
    "$qforge" $flag | grep -q '^qforge [0-9][0-9.]*$' || { echo "$flag: no version"; exit 1; }
    refused 2 'unexpected' $flag one-operand-too-many
done
verbs=$(sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' help)
[ "$(echo "$verbs" | wc -l)" -ge 5 ]

# explains VERB --help: on stdout alone.
explains() {
    "$qforge" "$@" >out 2>err || { echo "$*: failed"; exit 1; }
    grep -q '^usage: qforge' out || { echo "$*: no usage"; exit 1; }
    [ ! -s err ] || { echo "$*: speaks on stderr"; exit 1; }
}

# check_verb VERB...: a verb, or a verb and what it should do.
check_verb() {
    explains "$@" --help
    refused 2 'unknown option' "$@" --nonsense
    # The command it names is one.
    hint=$(sed -n 's/.*(try qforge \(.*\) --help)$/\1/p' refused.err)
    [ "$hint" = "$*" ] || { echo "$*: told to try '$hint'"; exit 1; }
    # Every option that wants a value wants it.
    for option in $(sed -n 's/^ .*--\([a-z-]*\) [A-Z].*/\1/p' out); do
        refused 2 'value missing' "$@" "--$option"
    done
    # Numbers are numbers.
    for option in $(sed -n 's/^ .*--\([a-z-]*\) [NSX] .*/\1/p' out); do
        refused 2 "$option" "$@" "--$option" 12monkeys
    done
}

# Times to measure for are times.
refuses_times() {
    for seconds in -1 0 nan inf; do
        refused 2 '--seconds: .* is not from 0 to' "$@" --seconds $seconds
    done
}
refuses_times bench machine
refuses_times bench gemm
refuses_times bench epilogue
refuses_times bench ledgers a.db
refuses_times bench token --model m
refuses_times bench model --config llama2-7b --random
refuses_times selftest --aa 1
timed=$(for what in $("$qforge" bench --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    "$qforge" bench "$what" --help
done | grep -c -e --seconds)
[ "$timed" -eq 6 ] || { echo "$timed benches with --seconds are not the 6 above"; exit 1; }

for verb in $verbs; do
    explains "$verb" --help
    if ! grep -q '<what>' out; then
        check_verb "$verb"
        refused 2 "$verb" "$verb" one-operand-too-many another
        continue
    fi
    refused 2 'nothing called' "$verb" nonsense
    whats=$(sed -n 's/^  \([a-z]*\)  .*/\1/p' out)
    [ -n "$whats" ]
    for what in $whats; do
        check_verb "$verb" "$what"
    done
    for what in gemm epilogue machine token model dispatch; do
        [ "$verb" != bench ] ||
            refused 2 "unexpected 'extra' (try qforge bench $what --help)" bench $what extra
    done
done

for number in '' ' ' 1x 0x10z 99999999999999999999999 1e99999; do
    refused 2 seed run --seed "$number"
done
