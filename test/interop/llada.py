"""A LLaDA-style model in plain torch, from the published definitions: what checkpoints and losses are held against.

RMSNorm, rotate-half RoPE, bidirectional attention document by document, SwiGLU, untied head (arXiv 2502.09992).
"""

import json
import struct

import torch
from torch.nn import functional as F


def load_safetensors(folder):
    """All tensors of model.safetensors, or of the files its index names, by name."""
    import os

    names = ["model.safetensors"]
    index = os.path.join(folder, "model.safetensors.index.json")
    if os.path.exists(index):
        with open(index, encoding="utf8") as file:
            names = sorted(set(json.load(file)["weight_map"].values()))
    tensors = {}
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size))
            data = file.read()
        for key, about in header.items():
            if key == "__metadata__":
                continue
            assert about["dtype"] == "F32", about
            begin, end = about["data_offsets"]
            flat = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32)
            tensors[key] = flat.reshape(about["shape"])
    return tensors


def load_config(folder):
    with open(f"{folder}/config.json", encoding="utf8") as file:
        return json.load(file)


def rope(positions, width, theta):
    half = width // 2
    angles = positions.double()[:, None] * theta ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().float(), angles.sin().float()


def rotated(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return x * cos[:, None] + torch.cat([-b, a], dim=-1) * sin[:, None]


def norm(x, scale, eps):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * scale


def hidden_rows(weights, config, ids, positions, cu_seqlens):
    """[tokens] -> [tokens, width]; tokens of one document (between two offsets) see each other, and no others."""
    heads, eps = config["n_heads"], config["rms_norm_eps"]
    width = config["d_model"] // heads
    cos, sin = rope(positions, width, config["rope_theta"])
    x = weights["model.transformer.wte.weight"][ids]
    for n in range(config["n_layers"]):
        w = lambda name: weights[f"model.transformer.blocks.{n}.{name}.weight"]
        a = norm(x, w("attn_norm"), eps)
        split = lambda name: (a @ w(name).T).view(-1, heads, width)
        q, k, v = rotated(split("q_proj"), cos, sin), rotated(split("k_proj"), cos, sin), split("v_proj")
        rows = [
            F.scaled_dot_product_attention(*(t[i:j].transpose(0, 1)[None] for t in (q, k, v)))[0].transpose(0, 1)
            for i, j in zip(cu_seqlens[:-1], cu_seqlens[1:])
        ]
        x = x + torch.cat(rows).reshape(len(ids), -1) @ w("attn_out").T
        f = norm(x, w("ff_norm"), eps)
        x = x + (F.silu(f @ w("ff_proj").T) * (f @ w("up_proj").T)) @ w("ff_out").T
    return norm(x, weights["model.transformer.ln_f.weight"], eps)


def logits(weights, config, ids, positions, cu_seqlens):
    return hidden_rows(weights, config, ids, positions, cu_seqlens) @ weights["model.transformer.ff_out.weight"].T


def loss(weights, config, batch, tokens):
    """Weighted cross-entropy at the masked positions, over all tokens of the batch."""
    rows = hidden_rows(weights, config, batch["ids"], batch["positions"], batch["cu_seqlens"])
    found = rows[batch["masked"]] @ weights["model.transformer.ff_out.weight"].T
    return (F.cross_entropy(found, batch["targets"], reduction="none") * batch["weights"]).sum() / tokens


def train(weights, config, batch, steps, timed=None):
    """Losses of steps of AdamW as the bundled trainer makes them: decay on matrices that are no embeddings, norms clipped to 1."""
    import time

    embeddings = ("wte.weight", "transformer.ff_out.weight")
    decayed = [w for name, w in weights.items() if w.dim() == 2 and not name.endswith(embeddings)]
    others = [w for w in weights.values() if not any(w is one for one in decayed)]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, foreach=True)
    losses = []
    for _ in range(steps):
        begun = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        found = loss(weights, config, batch, len(batch["ids"]))
        found.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0, foreach=True)
        optimizer.step()
        losses.append(found.item())
        if timed is not None:
            timed.append(time.perf_counter() - begun)
    return losses
