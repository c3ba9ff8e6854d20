"""Batches of a corpus in training order as a `torch.utils.data` dataset, for any number of ranks and workers.

    data = WindowDataset("out/books", rank=rank, ranks=world, batch=2, epochs=3)
    loader = DataLoader(data, batch_size=None, num_workers=4)
    for step, windows in enumerate(loader, 1):
        ...
        state = data.state_dict(step)          # the same on every rank

    data.load_state_dict(state)                # mid-epoch, also with other `ranks` or `batch`

All ranks together read one sequence: the order of epoch 0, then that of epoch 1 and so on. Step by step they take `ranks * batch`
windows of it, rank r the r-th `batch`; the last step of an epoch takes what is left, and ranks share that evenly. So what has been read
after n steps is known from n alone, and the state is the place in the sequence. All ranks have as many steps.
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
from noise import NoisePass, passes


class Item(TypedDict):
    window: int
    epoch: int
    num_tokens: int
    """What lies there and after is padding, or was cut off by a pass of random lengths and counts as padding in all that follows."""
    input_ids: torch.Tensor
    """[T] int32: x0. A view of the file, where nothing was cut off."""
    mask: Mask
    masked: torch.Tensor | None
    """[T] bool: tokens that noise replaces by the mask token, in this epoch; None where the corpus has no noise."""
    weights: torch.Tensor | None
    """[T] float32: what the loss of a token counts, 0 where it is not masked."""


class WindowDataset(IterableDataset[list[Item]]):
    def __init__(
        self, folder: str | Path, *, rank: int = 0, ranks: int = 1, batch: int = 1, epochs: int = 1, masks: str | None = None
    ) -> None:
        """`batch`: windows that a rank takes a step. `masks` is a table that `prep mask` made; of annealed ones that of each epoch:
        `eod-to-adaptive-{epoch:03d}`. ValueError for a corpus without training windows."""
        self.corpus = Corpus(folder)
        self.masks = masks
        self.rank, self.ranks, self.batch, self.epochs = rank, ranks, batch, epochs
        self.start = 0
        self.train: int = self.corpus.manifest["windows"]["train"]
        if self.train == 0:
            raise ValueError(f"{folder} has no training windows")
        self.passes = passes(folder)

    def __len__(self) -> int:
        """Steps from where it starts."""
        left = self.epochs - self.start // self.train
        return self._steps(self.train - self.start % self.train) + (left - 1) * self._steps(self.train) if left > 0 else 0

    def __iter__(self) -> Iterator[list[Item]]:
        worker = get_worker_info()
        turn, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        epoch, order, noise, masks = -1, np.empty(0, dtype=np.int64), None, self.corpus
        for step in range(turn, len(self), workers):
            first, end = self._place(step), self._place(step + 1)
            if first // self.train != epoch:
                epoch = first // self.train
                # Passes come round again; each is read in its own order, over whose batches its times were drawn.
                noise = NoisePass(self.corpus.folder, epoch % self.passes) if self.passes else None
                order = self.corpus.order(noise.order if noise else epoch)
                masks = Corpus(self.corpus.folder, self.masks and self.masks.format(epoch=epoch))
            mine = range(*(first + (end - first) * rank // self.ranks for rank in (self.rank, self.rank + 1)))
            yield [self._item(int(order[place % self.train]), epoch, noise, masks) for place in mine]

    def state_dict(self, steps: int) -> dict[str, Any]:
        """Where the sequence is after so many steps since it was begun or loaded. Workers read ahead, so only the loop knows."""
        return {"plan": self.corpus.manifest["plan"], "windows": self._place(steps)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["plan"] != self.corpus.manifest["plan"]:
            raise ValueError("the state is of another corpus")
        self.start = state["windows"]

    def _steps(self, windows: int) -> int:
        return -(-windows // (self.ranks * self.batch))

    def _place(self, steps: int) -> int:
        """Windows of the sequence before a step. A step never has windows of two epochs: the last one of each may be short."""
        size, left = self.ranks * self.batch, self.train - self.start % self.train
        after = steps - self._steps(left)
        if after < 0:
            return self.start + steps * size
        epochs, rest = divmod(after, self._steps(self.train))
        return self.start + left + epochs * self.train + rest * size

    def _item(self, window: int, epoch: int, noise: NoisePass | None, masks: Corpus) -> Item:
        corpus = self.corpus
        num_tokens, mask, ids = corpus.num_tokens(window), masks.mask(window), torch.from_numpy(corpus.ids(window))
        masked = weights = None
        if noise is not None:
            row, segments = noise[window], corpus.segments(window)
            drawn = noise.masked(row, zip(segments["start"].tolist(), segments["prompt_tokens"].tolist(), strict=True))
            masked, weights = torch.zeros(corpus.window_length, dtype=torch.bool), torch.zeros(corpus.window_length)
            masked[: len(drawn)] = torch.from_numpy(drawn)
            of_tokens = np.repeat(row.weight, row.unit_lengths)
            if row.context_weight is not None:
                # Contexts are those of the corpus's own policy, whatever table is trained with.
                groups = np.diff(corpus.mask(window).cu_seqlens)[: len(row.context_weight)]
                of_tokens = of_tokens * np.repeat(row.context_weight, groups)[: len(drawn)]
            weights[: len(drawn)] = torch.from_numpy(of_tokens * drawn)
            if len(drawn) < num_tokens:
                # A pass with random lengths cuts windows: what is behind is padding, which no token sees.
                num_tokens, mask = len(drawn), mask.cut(len(drawn))
                ids = ids.clone()
                ids[num_tokens:] = corpus.special_ids["pad"]
        return Item(
            window=window, epoch=epoch, num_tokens=num_tokens, input_ids=ids, mask=mask, masked=masked, weights=weights
        )
