#!/usr/bin/env python3
"""One step of LLM-QFA's training in PyTorch on the CPU, to hold `qforge train` against.

    scripts/torch_step.py --config dim=…,hidden=…,layers=…,heads=…,vocab=…,context=… [options]

What qforge does in a step: draw a width for every linear, run the network with the frozen copies
of those widths and their adapters (rank R on group sums of the input), cross entropy on the next
token, gradients of the active adapters alone, clipping, AdamW on them.  Weights are random, which
the speed does not depend on; frozen copies are kept as fp32, as a PyTorch program would keep them
to multiply with.  Prints one JSON object; Debian's python3-torch is enough.  scripts/bench_torch.sh
runs both in turns."""

import argparse
import json
import math
import resource
import time

import torch
from torch import nn
from torch.nn import functional

WIDTHS = (2, 3, 4)


class Linear(nn.Module):
    """Frozen copies per width, an adapter for each; `width` says which is in use."""

    def __init__(self, n, k, group, rank):
        super().__init__()
        groups = (k + group - 1) // group
        self.group, self.scale, self.width = group, 1 / math.sqrt(group), 0
        self.frozen = [torch.randn(n, k) / math.sqrt(k) for _ in WIDTHS]
        self.a = nn.ParameterList(
            nn.Parameter(torch.randn(rank, groups) / math.sqrt(groups)) for _ in WIDTHS)
        self.b = nn.ParameterList(nn.Parameter(torch.zeros(n, rank)) for _ in WIDTHS)

    def forward(self, x):
        rest = -x.shape[-1] % self.group
        padded = functional.pad(x, (0, rest)) if rest else x
        sums = padded.unflatten(-1, (-1, self.group)).sum(-1)
        y = functional.linear(x, self.frozen[self.width])
        low = functional.linear(sums, self.a[self.width])
        return y + self.scale * functional.linear(low, self.b[self.width])


def norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * weight


def rotate(x, cosine, sine):
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2)


class Block(nn.Module):
    def __init__(self, c, group, rank):
        super().__init__()
        dim, hidden, head = c["dim"], c["hidden"], c["dim"] // c["heads"]
        self.heads, self.kv = c["heads"], c.get("kv_heads", c["heads"])
        self.q = Linear(self.heads * head, dim, group, rank)
        self.k = Linear(self.kv * head, dim, group, rank)
        self.v = Linear(self.kv * head, dim, group, rank)
        self.o = Linear(dim, self.heads * head, group, rank)
        self.gate = Linear(hidden, dim, group, rank)
        self.up = Linear(hidden, dim, group, rank)
        self.down = Linear(dim, hidden, group, rank)
        self.first, self.second = torch.ones(dim), torch.ones(dim)

    def split(self, x, heads):
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)

    def forward(self, x, cosine, sine, mask):
        y = norm(x, self.first)
        q = rotate(self.split(self.q(y), self.heads), cosine, sine)
        k = rotate(self.split(self.k(y), self.kv), cosine, sine)
        v = self.split(self.v(y), self.kv)
        if self.kv < self.heads:
            k = k.repeat_interleave(self.heads // self.kv, 1)
            v = v.repeat_interleave(self.heads // self.kv, 1)
        if hasattr(functional, "scaled_dot_product_attention"):
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + mask
            mixed = functional.softmax(scores, -1) @ v
        x = x + self.o(mixed.transpose(1, 2).flatten(-2))
        y = norm(x, self.second)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y))


class Network(nn.Module):
    def __init__(self, c, group, rank):
        super().__init__()
        head = c["dim"] // c["heads"]
        self.table = torch.randn(c["vocab"], c["dim"]) * 0.02
        self.blocks = nn.ModuleList(Block(c, group, rank) for _ in range(c["layers"]))
        self.last = torch.ones(c["dim"])
        angle = torch.outer(torch.arange(c["context"], dtype=torch.float32),
                            10000 ** (-torch.arange(0, head, 2).float() / head))
        self.cosine, self.sine = angle.cos(), angle.sin()

    def linears(self):
        return [m for m in self.modules() if isinstance(m, Linear)]

    def forward(self, token, target):
        length = token.shape[1]
        x = self.table[token]
        mask = torch.full((length, length), -math.inf).triu(1)
        for block in self.blocks:
            x = block(x, self.cosine[:length], self.sine[:length], mask)
        logits = functional.linear(norm(x, self.last), self.table)
        return functional.cross_entropy(logits.flatten(0, 1), target.flatten())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--group", type=int, default=32)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    config = {k: int(v) for k, v in (part.split("=") for part in options.config.split(","))}

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    network = Network(config, options.group, options.rank)
    linears = network.linears()
    adam = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0)
    times, shape = [], (options.batch, options.length)
    for _ in range(options.steps + 2):
        token = torch.randint(0, config["vocab"], shape)
        target = torch.randint(0, config["vocab"], shape)
        start = time.perf_counter()
        for linear in linears:
            linear.width = int(torch.randint(0, len(WIDTHS), ()))
        adam.zero_grad(set_to_none=True)
        network(token, target).backward()
        torch.nn.utils.clip_grad_norm_(
            [p for p in network.parameters() if p.grad is not None], 0.3)
        adam.step()
        times.append(time.perf_counter() - start)
    times = sorted(times[2:])  # the first two make buffers
    print(json.dumps({
        "torch": torch.__version__,
        "tokens_per_second": options.batch * options.length / times[len(times) // 2],
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))


if __name__ == "__main__":
    main()
