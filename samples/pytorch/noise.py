"""Masked positions of a pass of noise in numpy, by docs/format.md: the same as the ones that were packed for, to the last token.

    noise = NoisePass(folder, 0)
    row = noise[window]
    masked = noise.masked(row, prompts)          # [tokens of the window in this pass] bool
    weights = np.repeat(row.weight, row.unit_lengths)  # [the same] float32; the loss of a masked token counts this
    xt = np.where(masked, mask_id, x0[: len(masked)])

`prompts` are the (start, prompt_tokens) of the window's segments; without any, nothing is a prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

SCALE = 2**24
POSITION, SECOND_DRAW = 4, 12
WORD = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox(c0: np.ndarray, c1: int, c3: int, key: tuple[int, int], c2: int = 0) -> np.ndarray:
    """[counters, 4] uint64: the four 32-bit words of Philox4x32-10 for counters (c0, c1, c2, c3)."""
    c = [c0.astype(np.uint64), np.full_like(c0, c1, np.uint64), np.full_like(c0, c2, np.uint64), np.full_like(c0, c3, np.uint64)]
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> HALF) ^ c[1] ^ np.uint64(k0), p1 & WORD, (p0 >> HALF) ^ c[3] ^ np.uint64(k1), p0 & WORD]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=1)


def position_words(key: tuple[int, int], length: int, draw: int = 0) -> np.ndarray:
    """[length] uint64: the word of each position, of the first or the second draw."""
    blocks = np.arange((length + 3) // 4, dtype=np.uint64)
    return philox(blocks, draw, POSITION, key).reshape(-1)[:length]


@dataclass(frozen=True)
class Row:
    """A window's row of a pass."""

    window: int
    unit_lengths: np.ndarray
    p: np.ndarray
    weight: np.ndarray
    key: tuple[int, int]
    context_weight: np.ndarray | None


def passes(folder: str | Path) -> int:
    """Passes of a corpus: those from 0 on without a gap. Their numbers have three digits or more."""
    number = 0
    while (Path(folder) / f"receipts/noise-pass-{number:03d}.json").exists():
        number += 1
    return number


def _receipt(folder: str | Path, name: str) -> dict[str, Any]:
    receipt, manifest = (json.loads((Path(folder) / path).read_text()) for path in (f"receipts/{name}.json", "manifest.json"))
    if receipt["plan"] != manifest["plan"]:
        raise ValueError(f"{folder}/receipts/{name}.json is of plan {receipt['plan']}, the corpus of plan {manifest['plan']}")
    return receipt


