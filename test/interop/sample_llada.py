"""LLaDA's sampler (github.com/ML-GSAI/LLaDA, generate.py) on a forward pass of its own, in float64.

usage: sample_llada.py CHECKPOINT < jobs.json > ids.json

A job: {"prompt": [ids], "length": n, "block": n, "steps": n, "banned": [ids]}. Temperature 0, low confidence. The answer
to each: the ids of the whole row. Written from the paper and that file's rules, sharing no code with the project.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np


def read_safetensors(path):
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        assert entry["dtype"] == "F32"
        raw = data[8 + length + begin : 8 + length + end]
        tensors[name] = np.frombuffer(raw, "<f4").reshape(entry["shape"]).astype(np.float64)
    return tensors


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class Model:
    """LLaDA's forward pass: bidirectional attention, rotate-half RoPE, RMSNorm, SwiGLU, no biases."""

    def __init__(self, folder):
        self.config = json.loads((Path(folder) / "config.json").read_text())
        self.weights = read_safetensors(Path(folder) / "model.safetensors")

    def norm(self, x, name):
        scale = self.weights[f"model.transformer.{name}.weight"]
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + self.config["rms_norm_eps"]) * scale

    def rotate(self, x):
        tokens, _, width = x.shape
        half = width // 2
        angle = np.outer(np.arange(tokens), self.config["rope_theta"] ** (-np.arange(half) / half))
        cos = np.concatenate([np.cos(angle)] * 2, -1)[:, None]
        sin = np.concatenate([np.sin(angle)] * 2, -1)[:, None]
        return x * cos + np.concatenate([-x[..., half:], x[..., :half]], -1) * sin

    def logits(self, ids):
        heads, width = self.config["n_heads"], self.config["d_model"]
        x = self.weights["model.transformer.wte.weight"][ids]
        for n in range(self.config["n_layers"]):
            at = f"blocks.{n}"
            linear = lambda y, name: y @ self.weights[f"model.transformer.{at}.{name}.weight"].T  # noqa: B023, E731
            y = self.norm(x, f"{at}.attn_norm")
            q, k, v = (linear(y, f"{name}_proj").reshape(len(ids), heads, -1) for name in "qkv")
            q, k = self.rotate(q), self.rotate(k)
            scores = np.einsum("ihd,jhd->hij", q, k) / np.sqrt(width // heads)
            x = x + linear(np.einsum("hij,jhd->ihd", softmax(scores), v).reshape(len(ids), width), "attn_out")
            y = self.norm(x, f"{at}.ff_norm")
            gate = linear(y, "ff_proj")
            x = x + linear(gate / (1 + np.exp(-gate)) * linear(y, "up_proj"), "ff_out")
        return self.norm(x, "ln_f") @ self.weights["model.transformer.ff_out.weight"].T


def generate(model, prompt, length, block, steps, banned):
    mask = model.config["mask_token_id"]
    x = np.full(len(prompt) + length, mask)
    x[: len(prompt)] = prompt
    blocks = length // block
    assert length % block == 0 and steps % blocks == 0
    for number in range(blocks):
        end = len(prompt) + (number + 1) * block
        masked = (x[end - block : end] == mask).sum()
        each = steps // blocks
        transfers = [masked // each + (i < masked % each) for i in range(each)]
        for keep in transfers:
            logits = model.logits(x)
            logits[:, banned] = -np.inf
            x0 = logits.argmax(-1)
            confidence = np.take_along_axis(softmax(logits), x0[:, None], -1)[:, 0]
            confidence[end:] = -np.inf
            confidence[x != mask] = -np.inf
            kept = np.argsort(-confidence, kind="stable")[:keep]
            x[kept] = x0[kept]
    return x.tolist()


model = Model(sys.argv[1])
print(json.dumps([generate(model, **job) for job in json.load(sys.stdin)]))
