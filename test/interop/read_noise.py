"""Masked positions of every window of every pass of a corpus, by the sample reader and from the bitsets: their hashes as JSON."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[2] / "samples/pytorch"))
from noise import NoisePass, passes, stored_bits  # noqa: E402

folder = Path(sys.argv[1])
manifest = json.loads((folder / "manifest.json").read_text())
length = manifest["windowLength"]
segments = []
for split in manifest["splits"]:
    for shard in split["shards"]:
        segments += pa.ipc.open_file(pa.memory_map(str(folder / shard["path"]))).read_all()["segments"].to_pylist()
result = {"drawn": [], "stored": [], "rows": []}
for number in range(passes(folder)):
    noise = NoisePass(folder, number)
    drawn, stored = hashlib.sha256(), hashlib.sha256()
    # In no order: a draw knows nothing of the ones before it. The hashes are of window order.
    masks = {}
    for window in np.random.default_rng(1).permutation(len(noise)).tolist():
        prompts = [(s["start"], s["prompt_tokens"]) for s in segments[window]]
        masks[window] = noise.masked(noise[window], prompts)
    for window in range(len(noise)):
        whole = np.zeros(length, dtype=np.uint8)
        whole[: len(masks[window])] = masks[window]
        drawn.update(whole.tobytes())
        stored.update(stored_bits(folder, number, window, length).astype(np.uint8).tobytes())
    result["drawn"].append(drawn.hexdigest())
    result["stored"].append(stored.hexdigest())
    result["rows"].append(len(noise))
print(json.dumps(result))
