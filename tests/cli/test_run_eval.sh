#!/bin/sh
# test_run_eval.sh QFORGE -- what run and eval refuse, in one line and with which code, and
# what they print.
set -eu
qforge=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export QFORGE_DB="$scratch/none.db" XDG_CACHE_HOME="$scratch/cache"
cd "$scratch"

# A model to refuse things with: made from scratch in no steps but one.
"$qforge" stories --seed 1 --count 40 -o text.txt >/dev/null 2>&1 ||
    printf 'one two three\n<|endoftext|>\nfour five six seven\n' >text.txt
"$qforge" train --full --config dim=32,hidden=48,layers=2,heads=2,vocab=258,context=32 \
    --tokenizer bytes --data text.txt --steps 1 --batch 2 --length 16 --threads 1 \
    -o model >/dev/null 2>&1

# code, part of the sentence, arguments
refuses()
{
    code=$1
    says=$2
    shift 2
    got=0
    "$qforge" "$@" >out 2>err || got=$?
    if [ "$got" -ne "$code" ] || [ "$(grep -c '^qforge: ' err)" -ne 1 ] ||
        ! grep -q -e "$says" err; then
        echo "qforge $*: code $got, wants $code and '$says':"
        cat err
        exit 1
    fi
}

refuses 2 "model is missing" run
refuses 2 "unknown option" run --modle x
refuses 2 "unexpected" run --model model extra
refuses 2 "not a number" run --model model --tokens many
refuses 2 "tokens" run --model model --tokens 0
refuses 2 "temperature" run --model model --temperature -1
refuses 2 "top-p" run --model model --top-p 0
refuses 2 "accuracy" run --model model --accuracy high
refuses 2 "threads" run --model model --threads 1000
refuses 2 "subnet" run --model model --subnet 3
refuses 2 "prompt of" run --model model --prompt "$(head -c 100 /dev/zero | tr '\0' x)"
refuses 1 "nowhere" run --model nowhere
refuses 1 "no tokenizer" run --model model --tokenizer .
refuses 2 "text is missing" eval --model model
refuses 2 "records" eval --model model --text text.txt --records -1
refuses 1 "absent.txt" eval --model model --text absent.txt
: >empty.txt
refuses 1 "empty.txt" eval --model model --text empty.txt
head -c 200 model/model.safetensors >cut.part
cp -r model broken
mv cut.part broken/model.safetensors
refuses 1 "broken/model.safetensors" run --model broken
head -c 5000 model/model.safetensors >weights.bin
refuses 1 "weights.bin" run --model weights.bin
printf '{"hidden_size": 32' >broken/config.json
refuses 1 "broken/config.json" eval --model broken --text text.txt

# The same seed says the same, greedily or not; another seed something else.
speak()
{
    "$qforge" run --model model --prompt "on" --tokens 25 --threads 2 "$@" 2>/dev/null
}
[ "$(speak --seed 5 | od -c)" = "$(speak --seed 5 | od -c)" ]
[ "$(speak --seed 5 | od -c)" != "$(speak --seed 6 | od -c)" ]
[ "$(speak --temperature 0 --seed 5 | od -c)" = "$(speak --temperature 0 --seed 6 | od -c)" ]
speak --json --seed 5 | grep -q '"tokens_per_second"'

# A model differs from itself by nothing.
"$qforge" eval --model model --text text.txt --records 3 --reference model --json \
    >result 2>/dev/null
grep -q '"perplexity"' result
awk '{ gsub(/[{}",:]/, " "); for (i = 1; i < NF; i++) v[$i] = $(i + 1) }
    END { exit !(v["records"] >= 1 && v["nll_per_token"] > 0 && v["kl_per_token"] < 1e-5 &&
        v["kl_per_token"] > -1e-5) }' result
