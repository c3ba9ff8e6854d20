"""The sample dataset read through a DataLoader: what it gave as JSON, for the test to compare with TypeScript's; asserts the rest.

    read_dataset.py FOLDER TABLE ANNEALED     FOLDER has pairs of passes with random lengths and context weights
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).parents[2] / "samples/pytorch"))
from corpus import Corpus  # noqa: E402
from dataset import Item, WindowDataset  # noqa: E402
from noise import NoisePass, passes  # noqa: E402

folder, table, annealed = sys.argv[1:]
corpus = Corpus(folder)
TRAIN = corpus.manifest["windows"]["train"]
EPOCHS = passes(folder) + 1
Steps = list[list[tuple[int, int]]]


def read(ranks: int, batch: int, workers: int = 0, state: dict | None = None) -> tuple[Steps, list[WindowDataset]]:
    """(epoch, window) of all ranks together, step by step."""
    data = [WindowDataset(folder, rank=r, ranks=ranks, batch=batch, epochs=EPOCHS) for r in range(ranks)]
    for one in data if state else []:
        one.load_state_dict(state)
    loaders = [DataLoader(one, batch_size=None, num_workers=workers) for one in data]
    per_rank = [[[(item["epoch"], item["window"]) for item in items] for items in loader] for loader in loaders]
    assert {len(steps) for steps in per_rank} == {len(one) for one in data}
    for parts in zip(*per_rank, strict=True):
        sizes = [len(part) for part in parts]
        assert max(sizes) <= batch and max(sizes) - min(sizes) <= 1, sizes
    return [sum(parts, []) for parts in zip(*per_rank, strict=True)], data


def check_steps() -> dict[str, Steps]:
    found = {}
    for ranks, batch, workers in ((1, 1, 0), (3, 2, 0), (2, 4, 2)):
        size = ranks * batch
        steps, data = read(ranks, batch, workers)
        found[str(size)] = steps
        sequence = sum(steps, [])
        for taken in (1, len(steps) // 2, -(-TRAIN // size), len(steps) - 1, len(steps)):
            states = [one.state_dict(taken) for one in data]
            assert all(state == states[0] for state in states)
            rest, resumed = read(ranks + 1, 1, 0, json.loads(json.dumps(states[0])))
            assert sum(steps[:taken], []) + sum(rest, []) == sequence
            assert all(len({epoch for epoch, _ in step}) == 1 for step in rest)
            # Stopped and gone on with once more.
            again = resumed[0].state_dict(len(rest) // 2)
            assert sum(rest[: len(rest) // 2] + read(ranks, batch, 0, again)[0], []) == sum(rest, [])
    return found


def check_items(masks: str | None) -> dict[str, int]:
    tables = Corpus(folder, masks)
    items: dict[tuple[int, int], Item] = {}
    cut, weighted = 0, 0
    for (item,) in WindowDataset(folder, epochs=2, masks=masks):
        window, n, whole = item["window"], item["num_tokens"], tables.mask(item["window"])
        items[item["epoch"], window] = item
        cut += n < corpus.num_tokens(window)
        dense, before, rows = item["mask"].dense(), whole.dense(), np.arange(2 * whole.length if whole.doubled else whole.length)
        kept = rows % whole.length < n
        assert not dense[np.ix_(kept, ~kept)].any() and not dense[np.ix_(~kept, kept)].any(), window
        assert (dense[np.ix_(kept, kept)] == before[np.ix_(kept, kept)]).all() and dense.any(axis=1).all()
        assert (item["mask"].position_ids()[:n] == whole.position_ids()[:n]).all()
        assert item["mask"].max_seqlen == np.diff(item["mask"].cu_seqlens).max()
        documents = corpus.document_ids(window, n)
        assert (documents[:n] == corpus.document_ids(window)[:n]).all() and (documents[n:] == -1).all()
        assert item["input_ids"][:n].tolist() == corpus.ids(window)[:n].tolist()
        assert set(item["input_ids"][n:].tolist()) <= {corpus.special_ids["pad"]}
        assert item["weights"].numpy().tolist() == weights_of(item), window
        weighted += len(set(item["weights"][item["masked"]].tolist())) > 1
    complements = 0
    for window in corpus.numbers("train").tolist():
        one, other = items[0, window], items[1, window]
        maskable = torch.arange(corpus.window_length) < one["num_tokens"]
        for start, tokens in zip(*(corpus.segments(window)[name] for name in ("start", "prompt_tokens")), strict=True):
            maskable[start : start + tokens] = False
        assert one["num_tokens"] == other["num_tokens"]
        assert other["masked"].equal(maskable & ~one["masked"]) and not (one["masked"] & ~maskable).any()
        complements += int(other["masked"].any())
    return {"items": len(items), "cut": cut, "weighted": weighted, "complements": complements}


def weights_of(item: Item) -> list[float]:
    """Token by token."""
    row, contexts = NoisePass(folder, item["epoch"])[item["window"]], corpus.mask(item["window"]).group_ids()
    units = [unit for unit, length in enumerate(row.unit_lengths.tolist()) for _ in range(length)]
    assert len(units) == item["num_tokens"] and row.context_weight is not None
    found = [float(row.weight[unit] * row.context_weight[contexts[i]]) if item["masked"][i] else 0.0 for i, unit in enumerate(units)]
    return found + [0.0] * (corpus.window_length - len(units))


def check_annealed() -> None:
    """Annealed masks are those of the epoch; there is a table of the first one alone."""
    tables = {name: Corpus(folder, name) for name in annealed.removesuffix("-000").split("-to-")}
    policies = []
    for (item,) in WindowDataset(folder, masks=annealed.removesuffix("000") + "{epoch:03d}"):
        policies.append(item["mask"].policy)
        wanted = tables[policies[-1]].mask(item["window"])
        assert item["mask"].cu_seqlens.tolist() == wanted.cut(item["num_tokens"]).cu_seqlens.tolist()
    first, then = tables
    assert set(policies) == {first, then} and policies.index(then) < len(policies) - policies[::-1].index(first)


def refusal(of: object, *arguments: object) -> str:
    try:
        of(*arguments)
    except ValueError as error:
        return str(error)
    raise AssertionError(f"{of} took {arguments}")


def check_refusals() -> None:
    plan = corpus.manifest["plan"]
    refusal(WindowDataset(folder).load_state_dict, {"plan": "f" * 64, "windows": 0})
    refusal(corpus.mask(0).cut, 0)
    refusal(corpus.mask(0).cut, corpus.window_length + 1)
    with tempfile.TemporaryDirectory() as other:
        copy = Path(shutil.copytree(folder, f"{other}/copy"))
        receipt = copy / "receipts/noise-pass-001.json"
        receipt.write_text(receipt.read_text().replace(plan, "e" * 64))
        NoisePass(copy, 0)
        said = refusal(NoisePass, copy, 1)
        assert plan in said and "e" * 64 in said and "noise-pass-001" in said, said
        refusal(list, WindowDataset(copy, epochs=2))
        # Pass 1000 follows pass 999; bitsets have receipts of their own.
        for number in range(1002):
            (copy / f"receipts/noise-pass-{number:03d}.json").touch()
        (copy / "receipts/noise-pass-1002-bits.json").touch()
        assert passes(copy) == 1002


steps = check_steps()
# By its name, the corpus's own policy is the corpus's own table.
found = {str(masks): check_items(masks) for masks in (None, corpus.manifest["policy"], table, "block-diffusion-48")}
assert found["None"] == found[corpus.manifest["policy"]]
check_annealed()
check_refusals()
print(json.dumps({"steps": steps, "items": found}))
