"""The errors of rows in trainings without them, a fifth at a time: what judges networks whose decays know all rows.

The errors of left_out.py cost nothing, but leave to each row what it has told of the decays, of which there is one for
each input, and of the minimum in which the training ended: a network that has many of them for its rows is not as good
as these errors seem. Trainings from the beginning, decays and all, tell: of fewer rows, so that they rather say too
little of a network than too much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from distnn.data.folds import dealt
from distnn.data.shard import Examples
from distnn.errors import UserError
from distnn.kernels.algebra import column_sums, total
from distnn.kernels.blocks import Block
from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum
from distnn.runs.assembly import Assembly
from distnn.runs.left_out import LeftOut
from distnn.runs.trials import Look, trained
from distnn.training.objective import Objective
from distnn.training.termination import Criterion

FOLDS = 5


def refits(
    made: Assembly, over: Objective, until: Criterion, words: str, look: Look, errors: LeftOut
) -> Iterator[LeftOut]:
    """The squared errors of rows, each in a training without its fold: after each training, those of folds that have
    not had their turn being `errors`. None any more where the rows that are left are too few. Collective.

    over: has the rows, in the blocks in which errors are compared. until, words, look: as for `trained`. Weight decay
    is the same Σ λ w² of all the rows that are left, though these are fewer.
    """
    engine, seed = made.objective.backpropagation, made.options.seed
    mine, wanted = (_folds(examples, seed) for examples in (made.examples, over.examples))
    for fold in range(FOLDS):
        try:
            progress = trained(_without(made, mine != fold), until, words, look)
        except UserError:
            return
        engine.load(progress.best_w)
        found = []
        for block, folds, before in zip(over.examples.blocks, _parts(wanted, over.examples), errors, strict=True):
            r = engine.outputs(block.x).astype(np.float64) - block.y
            found.append(np.where(folds == fold, column_sums(np.square(r)), before))
        yield (errors := found)


def _folds(examples: Examples, seed: int) -> np.ndarray:
    """The fold of each of this rank's rows, as --folds deals numbers. Local."""
    numbers = np.arange(examples.first, examples.starts[-1])
    return dealt(numbers, examples.rows, FOLDS, seed)


def _parts(values: np.ndarray, examples: Examples) -> list[np.ndarray]:
    """Those of each block of this rank."""
    return [values[start:stop] for start, stop in pairwise(examples.starts - examples.first)]


def _without(made: Assembly, kept: np.ndarray) -> Assembly:
    """The same training of the rows that are kept, bool, (this rank's rows,). Collective. UserError if there are none.

    The CPU does it: what an accelerator has in its memory are all rows.
    """
    old, ranks = made.objective, made.objective.ranks
    blocks = _Lighter(made.examples.blocks, _parts(kept, made.examples))
    n = _weight(blocks, made.examples.cut.count, ranks)
    if not n:
        raise UserError("No row is left.")
    examples = replace(made.examples, blocks=blocks, n=n)
    decay = old.weight_decay * made.examples.n / n
    objective = Objective(old.backpropagation, examples, ranks, old.reduction, decay)
    return replace(made, examples=examples, objective=objective)


def _weight(blocks: Sequence[Block], count: int, ranks: Ranks) -> float:
    """Σ weights over the rows of all ranks. Collective, replicated; exact."""

    def term(j: int, out: np.ndarray) -> None:
        weights = blocks[j].weights
        assert weights is not None
        out[0] = total(weights.astype(np.float64))

    return float(ExactSum(ranks, [1], len(blocks), count)(term)[0])


class _Lighter(Sequence[Block]):
    """Blocks of which the rows that are not kept weigh nothing; an item is good until the next one is asked for."""

    def __init__(self, blocks: Sequence[Block], kept: Sequence[np.ndarray]):
        self.blocks, self.kept = blocks, kept

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, j: Any) -> Any:
        block = self.blocks[j]
        kept = self.kept[j].astype(block.x.dtype)
        return block._replace(weights=kept if block.weights is None else kept * block.weights)
