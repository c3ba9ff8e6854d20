"""python llada_logits.py FOLDER ROW.json: logits of a checkpoint for a packed row, and the losses of some steps of AdamW, as JSON."""

import json
import sys

import torch

import llada

with open(sys.argv[2], encoding="utf8") as file:
    row = json.load(file)
config = llada.load_config(sys.argv[1])
weights = {name: w.requires_grad_() for name, w in llada.load_safetensors(sys.argv[1]).items()}
batch = {name: torch.tensor(row[name]) for name in ("ids", "positions", "masked", "targets", "weights")}
batch["cu_seqlens"] = row["groupOffsets"]
with torch.no_grad():
    logits = llada.logits(weights, config, batch["ids"], batch["positions"], batch["cu_seqlens"])
print(json.dumps({"logits": logits.tolist(), "losses": llada.train(weights, config, batch, row["steps"])}))
