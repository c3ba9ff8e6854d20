"""The sample reader against torch itself, on a CPU: prints what it looked at as JSON, and asserts the rest.

    read_torch.py FOLDER TABLE...
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention.flex_attention import create_block_mask, create_mask, flex_attention
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).parents[2] / "samples/pytorch"))
from corpus import Corpus  # noqa: E402
from dataset import WindowDataset  # noqa: E402
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
            masks = [corpus.mask(first), corpus.mask(first + 1)]
            rows = 2 * masks[0].length if masks[0].doubled else masks[0].length
            ours, mod = flex(masks), mask_mod(masks)
            theirs = create_block_mask(mod, 2, None, rows, rows, device="cpu", BLOCK_SIZE=128)
            for num, indices in (KINDS[:2], KINDS[2:], ("q_num_blocks", "q_indices"), ("full_q_num_blocks", "full_q_indices")):
                assert used(getattr(ours, num), getattr(ours, indices)) == used(getattr(theirs, num), getattr(theirs, indices)), (name, first, num)
            assert torch.equal(ours.to_dense(), theirs.to_dense())
            dense = torch.from_numpy(np.stack([mask.dense() for mask in masks]).copy())[:, None]
            assert torch.equal(create_mask(mod, 2, None, rows, rows, device="cpu"), dense), (name, first)
            windows += 2
            partial += int(ours.kv_num_blocks.sum())
            if first == 0:
                q, k, v = torch.randn(3, 2, 1, rows, 8, dtype=torch.float64).unbind(0)
                wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=dense)
                torch.testing.assert_close(flex_attention(q, k, v, block_mask=ours), wanted)
            if not masks[0].doubled:
                check_varlen(masks, name)
    return windows, partial


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


def steps(data: WindowDataset, workers: int) -> list[list[tuple[int, int]]]:
    loader = DataLoader(data, batch_size=data.batch, num_workers=workers, collate_fn=list)
    return [[(item["epoch"], item["window"]) for item in batch] for batch in loader]


def check_dataset(folder: str) -> tuple[int, int]:
    corpus = Corpus(folder)
    wanted = [(epoch, int(window)) for epoch in range(3) for window in corpus.order(epoch)]

    def sequence(ranks: int, batch: int, workers: int, state: dict | None) -> tuple[list, list[WindowDataset]]:
        data = [WindowDataset(folder, rank=r, ranks=ranks, batch=batch, epochs=3) for r in range(ranks)]
        for one in data if state else []:
            one.load_state_dict(state)
        per_rank = [steps(one, workers) for one in data]
        assert len({len(of) for of in per_rank}) == 1 and sum(map(len, per_rank[0])) == len(data[0])
        return [item for step in zip(*per_rank, strict=True) for batch_ in step for item in batch_], data

    for ranks, batch, workers in ((1, 1, 0), (3, 2, 0), (2, 3, 2)):
        found, data = sequence(ranks, batch, workers, None)
        assert found == wanted[: len(found)] and len(wanted) - len(found) < ranks * batch
        # Stopped in the middle of epoch 1, and gone on with on others.
        taken = len(wanted) // 2 // (ranks * batch)
        states = [one.state_dict(taken) for one in data]
        assert all(state == states[0] for state in states)
        rest, _ = sequence(ranks + 1, 1, 0, json.loads(json.dumps(states[0])))
        assert found[: taken * ranks * batch] + rest == wanted[: taken * ranks * batch + len(rest)]
        assert len(rest) > 0
    other = {"plan": "f" * 64, "windows": 0}
    try:
        WindowDataset(folder).load_state_dict(other)
    except ValueError:
        pass
    else:
        raise AssertionError("the state of another corpus was taken")
    # Annealed masks are those of the epoch; there is a table of the first one alone.
    mixed = WindowDataset(folder, masks="eod-to-adaptive-{epoch:03d}")
    tables = {name: Corpus(folder, name) for name in ("eod", "adaptive")}
    policies = [item["mask"].policy for item in mixed]
    assert set(policies) == {"eod", "adaptive"} and policies.index("adaptive") < len(policies) - policies[::-1].index("eod")
    for item in mixed:
        wanted_mask = tables[item["mask"].policy].mask(item["window"])
        assert item["mask"].cu_seqlens.tolist() == wanted_mask.cu_seqlens.tolist()
    item = next(iter(WindowDataset(folder)))
    assert item["masked"].any() and (item["weights"] > 0).equal(item["masked"]) and not item["masked"][item["num_tokens"] :].any()
    assert item["input_ids"].tolist() == corpus.ids(item["window"]).tolist()
    return len(wanted), corpus.manifest["windows"]["train"]


torch.manual_seed(0)
windows, partial = check_masks(sys.argv[1], sys.argv[2:])
read, train = check_dataset(sys.argv[1])
print(json.dumps({"windows": windows, "partial": partial, "read": read, "train": train, "torch": torch.__version__}))
