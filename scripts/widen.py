#!/usr/bin/env python3
"""Makes a llama2.c model F times as wide, which computes the same.

    scripts/widen.py SMALL.bin LARGE.bin [--times F] [--noise S] [--seed N]

Channels, heads and hidden neurons are there F times (Net2Net, arXiv 1511.05641).  What reads a
channel's copies divides its weight among them; noise of S times the weights' spread that sums to
nothing over the copies keeps them from being alike, so that quantising it errs F times and not
once.  `qforge experiment fronts` on the result is a trial with a trained model whose linears take
most of a token's time, without training one."""

import argparse
import array
import os
import random
import struct
import sys


def read(file, count):
    values = array.array("f")
    data = file.read(4 * count)
    if len(data) != 4 * count:
        sys.exit(f"{file.name}: ends before its weights do")
    values.frombytes(data)
    return values


def repeat_rows(values, width, times):
    """Every row of `width` numbers, its copies one after the other."""
    out = array.array("f")
    for at in range(0, len(values), width):
        out.extend(values[at:at + width] * times)
    return out


def divide(row, times, spread, draw):
    """A row's copies along its inputs; they sum to the row."""
    parts = [array.array("f") for _ in range(times)]
    for value in row:
        noise = [draw(0, spread) for _ in range(times)]
        mean = sum(noise) / times
        for part, one in zip(parts, noise):
            part.append(value / times + one - mean)
    out = array.array("f")
    for part in parts:
        out.extend(part)
    return out


def widen_linear(values, rows, columns, times, noise, draw):
    """[rows][columns] -> [times * rows][times * columns], copies of all rows one after the other."""
    spread = noise * (sum(v * v for v in values) / len(values)) ** 0.5 / times
    out = array.array("f")
    for _ in range(times):
        for r in range(rows):
            out.extend(divide(values[r * columns:(r + 1) * columns], times, spread, draw))
    return out


def widen(small, large, times, noise, draw):
    header = small.read(28)
    if len(header) != 28:
        sys.exit(f"{small.name}: no header of a llama2.c model")
    dim, hidden, layers, heads, kv_heads, vocab, context = struct.unpack("7i", header)
    if min(dim, hidden, layers, heads, kv_heads, context) < 1 or vocab == 0:
        sys.exit(f"{small.name}: no header of a llama2.c model")
    kv_dim, head = dim // heads * kv_heads, dim // heads
    # a negative vocabulary: the classifier is not the embedding
    large.write(struct.pack("7i", times * dim, times * hidden, layers, times * heads, times * kv_heads,
                            vocab, context))

    def vectors(count):
        large.write(repeat_rows(read(small, count * dim), dim, times).tobytes())

    def linears(rows, columns):
        for _ in range(layers):
            weights = read(small, rows * columns)
            large.write(widen_linear(weights, rows, columns, times, noise, draw).tobytes())

    vectors(abs(vocab))
    vectors(layers)  # of the attention
    linears(dim, dim)  # q
    linears(kv_dim, dim)
    linears(kv_dim, dim)
    linears(dim, dim)  # o
    vectors(layers)  # of the feed-forward
    linears(hidden, dim)  # w1
    linears(dim, hidden)
    linears(hidden, dim)  # w3
    final = read(small, dim)
    if vocab > 0:  # the embedding, whose copies all add to a logit, classifies
        final = array.array("f", (value / times for value in final))
    large.write(repeat_rows(final, dim, times).tobytes())
    large.write(read(small, context * head).tobytes())  # cosines and sines of positions
    if vocab < 0:
        classifier = read(small, -vocab * dim)
        shares = array.array("f", (value / times for value in classifier))
        large.write(repeat_rows(shares, dim, times).tobytes())


def main():
    parser = argparse.ArgumentParser(description="Makes a llama2.c model F times as wide, which computes the same.")
    parser.add_argument("small")
    parser.add_argument("large")
    parser.add_argument("--times", type=int, default=2, metavar="F")
    parser.add_argument("--noise", type=float, default=1, metavar="S")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    args = parser.parse_args()
    if args.times < 1:
        parser.error("--times: at least 1")
    part = args.large + ".part"
    try:
        with open(args.small, "rb") as small, open(part, "wb") as large:
            widen(small, large, args.times, args.noise, random.Random(args.seed).gauss)
        os.replace(part, args.large)
    except OSError as error:
        sys.exit(str(error))
    finally:
        if os.path.exists(part):
            os.unlink(part)


if __name__ == "__main__":
    main()
