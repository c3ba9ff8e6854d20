"""The same steps in PyTorch on CPU, attention document by document: python torch_step.py CASE.json FOLDER."""

import json
import os
import resource
import sys

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
seconds = []
losses = llada.train(weights, config, batch, case["steps"] + 1, seconds)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
# The first step warms up.
print(json.dumps({"seconds": seconds[1:], "losses": losses, "peakMiB": peak}))
