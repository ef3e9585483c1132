#!/bin/sh
# test_bad_models.sh -- models and tokenizers that are cut, stretched, hostile, not finite
# or of something else: one sentence that names the file, exit code 1.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"
tiny_model
weights=model/model.safetensors
size=$(wc -c <$weights)

# bad PATTERN MODEL [OPTION...]: eval refuses it, naming PATTERN.
bad() {
    bad_pattern=$1 bad_model=$2
    shift 2
    refused 1 "$bad_pattern" eval --model "$bad_model" --text text/test.txt --records 1 "$@"
}

# broken: a fresh copy of the model in broken/, to be damaged.
broken() {
    rm -rf broken
    cp -r model broken
}

"$qforge" eval --model model --text text/test.txt --records 1 >/dev/null 2>&1
bad nowhere nowhere
bad 'text' text
mkdir empty
bad 'empty' empty

# ---- safetensors: cut anywhere, stretched, with lengths that lie ----
for length in 0 4 7 8 9 100 $((size / 2)) $((size - 4)) $((size - 1)); do
    broken
    head -c "$length" $weights >broken/model.safetensors
    bad model.safetensors broken
done
broken
printf 'x' >>broken/model.safetensors
bad model.safetensors broken
for header in '\377\377\377\377\377\377\377\377' '\377\377\377\377\377\377\377\177' \
    '\000\000\000\000\001\000\000\000' '\000\000\000\000\000\000\000\000' \
    '\001\000\000\000\000\000\000\000' '\377\340\365\005\000\000\000\000'; do
    broken
    patch broken/model.safetensors 0 "$header"
    bad model.safetensors broken
done

# header JSON: a safetensors file of this header and 64 bytes of data.
header() {
    broken
    length=$(printf '%s' "$1" | wc -c)
    {
        # shellcheck disable=SC2059
        printf "\\$(printf %o $((length % 256)))\\$(printf %o $((length / 256)))"
        printf '\000\000\000\000\000\000%s' "$1"
        head -c 64 /dev/zero
    } >broken/model.safetensors
    bad model.safetensors broken
}
header '{}'
header '[]'
header '{"a":'
header '{"a":{"dtype":"F32","shape":[16],"data_offsets":[0,64]}}'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,64]}}'
header '{"a":{"dtype":"F32","shape":[16],"data_offsets":[0,9999]}}'
header '{"a":{"dtype":"F32","shape":[16],"data_offsets":[64,0]}}'
header '{"a":{"dtype":"F32","shape":[16],"data_offsets":[-64,0]}}'
header '{"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}}'
header '{"a":{"dtype":"F32","shape":[-4,-4],"data_offsets":[0,64]}}'
header '{"a":{"dtype":"F13","shape":[16],"data_offsets":[0,64]}}'
header '{"a":{"dtype":"F32","shape":"16","data_offsets":[0,64]}}'
header '{"a":{"dtype":"F32","shape":[16],"data_offsets":[0,64]},"b":{"dtype":"F32","shape":[16],"data_offsets":[0,64]}}'
header '{"a":{"dtype":"F32","shape":[8],"data_offsets":[0,32]},"b":{"dtype":"F32","shape":[4],"data_offsets":[48,64]}}'

# ---- weights that are no numbers, first and last ----
for number in '\000\000\300\177' '\000\000\200\177' '\000\000\200\377'; do
    broken
    patch broken/model.safetensors $((size - 4)) "$number"
    bad model.safetensors broken
    start=$(od -An -tu4 -N4 $weights | tr -d ' ')
    broken
    patch broken/model.safetensors $((start + 8)) "$number"
    bad model.safetensors broken
done

