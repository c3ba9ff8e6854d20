"""The sample reader's masks against torch itself, on a CPU: prints what it looked at as JSON, and asserts the rest.

    read_torch.py FOLDER TABLE...
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention.flex_attention import create_block_mask, create_mask, flex_attention

sys.path.insert(0, str(Path(__file__).parents[2] / "samples/pytorch"))
from corpus import Corpus  # noqa: E402
from masks import flash, flex, hugging_face, mask_mod  # noqa: E402

KINDS = ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices")


def used(num: torch.Tensor, indices: torch.Tensor) -> list[list[int]]:
    """Only the first of each row count; the order of the others is torch's own affair."""
    rows = zip(num.reshape(-1).tolist(), indices.reshape(-1, indices.shape[-1]).tolist(), strict=True)
    return [row[:count] for count, row in rows]


def check_masks(folder: str, tables: list[str]) -> tuple[int, int]:
    windows, partial = 0, 0
    for name in tables:
        corpus = Corpus(folder, None if name == "own" else name)
        for first in range(0, len(corpus) - 1, 5):
            whole = [corpus.mask(window) for window in (first, first + 1)]
            # As a pass of random lengths leaves them.
            cut = [mask.cut(1 + (first * 37 + 101 * i) % corpus.num_tokens(first + i)) for i, mask in enumerate(whole)]
            for masks in (whole, cut) if first % 3 == 0 else (whole,):
                partial += check_pair(masks, name, attend=first == 0)
                windows += 2
    return windows, partial


def check_pair(masks: list, name: str, attend: bool) -> int:
    rows = 2 * masks[0].length if masks[0].doubled else masks[0].length
    ours, mod = flex(masks), mask_mod(masks)
    theirs = create_block_mask(mod, 2, None, rows, rows, device="cpu", BLOCK_SIZE=128)
    for num, indices in (KINDS[:2], KINDS[2:], ("q_num_blocks", "q_indices"), ("full_q_num_blocks", "full_q_indices")):
        assert used(getattr(ours, num), getattr(ours, indices)) == used(getattr(theirs, num), getattr(theirs, indices)), (name, num)
    assert torch.equal(ours.to_dense(), theirs.to_dense())
    dense = torch.from_numpy(np.stack([mask.dense() for mask in masks]).copy())[:, None]
    assert torch.equal(create_mask(mod, 2, None, rows, rows, device="cpu"), dense), name
    if attend:
        q, k, v = torch.randn(3, 2, 1, rows, 8, dtype=torch.float64).unbind(0)
        wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=dense)
        torch.testing.assert_close(flex_attention(q, k, v, block_mask=ours), wanted)
    if not masks[0].doubled:
        check_varlen(masks, name)
    return int(ours.kv_num_blocks.sum())


def check_varlen(masks: list, name: str) -> None:
    for mask in masks:
        kwargs = flash(mask)
        inside = np.zeros((mask.length, mask.length), dtype=bool)
        for start, end in zip(kwargs["cu_seqlens_q"][:-1].tolist(), kwargs["cu_seqlens_q"][1:].tolist(), strict=True):
            assert end - start <= kwargs["max_seqlen_q"]
            inside[start:end, start:end] = np.tri(end - start, dtype=bool) if kwargs["causal"] else True
        assert (inside == mask.dense()).all(), name
    if not masks[0].causal:
        both = hugging_face(masks)
        assert both["cu_seq_lens_q"].dtype == torch.int32 and both["cu_seq_lens_q"][-1] == 2 * masks[0].length
        assert both["position_ids"].shape == (1, 2 * masks[0].length)


torch.manual_seed(0)
windows, partial = check_masks(sys.argv[1], sys.argv[2:])
print(json.dumps({"windows": windows, "partial": partial, "torch": torch.__version__}))
