"""What a rank holds of D: its blocks, ready for the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from distnn.data.hints import Hints
from distnn.data.shelf import View
from distnn.kernels.blocks import Block, Cut


@dataclass
class Examples:
    """D, cut over the ranks.

    Local: blocks, validation and test, this rank's examples to train on, those held out and those for the test, in
    memory or, some of them, in a file, where a block is good until the next one is asked for; first, the number of its
    first training example among those of all ranks.
    Replicated: cut, how the rows were cut into blocks; rows, validation_rows and test_rows, numbers of examples; n,
    validation_n and test_n, their Σ weights, scaled as in the blocks (the same numbers where there are no weights)
    by 2^exponent; fingerprint, of the whole table; hints, what was noticed about its numbers; in_files, bytes of all
    ranks that are not in memory.
    """

    cut: Cut
    blocks: Sequence[Block]
    validation: Sequence[Block]
    first: int
    rows: int
    validation_rows: int
    n: float
    validation_n: float
    fingerprint: str
    hints: Hints | None = None
    test: Sequence[Block] = ()
    test_rows: int = 0
    test_n: float = 0.0
    in_files: int = 0
    exponent: int = 0
    starts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        widths = self.blocks.shelf.widths if isinstance(self.blocks, View) else [b.x.shape[1] for b in self.blocks]
        self.starts = self.first + np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)

    def find(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Those of the chosen training examples, given by number, that this rank has. Local.

        Returns their places in `chosen`, their blocks and their columns in these; int64.
        """
        places = np.flatnonzero((self.starts[0] <= chosen) & (chosen < self.starts[-1]))
        blocks = np.searchsorted(self.starts, chosen[places], "right") - 1
        return places, blocks, chosen[places] - self.starts[blocks]

    @property
    def bytes(self) -> int:
        """Size of this rank's examples. Local."""
        blocks = chain(self.blocks, self.validation, self.test)
        return sum(array.nbytes for block in blocks for array in block if array is not None)