# ---- config.json ----
config() {
    broken
    sed "$1" model/config.json >broken/config.json
    cmp -s model/config.json broken/config.json && { echo "no change: $1"; exit 1; }
    bad "${2:-config.json}" broken
}
config 's/"hidden_size": 16/"hidden_size": -16/'
config 's/"hidden_size": 16/"hidden_size": "16"/'
config 's/"hidden_size": 16/"hidden_size": 1000000000/'
config 's/"hidden_size": 16/"hidden_size": 17/' 'config.json\|safetensors'
config 's/"hidden_size": 16/"hidden_size": 32/' 'config.json\|safetensors'
config 's/"num_hidden_layers": 2/"num_hidden_layers": 0/'
config 's/"num_hidden_layers": 2/"num_hidden_layers": 3/' 'safetensors'
config 's/"num_attention_heads": 2/"num_attention_heads": 0/'
config 's/"vocab_size": 384/"vocab_size": 2147483648/'
config 's/"vocab_size": 384/"vocab_size": 4/' 'config.json\|safetensors\|tokenizer'
config 's/"rms_norm_eps": 1e-5/"rms_norm_eps": -1/'
config 's/"rope_theta": 10000.0/"rope_theta": 0/'
config '$d'
config '1d'
broken
: >broken/config.json
bad config.json broken

# ---- tokenizers ----
token_size=$(wc -c <model/tokenizer.bin)
for length in 0 3 8 $((token_size / 2)) $((token_size - 1)); do
    broken
    head -c "$length" model/tokenizer.bin >broken/tokenizer.bin
    bad tokenizer.bin broken
done
broken
patch broken/tokenizer.bin 8 '\377\377\377\177' # the length of a piece
bad tokenizer.bin broken
bad 'model.safetensors' model --tokenizer $weights
bad 'test.txt' model --tokenizer text/test.txt
bad 'nowhere' model --tokenizer nowhere
"$qforge" stories -o large --train 400 --calibration 20 --search 5 --test 5 --questions 5 \
    --vocab 700 >log 2>&1
bad 'tokenizer.bin' model --tokenizer large # more pieces than the model has
rm broken/tokenizer.bin
bad 'tokenizer' broken

# ---- llama2.c files: header of seven int32, then float32 ----
# llama2 FILE DIM HIDDEN LAYERS HEADS KV VOCAB CONTEXT BYTES
int32() {
    for value in "$@"; do
        # shellcheck disable=SC2059
        printf "\\$(printf %o $((value & 255)))\\$(printf %o $((value >> 8 & 255)))\\$(printf %o $((value >> 16 & 255)))\\$(printf %o $((value >> 24 & 255)))"
    done
}
# dim 16, hidden 44, 1 layer, 2 heads, vocabulary 384, context 32; weights of zero
floats=$((384 * 16 + 2 * 16 + 4 * 16 * 16 + 3 * 16 * 44 + 16 + 32 * 8))
{ int32 16 44 1 2 2 384 32 && head -c $((4 * floats)) /dev/zero; } >good.bin
"$qforge" eval --model good.bin --tokenizer model --text text/test.txt --records 1 \
    >/dev/null 2>&1 || { echo "a llama2.c file was refused"; exit 1; }
for length in 0 10 27 28 1000 $((4 * floats)) $((4 * floats + 27)); do
    head -c "$length" good.bin >bad.bin
    bad bad.bin bad.bin --tokenizer model
done
{ cat good.bin && printf 'xxxx'; } >bad.bin
bad bad.bin bad.bin --tokenizer model
for shape in '0 44 1 2 2 384 32' '-16 44 1 2 2 384 32' '16 44 1 3 2 384 32' \
    '16 44 1 2 0 384 32' '16 44 1 2 4 384 32' '16 2147483647 2147483647 2 2 384 32' \
    '2147483647 2147483647 1 1 1 2147483647 32' '16 44 0 2 2 384 32' '16 44 1 2 2 384 0' \
    '16 44 100000 2 2 384 32'; do
    # shellcheck disable=SC2086
    { int32 $shape && tail -c +29 good.bin; } >bad.bin
    bad bad.bin bad.bin --tokenizer model
done
cp good.bin bad.bin
patch bad.bin $((28 + 400)) '\000\000\300\177'
bad bad.bin bad.bin --tokenizer model

# ---- texts ----
refused 1 nowhere eval --model model --text nowhere
: >empty.txt
refused 1 empty.txt eval --model model --text empty.txt
refused 1 text eval --model model --text text
