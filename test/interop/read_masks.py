"""What the sample reader makes of a corpus and its tables of masks, as JSON: hashes for the test to compare with TypeScript's.

    read_masks.py FOLDER TABLE...      with numpy and pyarrow alone
"""

import hashlib
import json
import mmap
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[2] / "samples/pytorch"))
from corpus import Corpus  # noqa: E402
from masks import lists  # noqa: E402
from ranges import ranges  # noqa: E402


def mapped(array: np.ndarray | None) -> bool:
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def main(folder: str, tables: list[str]) -> None:
    result = {}
    for name in tables:
        corpus = Corpus(folder, None if name == "own" else name)
        before = pa.total_allocated_bytes()
        hashes, copies = [], 0
        for window in range(len(corpus)):
            mask, ids, segments = corpus.mask(window), corpus.ids(window), corpus.segments(window)
            copies += not mapped(ids)
            # What cut windows get is what the packer would have stored.
            assert (ranges(mask.cu_seqlens, mask.causal, mask.diffusion_block) == mask.block_mask).all(), (name, window)
            h = hashlib.sha256(ids.astype("<i4").tobytes())
            for array in (corpus.document_ids(window), segments["start"], segments["length"], segments["document"], mask.cu_seqlens, mask.position_ids()):
                h.update(array.astype("<i4").tobytes())
            for transposed in (False, True):
                for blocks in mask.blocks(transposed):
                    for array in lists(blocks):
                        h.update(array.astype("<i4").tobytes())
            h.update(np.ascontiguousarray(mask.dense()).astype(np.uint8).tobytes())
            hashes.append(h.hexdigest())
        result[name] = {"hashes": hashes, "copies": copies, "allocated": pa.total_allocated_bytes() - before}
    corpus = Corpus(folder)
    orders = [hashlib.sha256(corpus.order(epoch).astype("<i4").tobytes()).hexdigest() for epoch in (0, 1)]
    print(json.dumps({"tables": result, "orders": orders}))


main(sys.argv[1], sys.argv[2:])