class NoisePass:
    """A pass of a corpus folder, mapped: rows are read where they lie. ValueError for a pass of another corpus."""

    def __init__(self, folder: str | Path, number: int) -> None:
        receipt = _receipt(folder, f"noise-pass-{number:03d}")
        self.table: pa.Table = pa.ipc.open_file(pa.memory_map(str(Path(folder) / receipt["path"]))).read_all()
        settings = receipt["settings"]
        self.masking: str = settings.get("masking", "bernoulli")
        self.at_least_one: bool = settings.get("at_least_one", False)
        self.pairs: bool = settings.get("complementary", False)
        self.complement = self.pairs and number % 2 == 1
        self.order = number - 1 if self.complement else number
        """Whose training order its times were drawn over. The second pass of a complementary pair is of that of the first."""

    def __len__(self) -> int:
        return self.table.num_rows

    def __getitem__(self, window: int) -> Row:
        row = self.table.slice(window, 1)
        lists = {name: row[name].chunk(0)[0].values for name in row.column_names if name not in ("window", "key")}
        key = row["key"][0].as_py()
        arrays = {name: values.to_numpy(zero_copy_only=False) for name, values in lists.items()}
        return Row(
            window,
            arrays["unit_lengths"],
            arrays["p"],
            arrays["weight"],
            (key & 0xFFFFFFFF, key >> 32),
            arrays.get("context_weight"),
        )

    def masked(self, row: Row, prompts: Iterable[tuple[int, int]] = ()) -> np.ndarray:
        """[sum of unit_lengths] bool."""
        ends = np.cumsum(row.unit_lengths)
        length = int(ends[-1])
        k = np.rint(row.p.astype(np.float64) * SCALE).astype(np.uint64)
        if self.complement:
            k = np.uint64(SCALE) - k
        free = np.ones(length, dtype=bool)
        for start, tokens in prompts:
            free[start : start + tokens] = False
        words = position_words(row.key, length)
        masked = (words >> np.uint64(8)) < np.repeat(k, row.unit_lengths)
        if self.masking == "exact" or self.at_least_one:
            for start, end, of_unit in zip(ends - row.unit_lengths, ends, k.tolist()):
                at = start + np.flatnonzero(free[start:end])
                if len(at) == 0:
                    continue
                if self.masking == "exact":
                    masked[at] = self._exact(words[at], of_unit)
                elif not masked[at].any() or (self.pairs and masked[at].all()):
                    masked[at] = self._again(row.key, int(start), at, of_unit)
        return free & (~masked if self.complement else masked)

    def _exact(self, words: np.ndarray, k: int) -> np.ndarray:
        n = len(words)
        count = max(1, min(n - 1 if self.pairs else n, (k * n + SCALE // 2) // SCALE))
        masked = np.zeros(n, dtype=bool)
        masked[np.argsort(words, kind="stable")[:count]] = True
        return masked

    def _again(self, key: tuple[int, int], start: int, at: np.ndarray, k: int) -> np.ndarray:
        """The second draw of a unit: the conditional distribution, given that one is masked (of pairs: and one is not)."""
        n, p = len(at), k / SCALE
        a, b, c, d = philox(np.array([start], dtype=np.uint64), 0, SECOND_DRAW, key)[0].tolist()
        place, side = ((x * 2**21 + (y >> 11)) / 2**53 for x, y in ((a, b), (c, d)))
        lead, first = False, geometric(p, n, place)
        if self.pairs:
            every, none = whole_power(p, n), whole_power(1 - p, n)
            lead = side < (p - every) / (1 - none - every)
            first = 1 + geometric(1 - p if lead else p, n - 1, place)
        blocks, in_block = np.divmod(at[first + 1 :].astype(np.uint64), np.uint64(4))
        words = philox(blocks, 1, POSITION, key)[np.arange(len(blocks)), in_block.astype(np.int64)]
        rest = (words >> np.uint64(8)) < np.uint64(k)
        return np.concatenate([np.full(first, lead), [not lead], rest]).astype(bool)


def geometric(p: float, n: int, u: float) -> int:
    """Place from 0 of the first success of n trials with chance p, given that there is one."""
    q = 1 - p
    limit = 1 - u * (1 - whole_power(q, n))
    place, none = 0, q
    while none >= limit and place < n - 1:
        none *= q
        place += 1
    return place


def whole_power(base: float, n: int) -> float:
    """base ** n by squaring from the lowest bit: the roundings are part of the format."""
    result, square = 1.0, base
    while n > 0:
        if n & 1:
            result *= square
        square *= square
        n >>= 1
    return result


def stored_bits(folder: str | Path, number: int, window: int, window_length: int) -> np.ndarray:
    """[window length] bool: the same from the bitsets of a pass that has them, one read of 16 KiB at 128K."""
    receipt = _receipt(folder, f"noise-pass-{number:03d}-bits")
    width = (window_length + 7) // 8
    for batch in receipt["batches"]:
        if window < batch["windows"]:
            bits = np.fromfile(Path(folder) / receipt["path"], np.uint8, width, offset=batch["offset"] + window * width)
            return np.unpackbits(bits, count=window_length, bitorder="little").astype(bool)
        window -= batch["windows"]
    raise IndexError("the pass has no such window")
