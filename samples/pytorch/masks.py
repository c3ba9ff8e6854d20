"""A stored attention mask as kernels want it. numpy alone; torch is imported by what makes tensors.

    mask = corpus.mask(7)
    mask.position_ids(), mask.group_ids(), mask.dense()          # numpy
    mask.cut(n)      # that of the first n tokens, the others padding
    flash(mask)      # keyword arguments of flash_attn_varlen_func
    flex([mask])     # a FlexAttention BlockMask
    hugging_face([mask])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ranges import BLOCK, ranges

if TYPE_CHECKING:
    import torch
    from torch.nn.attention.flex_attention import BlockMask

MAX_DENSE = 8192


@dataclass(frozen=True)
class Mask:
    """A window's row of a mask table: offsets of the attention groups and, for each block of 128 rows, ranges of key blocks."""

    policy: str
    cu_seqlens: np.ndarray
    max_seqlen: int
    block_mask: np.ndarray
    diffusion_block: int | None = None

    @property
    def length(self) -> int:
        return int(self.cu_seqlens[-1])

    @property
    def causal(self) -> bool:
        return self.policy == "document-causal"

    @property
    def doubled(self) -> bool:
        """Under block diffusion, rows 0 to T-1 are the noisy window and T to 2T-1 its clean copy."""
        return self.policy == "block-diffusion"

    def cut(self, tokens: int) -> Mask:
        """The mask of the window's first 1 or more tokens. What comes after them is one padding group; ValueError beyond the end."""
        if not 1 <= tokens <= self.length:
            raise ValueError(f"a window of {self.length} tokens is not cut to {tokens}")
        kept = self.cu_seqlens[self.cu_seqlens < tokens]
        offsets = np.unique(np.concatenate([kept, [tokens, self.length]])).astype(np.int32)
        blocks = ranges(offsets, self.causal, self.diffusion_block)
        return Mask(self.policy, offsets, int(np.diff(offsets).max()), blocks, self.diffusion_block)

    def group_ids(self) -> np.ndarray:
        """[T] int32: the attention group of each token; padding's is the last."""
        sizes = np.diff(self.cu_seqlens)
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)

    def position_ids(self) -> np.ndarray:
        """[T] int32: from 0 in each group, or through the window under `eod` and `direct`."""
        ids = np.arange(self.length, dtype=np.int32)
        return ids if self.policy in ("eod", "direct") else ids - self.cu_seqlens[self.group_ids()]

    def dense(self) -> np.ndarray:
        """[rows, rows] bool: may the query (row) see the key (column)? For tests; refused above 8192 rows."""
        rows = 2 * self.length if self.doubled else self.length
        if rows > MAX_DENSE:
            raise ValueError(f"a dense mask of {rows} rows is refused above {MAX_DENSE}; use flex or flash")
        i, group, position = np.arange(rows), self.group_ids(), self.position_ids()
        return self.sees()(i[:, None], i[None, :], group.__getitem__, position.__getitem__)

    def sees(self) -> Sees:
        return Sees(self.causal, self.length if self.doubled else 0, self.diffusion_block or 0)

    def blocks(self, transposed: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """[blocks, blocks] bool each: the blocks of 128 x 128 that are seen in part, and those that are seen wholly."""
        if not self.doubled:
            partial, full = _blocks(self.block_mask.reshape(-1, 4))
        else:
            noisy, across, clean = (_blocks(self.block_mask.reshape(-1, 3, 4)[:, i]) for i in range(3))
            none = np.zeros_like(noisy[0])
            partial, full = (np.block([[noisy[i], across[i]], [none, clean[i]]]) for i in range(2))
        return (partial.T, full.T) if transposed else (partial, full)


@dataclass(frozen=True)
class Sees:
    """A policy itself, as a function of arrays of either kind: it is FlexAttention's mask_mod as well."""

    causal: bool
    half: int
    """T under block diffusion, else 0."""
    size: int
    """Tokens of a diffusion block."""

    def __call__(self, q: Any, k: Any, group: Callable[[Any], Any], position: Callable[[Any], Any]) -> Any:
        if not self.half:
            same = group(q) == group(k)
            return same & (q >= k) if self.causal else same
        at_q, at_k, clean_q, clean_k = q % self.half, k % self.half, q >= self.half, k >= self.half
        block_q, block_k = position(at_q) // self.size, position(at_k) // self.size
        own = (block_q == block_k) & (clean_q == clean_k)
        return (group(at_q) == group(at_k)) & (own | (clean_k & (block_q > block_k)))


def _blocks(ranges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    key = np.arange(len(ranges))
    seen, full = ((key >= ranges[:, i, None]) & (key < ranges[:, i + 1, None]) for i in (0, 2))
    return seen & ~full, full


def lists(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[rows] and [rows, columns] int32: how many blocks of each row there are, and which, ascending; what is after them is 0."""
    num = blocks.sum(axis=1, dtype=np.int32)
    order = np.argsort(~blocks, axis=1, kind="stable").astype(np.int32)
    return num, np.where(np.arange(blocks.shape[1]) < num[:, None], order, 0).astype(np.int32)


def flash(mask: Mask, device: str = "cpu") -> dict[str, Any]:
    """Keyword arguments of `flash_attn_varlen_func`, whose q, k and v are [T, heads, head width]."""
    import torch

    if mask.doubled:
        raise ValueError("varlen attention has no form for block diffusion: use flex")
    offsets = torch.tensor(mask.cu_seqlens, dtype=torch.int32, device=device)
    return {
        "cu_seqlens_q": offsets,
        "cu_seqlens_k": offsets,
        "max_seqlen_q": mask.max_seqlen,
        "max_seqlen_k": mask.max_seqlen,
        "causal": mask.causal,
    }


def hugging_face(masks: Sequence[Mask], device: str = "cpu") -> dict[str, Any]:
    """For a transformers model with flash attention, of windows laid end to end: `input_ids` are [1, windows x T]."""
    import torch

    if any(mask.doubled or mask.causal for mask in masks):
        raise ValueError("these arguments are of attention both ways inside groups")
    starts = np.cumsum([0] + [mask.length for mask in masks[:-1]])
    ends = np.concatenate([mask.cu_seqlens[1:] + start for mask, start in zip(masks, starts, strict=True)])
    offsets = torch.tensor(np.concatenate([[0], ends]), dtype=torch.int32, device=device)
    positions = np.concatenate([mask.position_ids() for mask in masks])
    longest = max(mask.max_seqlen for mask in masks)
    return {
        "position_ids": torch.tensor(positions, dtype=torch.int64, device=device)[None],
        "cu_seq_lens_q": offsets,
        "cu_seq_lens_k": offsets,
        "max_length_q": longest,
        "max_length_k": longest,
    }


def mask_mod(masks: Sequence[Mask], device: str = "cpu") -> Callable[..., torch.Tensor]:
    """FlexAttention's mask_mod of a batch of windows of one kind of attention: what a kernel asks inside partial blocks."""
    import torch

    group = torch.tensor(np.stack([mask.group_ids() for mask in masks]), device=device)
    position = torch.tensor(np.stack([mask.position_ids() for mask in masks]), device=device)
    sees = masks[0].sees()

    def mod(b: torch.Tensor, h: torch.Tensor, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        return sees(q, k, lambda i: group[b, i], lambda i: position[b, i])

    return mod


def flex(masks: Sequence[Mask], device: str = "cpu") -> BlockMask:
    """A BlockMask [windows, 1, rows, rows], made of the stored ranges: no (query, key) pair is looked at."""
    import torch
    from torch.nn.attention.flex_attention import BlockMask

    if len({(mask.causal, mask.length, mask.diffusion_block) for mask in masks}) != 1:
        raise ValueError("windows of one batch have one kind of attention")
    rows = 2 * masks[0].length if masks[0].doubled else masks[0].length
    tensors = []
    for which in range(2):
        pairs = [lists(mask.blocks()[which]) for mask in masks]
        tensors += [torch.tensor(np.stack(part)[:, None], device=device) for part in zip(*pairs, strict=True)]
    return BlockMask.from_kv_blocks(
        *tensors, BLOCK_SIZE=BLOCK, mask_mod=mask_mod(masks, device), seq_lengths=(rows, rows)
    )
