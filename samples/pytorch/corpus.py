"""A corpus folder of `prep`, mapped: windows, boundaries and attention masks where they lie on disk, without a copy.

    corpus = Corpus("out/books")                     # or Corpus("out/books", masks="block-diffusion-32")
    corpus.ids(7)                                    # [window length] int32, a view of the file
    corpus.segments(7)["start"], corpus.mask(7)      # boundaries, and the attention mask (masks.py)
    corpus.order(epoch=0)                            # window numbers in training order

Needs pyarrow and numpy. docs/format.md says what everything means.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from masks import Mask
from noise import philox

ORDER = 1
FIELDS = ("start", "length", "split", "document", "document_offset", "part", "group", "prompt_tokens")


class Shard:
    """Windows of one split and subset, in a row."""

    def __init__(self, folder: Path, entry: dict[str, Any], mask: dict[str, Any], first: int, length: int) -> None:
        self.first, self.windows, self.subset = first, entry["windows"], entry["subset"]
        self._path, self._mask, self._length, self._batches = folder / entry["path"], folder / mask["path"], length, entry["batches"]

    @cached_property
    def ids(self) -> list[np.ndarray]:
        """A view [windows, window length] of each record batch. Copy-on-write, so that torch takes it without a warning."""
        mapped = np.memmap(self._path, dtype=np.uint8, mode="c")
        size = 4 * self._length
        parts = [mapped[b["offset"] : b["offset"] + b["windows"] * size] for b in self._batches]
        return [part.view("<i4").reshape(-1, self._length) for part in parts]

    @cached_property
    def ends(self) -> list[int]:
        """Windows up to the end of each record batch."""
        return np.cumsum([b["windows"] for b in self._batches]).tolist()

    @cached_property
    def table(self) -> pa.Table:
        return _mapped(self._path)

    @cached_property
    def masks(self) -> pa.Table:
        return _mapped(self._mask)


def _mapped(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _list(column: pa.ChunkedArray, row: int) -> pa.Array:
    """The values of a row of a column of lists, as a view."""
    for chunk in column.chunks:
        if row < len(chunk):
            start, end = chunk.offsets[row].as_py(), chunk.offsets[row + 1].as_py()
            return chunk.values.slice(start, end - start)
        row -= len(chunk)
    raise IndexError(row)


class Corpus:
    def __init__(self, folder: str | Path, masks: str | None = None) -> None:
        """`masks` is a table that `prep mask` made, such as `document-causal`; without it, or by its policy's name, the corpus's own."""
        self.folder = Path(folder)
        self.manifest: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        self.window_length: int = self.manifest["windowLength"]
        self.special_ids: dict[str, int | None] = self.manifest["tokenizer"]["specialIds"]
        entries = [(s["firstWindow"] + e["firstWindow"], e) for s in self.manifest["splits"] for e in s["shards"]]
        tables = [e["mask"] for _, e in entries]
        if masks not in (None, self.manifest["policy"]):
            receipt = json.loads((self.folder / f"receipts/mask-{masks}.json").read_text())
            if receipt["plan"] != self.manifest["plan"]:
                raise ValueError(f"masks/{masks} is of another corpus")
            tables = receipt["files"]
        pairs = zip(entries, tables, strict=True)
        self.shards = [Shard(self.folder, e, mask, first, self.window_length) for (first, e), mask in pairs]
        self._firsts = [shard.first for shard in self.shards]

    def __len__(self) -> int:
        return sum(shard.windows for shard in self.shards)

    def numbers(self, subset: str = "train") -> np.ndarray:
        """[windows] int64: numbers of a subset's windows, ascending."""
        ranges = [np.arange(s.first, s.first + s.windows) for s in self.shards if s.subset == subset]
        return np.concatenate([np.empty(0, dtype=np.int64), *ranges])

    def order(self, epoch: int) -> np.ndarray:
        """[training windows] int64: their numbers, as this epoch reads them; on every machine the same. With noise: `order(noise.order)`."""
        train, seed = self.numbers("train"), self.manifest["order"]["seed"]
        draws = philox(np.arange(len(train)), 0, ORDER, (seed & 0xFFFFFFFF, seed >> 32), c2=epoch)
        return train[np.argsort((draws[:, 1] << np.uint64(32)) | draws[:, 0], kind="stable")]

    def ids(self, window: int) -> np.ndarray:
        """[window length] int32: tokens, then padding. A view: nothing is copied."""
        shard, row = self._place(window)
        batch = bisect_right(shard.ends, row)
        return shard.ids[batch][row - (shard.ends[batch - 1] if batch else 0)]

    def num_tokens(self, window: int) -> int:
        """Padding is what lies at this offset and after; it has no id of its own."""
        shard, row = self._place(window)
        return shard.table["num_tokens"][row].as_py()

    def segments(self, window: int) -> dict[str, np.ndarray]:
        """[segments] each: the documents in a window, or their parts."""
        shard, row = self._place(window)
        rows = _list(shard.table["segments"], row)
        return {name: rows.field(name).to_numpy() for name in FIELDS}

    def document_ids(self, window: int, tokens: int | None = None) -> np.ndarray:
        """[window length] int32: the segment that each token is of, -1 for padding; `tokens` of a window that a pass cut to so many."""
        ids, lengths = np.full(self.window_length, -1, dtype=np.int32), self.segments(window)["length"]
        ids[: lengths.sum()] = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        if tokens is not None:
            ids[tokens:] = -1
        return ids

    def mask(self, window: int) -> Mask:
        shard, row = self._place(window)
        meta = shard.masks.schema.metadata
        size = int(meta[b"diffusion_block"]) if b"diffusion_block" in meta else None
        return Mask(
            shard.masks["policy"][row].as_py(),
            _list(shard.masks["cu_seqlens"], row).to_numpy(),
            shard.masks["max_seqlen"][row].as_py(),
            _list(shard.masks["block_mask"], row).to_numpy(),
            size,
        )

    def _place(self, window: int) -> tuple[Shard, int]:
        if not 0 <= window < len(self):
            raise IndexError(f"the corpus has no window {window}")
        shard = self.shards[bisect_right(self._firsts, window) - 1]
        return shard, window - shard.first
