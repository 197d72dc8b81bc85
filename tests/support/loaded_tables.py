"""What loading makes of tables, and how it went about it."""

from __future__ import annotations

from typing import Any

import numpy as np
from tables import rows_of

from distnn.data.loading import Recipe, load
from distnn.data.preparation import Preparation
from distnn.data.shard import Examples
from distnn.data.shelf import Room
from distnn.data.tables import ArraySource
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import Ranks


class Recorded(ArraySource):
    """Notes which rows are asked for."""

    def __init__(self, *tables: Any, ranks: Ranks):
        super().__init__(*tables, ranks)
        self.prepared: list[tuple[int, int]] = []
        self.seen: list[tuple[int, int]] = []

    def prepare(self, start: int, stop: int) -> None:
        self.prepared.append((start, stop))
        super().prepare(start, stop)

    def read(self, start: int, stop: int, *rest: Any, **named: Any) -> Any:
        self.seen.append((start, stop))
        return super().read(start, stop, *rest, **named)


class Foreseen(Room):
    """Notes how many bytes are foreseen."""

    foreseen = 0

    def expect(self, size: int) -> None:
        self.foreseen = size
        super().expect(size)


def loaded(
    ranks: Ranks,
    X: Any,
    Y: Any,
    weights: Any,
    recipe: Recipe,
    cut: Cut,
    dtype: str = "float64",
    room: Room | None = None,
) -> tuple[Preparation, Examples, Recorded]:
    """What `load` makes of tables of which each rank passes a part."""
    own = rows_of(ranks.rank, [len(part) for part in np.array_split(np.arange(len(X)), ranks.size)])
    source = Recorded(X[own], Y[own], None if weights is None else weights[own], ranks=ranks)
    return *load(source, recipe, cut, dtype, ranks, room), source


def columns(assembly: Any, held: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """All x without the bias, and all y of this rank, a row an example."""
    blocks = assembly.examples.validation if held else assembly.examples.blocks
    return (np.concatenate([part[skip:].T for part in parts]) for parts, skip in (  # type: ignore[return-value]
        ([block.x for block in blocks], 1), ([block.y for block in blocks], 0)))  # fmt: skip
