"""The same steps in PyTorch on CPU, attention document by document: python torch_step.py CASE.json FOLDER."""

import json
import os
import resource
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../test/interop"))
import llada  # noqa: E402

with open(sys.argv[1], encoding="utf8") as file:
    case = json.load(file)
folder = sys.argv[2]
config = llada.load_config(folder)
weights = {name: w.requires_grad_() for name, w in llada.load_safetensors(folder).items()}
batch = {name: torch.tensor(case[name]) for name in ("ids", "positions", "masked", "targets", "weights")}
batch["cu_seqlens"] = case["groupOffsets"]
decayed = [w for name, w in weights.items() if w.dim() == 2 and not name.endswith(("wte.weight", "transformer.ff_out.weight"))]
others = [w for w in weights.values() if not any(w is one for one in decayed)]
groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, foreach=True)
seconds, losses = [], []
for step in range(case["steps"] + 1):
    begun = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss = llada.loss(weights, config, batch, len(case["ids"]))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0, foreach=True)
    optimizer.step()
    losses.append(loss.item())
    if step > 0:
        seconds.append(time.perf_counter() - begun)
print(json.dumps({"seconds": seconds, "losses": losses, "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
