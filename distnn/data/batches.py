"""The mini-batches of stochastic optimizers: which examples a step sees, as blocks cut over the ranks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from distnn.data.sampling import SAMPLING
from distnn.data.shard import Examples
from distnn.kernels.blocks import Block, cut
from distnn.kernels.memory import empty
from distnn.parallel.ranks import Ranks


class Batches:
    """Batches of `size` training examples, drawn by seed and step only. Local but for the call.

    sampling: a name in SAMPLING. d, dtype: of the network and its blocks, known to ranks without examples, too.
    A batch is put together, the same on every rank, and cut into blocks like a small data set: cut; owned, the numbers
    of this rank's blocks. The bits do not depend on where D lies.
    """

    def __init__(
        self, examples: Examples, ranks: Ranks, d: Sequence[int], dtype: DTypeLike, size: int, seed: int, sampling: str
    ):
        self.examples, self.ranks, self.d, self.dtype = examples, ranks, tuple(d), np.dtype(dtype)
        self.size, self.seed, self.sampling = size, seed, sampling
        self.cut = cut(size, self.d[:-1], dtype)
        self.owned = self.cut.owned(ranks.rank, ranks.size)

    def __call__(self, t: int) -> list[Block]:
        """This rank's blocks of the batch of step t. Collective."""
        rows = self._collect(SAMPLING[self.sampling](self.seed, t, self.examples.rows, self.size))
        inputs, blocks = self.d[0] + 1, []
        for number in self.owned:
            chosen = rows[slice(*self.cut.bounds(number))]
            columns = empty(rows.shape[1], len(chosen), self.dtype)
            columns[...] = chosen.T
            blocks.append(Block(columns[:inputs], columns[inputs:-1], columns[-1]))
        return blocks

    def _collect(self, chosen: np.ndarray) -> np.ndarray:
        """The chosen examples, one a row: x^(0), y, weight. Collective, replicated.

        Each is copied by its owner into zeros, and the copies of all ranks are added as whole numbers, bit by bit.
        """
        inputs = self.d[0] + 1
        rows = np.zeros((len(chosen), inputs + self.d[-1] + 1), self.dtype)
        to = rows.T
        with self.ranks.sharing_errors():
            places, numbers, columns = self.examples.find(chosen)
            if len(self.examples.blocks) == 1:
                members: list[tuple[Any, int, Any]] = [(places, 0, columns)]  # all of them at once
            else:
                members = list(zip(places.tolist(), numbers.tolist(), columns.tolist(), strict=True))
            of = itemgetter(1)
            for number, group in groupby(sorted(members, key=of), of):
                x, y, weights = self.examples.blocks[number]  # which may have to be read from a file: once a batch
                for place, _, column in group:
                    to[:inputs, place] = x[:, column]
                    to[inputs:-1, place] = y[:, column]
                    to[-1, place] = 1 if weights is None else weights[column]
        self.ranks.sum(rows.view(np.int64 if self.dtype == np.float64 else np.int32))
        return rows
