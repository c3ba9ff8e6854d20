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
from masks import Mask, lists  # noqa: E402
from ranges import ranges  # noqa: E402


def mapped(array: np.ndarray | None) -> bool:
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def check_ranges() -> None:
    """Ranges of any offsets against the dense mask, pair by pair, with documents of every length beside blocks of 128."""
    random = np.random.default_rng(1)
    for case in range(180):
        policy = ("adaptive", "document-causal", "block-diffusion")[case % 3]
        size = int(random.choice([1, 5, 32, 48, 128, 200, 300])) if case % 3 == 2 else None
        length = 128 * int(random.integers(1, 6)) - (0 if size or case % 2 else int(random.integers(0, 127)))
        ends = random.integers(1, length, int(random.integers(0, 12)))
        offsets = np.unique([0, *ends, length])
        mask = Mask(policy, offsets, int(np.diff(offsets).max()), ranges(offsets, policy == "document-causal", size), size)
        dense = mask.dense()
        rows = -(-len(dense) // 128)
        keys = np.zeros((len(dense), rows * 128), dtype=bool)
        keys[:, : len(dense)] = dense
        by_block = [keys[128 * i : 128 * (i + 1)].reshape(-1, rows, 128) for i in range(rows)]
        seen, full = (np.stack([of(block, axis=(0, 2)) for block in by_block]) for of in (np.any, np.all))
        partial, whole = mask.blocks()
        assert (whole == full).all() and (partial == (seen & ~full)).all(), (policy, offsets, size)


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


check_ranges()
main(sys.argv[1], sys.argv[2:])
