"""Windows of a corpus in training order as a `torch.utils.data` dataset, for any number of ranks and workers.

    data = WindowDataset("out/books", rank=rank, ranks=world, batch=2, epochs=3)
    loader = DataLoader(data, batch_size=2, num_workers=4, collate_fn=list)
    for step, windows in enumerate(loader, 1):
        ...
        state = data.state_dict(step)          # the same on every rank

    data.load_state_dict(state)                # mid-epoch, also with other `ranks` or `batch`

All ranks together read one sequence: the manifest's order of epoch 0, then that of epoch 1 and so on. Step by step they take
`ranks * batch` windows of it, rank r the r-th `batch`. So what has been read after n steps is known from n alone, and the state is
the place in the sequence. At its very end, windows that do not make a step are left out, so that all ranks have as many steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from corpus import Corpus
from masks import Mask
from noise import NoisePass


class Item(TypedDict):
    window: int
    epoch: int
    num_tokens: int
    """What lies there and after is padding, or was cut off by a pass of random lengths."""
    input_ids: torch.Tensor
    """[T] int32: x0. A view of the file."""
    mask: Mask
    masked: torch.Tensor | None
    """[T] bool: tokens that noise replaces by the mask token, in this epoch; None where the corpus has no noise."""
    weights: torch.Tensor | None
    """[T] float32: what the loss of a token counts, 0 where it is not masked."""


class WindowDataset(IterableDataset[Item]):
    def __init__(
        self, folder: str | Path, *, rank: int = 0, ranks: int = 1, batch: int = 1, epochs: int = 1, masks: str | None = None
    ) -> None:
        """`batch` is what the DataLoader's `batch_size` is, so that workers take turns as it does. `masks` is a table that `prep mask`
        made; of annealed ones that of each epoch: `eod-to-adaptive-{epoch:03d}`."""
        self.corpus = Corpus(folder)
        self.masks = masks
        self.rank, self.ranks, self.batch, self.epochs = rank, ranks, batch, epochs
        self.start = 0
        self.passes = len(list(Path(folder).glob("receipts/noise-pass-???.json")))

    def __len__(self) -> int:
        """Windows that this rank reads from where it starts."""
        windows = self.corpus.manifest["windows"]["train"] * self.epochs - self.start
        return windows // (self.ranks * self.batch) * self.batch

    def __iter__(self) -> Iterator[Item]:
        worker = get_worker_info()
        turn, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        train = self.corpus.manifest["windows"]["train"]
        epoch, order, noise, masks = -1, np.empty(0, dtype=np.int64), None, self.corpus
        for step in range(turn, len(self) // self.batch, workers):
            first = self.start + (step * self.ranks + self.rank) * self.batch
            for place in range(first, first + self.batch):
                if place // train != epoch:
                    epoch = place // train
                    noise = NoisePass(self.corpus.folder, epoch % self.passes) if self.passes else None
                    # The second pass of a complementary pair is read in the order of the first.
                    order = self.corpus.order(epoch - 1 if noise and noise.complement else epoch)
                    masks = Corpus(self.corpus.folder, self.masks and self.masks.format(epoch=epoch))
                yield self._item(int(order[place % train]), epoch, noise, masks)

    def state_dict(self, steps: int) -> dict[str, Any]:
        """Where the sequence is after so many steps since it was begun or loaded. Workers read ahead, so only the loop knows."""
        return {"plan": self.corpus.manifest["plan"], "windows": self.start + steps * self.ranks * self.batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["plan"] != self.corpus.manifest["plan"]:
            raise ValueError("the state is of another corpus")
        self.start = state["windows"]

    def _item(self, window: int, epoch: int, noise: NoisePass | None, masks: Corpus) -> Item:
        corpus = self.corpus
        masked = weights = None
        num_tokens = corpus.num_tokens(window)
        if noise is not None:
            row, segments = noise[window], corpus.segments(window)
            # A pass with random lengths cuts windows: what is behind is not trained on.
            drawn = noise.masked(row, zip(segments["start"].tolist(), segments["prompt_tokens"].tolist(), strict=True))
            masked, weights = torch.zeros(corpus.window_length, dtype=torch.bool), torch.zeros(corpus.window_length)
            masked[: len(drawn)] = torch.from_numpy(drawn)
            of_tokens = np.repeat(row.weight, row.unit_lengths)
            if row.context_weight is not None:
                # Contexts are those of the corpus's own policy, whatever table is trained with.
                groups = np.diff(corpus.mask(window).cu_seqlens)[: len(row.context_weight)]
                of_tokens = of_tokens * np.repeat(row.context_weight, groups)[: len(drawn)]
            weights[: len(drawn)] = torch.from_numpy(of_tokens * drawn)
            num_tokens = len(drawn)
        ids = torch.from_numpy(corpus.ids(window))
        return Item(
            window=window,
            epoch=epoch,
            num_tokens=num_tokens,
            input_ids=ids,
            mask=masks.mask(window),
            masked=masked,
            weights=weights,
        )
