"""Ranges of key blocks from the offsets of attention groups, as the packer writes them: for windows that a pass of noise cut.

    ranges(cu_seqlens)                    # both ways inside groups; causal=True: a token sees those before it, and itself
    ranges(cu_seqlens, block_tokens=32)   # block diffusion
"""

from __future__ import annotations

import numpy as np

BLOCK = 128


def ranges(offsets: np.ndarray, causal: bool = False, block_tokens: int | None = None) -> np.ndarray:
    """[blocks x 4] int32, of block diffusion [blocks x 12] int16: first and end of the key blocks that any row of a block of 128
    sees, first and end of those that all see wholly. Ends are exclusive, an empty range is 0, 0."""
    offsets = np.asarray(offsets, dtype=np.int64)
    row = np.arange(0, offsets[-1], BLOCK)
    row_end = np.minimum(row + BLOCK, offsets[-1])
    # The groups of the first and the last row.
    first, last = (np.searchsorted(offsets, at, side="right") - 1 for at in (row, row_end - 1))
    start, end = offsets[first], offsets[last + 1]
    if block_tokens is not None:
        return _doubled(offsets, row, row_end, first, last, block_tokens)
    if causal:
        # All rows see what the first one does, of the last one's group.
        return _quads(start, row_end, offsets[last], row + 1).astype(np.int32).reshape(-1)
    # With two groups in it, no key is seen by all rows.
    return _quads(start, end, start, np.where(first == last, end, 0)).astype(np.int32).reshape(-1)


def _doubled(
    offsets: np.ndarray, row: np.ndarray, row_end: np.ndarray, first: np.ndarray, last: np.ndarray, size: int
) -> np.ndarray:
    """Noisy rows and keys, noisy rows and clean keys, clean rows and keys. A full range is there only where rows are of one group."""
    start, one = offsets[first], first == last
    block = row - (row - start) % size
    block_end = np.minimum(block + size, offsets[first + 1])
    last_block = row_end - 1 - (row_end - 1 - offsets[last]) % size
    last_end = np.minimum(last_block + size, offsets[last + 1])
    clean, clean_end = np.zeros_like(row), np.zeros_like(row)
    for i, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        # Clean keys of each group: up to the diffusion block of its last row here. A group of one block has none.
        group = offsets[a : b + 1]
        final = np.minimum(offsets[a + 1 : b + 2], row_end[i]) - 1
        before = final - (final - group) % size
        some = np.flatnonzero(before > group)
        if len(some):
            clean[i], clean_end[i] = group[some[0]], before[some[-1]]
    quads = (
        _quads(block, last_end, block, np.where(block == last_block, block_end, 0)),
        _quads(clean, clean_end, start, np.where(one, block, 0)),
        _quads(start, last_end, start, np.where(one, block_end, 0)),
    )
    return np.stack(quads, axis=1).astype(np.int16).reshape(-1)


def _quads(any_first: np.ndarray, any_end: np.ndarray, full_first: np.ndarray, full_end: np.ndarray) -> np.ndarray:
    """[blocks, 4], of tokens: the blocks that they lie in, and those that lie wholly in them; a short last block never does."""
    seen = np.stack([any_first // BLOCK, -(-any_end // BLOCK)], axis=1) * (any_first < any_end)[:, None]
    full = np.stack([-(-full_first // BLOCK), full_end // BLOCK], axis=1)
    return np.concatenate([seen, full * (full[:, :1] < full[:, 1:])], axis=1)
