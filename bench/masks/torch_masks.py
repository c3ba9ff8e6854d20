"""FlexAttention's own block mask of documents in a window, on this CPU: seconds as a JSON line for each number of documents.

    torch_masks.py LENGTH DOCUMENTS...

`create_block_mask(_compile=True)` fuses the mask and its sums over blocks into one kernel (inductor, by the C++ compiler); the
first call compiles and is left out. Where that cannot be done it is said, and the length is as far as eager gets in memory.
"""

import json
import sys
import time

import numpy as np
import torch
from torch.nn.attention.flex_attention import create_block_mask


def document_mask(length: int, documents: int):
    ends = np.linspace(0, length, documents + 1).astype(np.int64)
    ids = torch.from_numpy(np.repeat(np.arange(documents, dtype=np.int32), np.diff(ends)))
    return lambda b, h, q, k: ids[q] == ids[k]


def seconds(length: int, documents: int, compiled: bool) -> float:
    mod = document_mask(length, documents)
    make = lambda: create_block_mask(mod, None, None, length, length, device="cpu", _compile=compiled)  # noqa: E731
    if compiled:
        make()
    best = float("inf")
    for _ in range(3 if compiled else 1):
        began = time.perf_counter()
        make()
        best = min(best, time.perf_counter() - began)
    return best


length = int(sys.argv[1])
for documents in map(int, sys.argv[2:]):
    try:
        print(json.dumps({"documents": documents, "length": length, "compiled": True, "seconds": seconds(length, documents, True), "torch": torch.__version__}), flush=True)
    except Exception as error:
        eager = 16384
        why = str(error).splitlines()[0][:200]
        print(json.dumps({"documents": documents, "length": eager, "compiled": False, "why": why, "seconds": seconds(eager, documents, False), "torch": torch.__version__}), flush=True)
