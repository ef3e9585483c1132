#!/usr/bin/env python3
"""Writes a LLaMA of any size with random weights, as published ones are laid out.

    scripts/random_llama.py DIR [--dim 4096 --hidden 11008 --layers 32 --heads 32 --kv-heads 32
                                 --vocab 32000 --context 4096] [--seed N]

config.json and bfloat16 safetensors in files of at most 4 GB with their index; without options
LLaMA-2 7B's shape, 13.5 GB.  It knows nothing, but what a quantiser, a training step or a token
takes in time and memory does not depend on that.  Every tensor is made of pieces of one pool of
a million Gaussian numbers, so the disk is what it waits for."""

import argparse
import array
import json
import os
import random
import struct
import sys

POOL = 1 << 20
FILE_BYTES = 4 * 10**9


def make_pool(draw):
    """Gaussian numbers of spread 1/50, the usual initialisation, as bfloat16."""
    return array.array("H", (struct.unpack("<I", struct.pack("<f", draw(0, 0.02)))[0] >> 16
                             for _ in range(POOL)))


def tensors(shape):
    """(name, dimensions) of the whole model, in its order."""
    dim, hidden, kv = shape.dim, shape.hidden, shape.dim // shape.heads * shape.kv_heads
    yield "model.embed_tokens.weight", (shape.vocab, dim)
    for layer in range(shape.layers):
        of = f"model.layers.{layer}."
        yield of + "input_layernorm.weight", (dim,)
        for name, rows in ("q", dim), ("k", kv), ("v", kv), ("o", dim):
            yield f"{of}self_attn.{name}_proj.weight", (rows, dim)
        yield of + "post_attention_layernorm.weight", (dim,)
        yield of + "mlp.gate_proj.weight", (hidden, dim)
        yield of + "mlp.up_proj.weight", (hidden, dim)
        yield of + "mlp.down_proj.weight", (dim, hidden)
    yield "model.norm.weight", (dim,)
    yield "lm_head.weight", (shape.vocab, dim)


def count(dimensions):
    product = 1
    for size in dimensions:
        product *= size
    return product


def cut_into_files(shape):
    files, room = [[]], FILE_BYTES
    for name, dimensions in tensors(shape):
        need = 2 * count(dimensions)
        if need > room and files[-1]:
            files.append([])
            room = FILE_BYTES
        files[-1].append((name, dimensions))
        room -= need
    return files


def write_values(file, dimensions, pool, rng):
    left = count(dimensions)
    if len(dimensions) == 1:  # a norm's weights
        file.write(array.array("H", [0x3F80] * left).tobytes())
        return
    while left:
        first = rng.randrange(POOL // 2)
        piece = pool[first:first + min(left, rng.randrange(POOL // 4, POOL // 2))]
        file.write(piece.tobytes())
        left -= len(piece)


def write_file(path, content, pool, rng):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, dimensions in content:
        end = at + 2 * count(dimensions)
        header[name] = {"dtype": "BF16", "shape": dimensions, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, dimensions in content:
            write_values(file, dimensions, pool, rng)


def write_config(path, shape):
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
        "hidden_size": shape.dim, "intermediate_size": shape.hidden,
        "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads, "vocab_size": shape.vocab,
        "max_position_embeddings": shape.context, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False,
    }
    with open(path, "w") as file:
        json.dump(config, file, indent=2)


def write(directory, shape, seed):
    rng = random.Random(seed)
    pool = make_pool(rng.gauss)
    os.makedirs(directory, exist_ok=True)
    config = os.path.join(directory, "config.json")
    if os.path.exists(config):
        os.unlink(config)
    files, index, total = cut_into_files(shape), {}, 0
    for i, content in enumerate(files):
        name = "model.safetensors"
        if len(files) > 1:
            name = f"model-{i + 1:05}-of-{len(files):05}.safetensors"
        write_file(os.path.join(directory, name), content, pool, rng)
        index.update((tensor, name) for tensor, _ in content)
        total += sum(2 * count(dimensions) for _, dimensions in content)
    if len(files) > 1:
        with open(os.path.join(directory, "model.safetensors.index.json"), "w") as file:
            json.dump({"metadata": {"total_size": total}, "weight_map": index}, file, indent=1)
    # last: a directory without it is no model
    write_config(config, shape)


def main():
    parser = argparse.ArgumentParser(description="Writes a LLaMA of any size with random weights.")
    parser.add_argument("directory")
    for name, usual in (("dim", 4096), ("hidden", 11008), ("layers", 32), ("heads", 32), ("kv-heads", 32),
                        ("vocab", 32000), ("context", 4096)):
        parser.add_argument("--" + name, type=int, default=usual, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    args = parser.parse_args()
    if min(args.dim, args.hidden, args.layers, args.heads, args.kv_heads, args.vocab, args.context) < 1:
        parser.error("every size is at least 1")
    if args.dim % args.heads or args.heads % args.kv_heads:
        parser.error("--heads divides --dim, and --kv-heads divides --heads")
    try:
        write(args.directory, args, args.seed)
    except OSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
