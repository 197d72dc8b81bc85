"""Reading a rank's part of D: its blocks, ready for the network, and what was learnt about the table on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from distnn.data.classes import Classes, sort_names
from distnn.data.preparation import Columns, Preparation, Rows, input_columns
from distnn.data.scaling import Scaling, measure
from distnn.data.tables import Source
from distnn.errors import UserError
from distnn.kernels.blocks import Block, Cut
from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum
from distnn.streams import held_out


@dataclass(frozen=True)
class Wishes:
    """What the user wants of the preparation. Replicated.

    output_theta: of the network, for the output values of classes. classes: the target is a class.
    validation: the share of rows held out, chosen by `seed` and row number.
    """

    output_theta: str
    classes: bool = False
    standardise: bool = True
    standardise_targets: bool = True
    validation: float = 0.0
    seed: int = 0


@dataclass
class Examples:
    """D, cut over the ranks.

    Local: blocks and validation, this rank's examples to train on and those held out; first, the number of its
    first training example among those of all ranks.
    Replicated: cut, how the rows were cut into blocks; rows and validation_rows, numbers of examples; n and
    validation_n, their Σ weights (the same numbers where there are no weights); fingerprint, of the whole table.
    """

    cut: Cut
    blocks: list[Block]
    validation: list[Block]
    first: int
    rows: int
    validation_rows: int
    n: float
    validation_n: float
    fingerprint: str
    starts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        widths = [block.x.shape[1] for block in self.blocks]
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
        """Memory of this rank's examples. Local."""
        arrays = [array for block in (*self.blocks, *self.validation) for array in block if array is not None]
        return sum(array.nbytes for array in arrays)


class _Part(NamedTuple):
    """A block as read, not yet standardised: x shifted, (d^(0)+1) × r; targets y shifted, m × r, or words (r,)."""

    x: np.ndarray
    y: np.ndarray
    words: np.ndarray | None
    weights: np.ndarray | None


def load(
    source: Source, columns: Columns, cut: Cut, wishes: Wishes, dtype: DTypeLike, ranks: Ranks
) -> tuple[Preparation, Examples]:
    """Read this rank's rows, and learn from all of D how to prepare them. Collective; Preparation replicated.

    Means and deviations come from the rows that are trained on, not from those held out; classes from all. Rows are
    read a block at a time: memory is the shard and one block. UserError, on all ranks, for bad data.
    """
    source.prepare(*cut.rows_owned(ranks.rank, ranks.size))
    names = columns.names(source)
    shift_x, shift_y = _shifts(source, columns, cut, wishes, ranks)
    train: list[_Part] = []
    held: list[_Part] = []
    digest = np.zeros(1, np.int64)
    with ranks.sharing_errors():
        for block in cut.owned(ranks.rank, ranks.size):
            rows = Rows(source, columns, *cut.bounds(block))
            digest += _hash(rows)
            out = held_out(wishes.seed, wishes.validation, *cut.bounds(block))
            for parts, mask in ((train, ~out), (held, out)):
                if mask.any():
                    part = _part(rows if mask.all() else rows.select(mask), shift_x, shift_y, wishes, dtype)
                    _refuse_overflow(source, part, dtype)
                    parts.append(part)
    ranks.sum(digest)

    counts = np.array(ranks.gather([sum(part.x.shape[1] for part in parts) for parts in (train, held)]), np.int64)
    rows_of_all = counts.sum(axis=0)
    if rows_of_all[0] == 0:
        raise UserError(f"{source.path}: no row is left to train on: lower --validation {wishes.validation:g}.")
    if rows_of_all[1] == 0 and wishes.validation > 0:
        raise UserError(f"{source.path}: no row of {source.n} is held out: raise --validation {wishes.validation:g}.")
    n, validation_n = (_weight(parts, cut, ranks) for parts in (train, held))
    if n == 0:
        raise UserError(f"{source.path}: the weights in column {names[2]} are all 0.")

    inputs = [(part.x[1:], part.weights) for part in train]
    scaling = measure(shift_x, inputs, ranks, cut.count) if wishes.standardise else Scaling.identity(len(shift_x))
    if wishes.classes:
        preparation = Preparation(*names, scaling, None, _classes(source, names[1][0], [*train, *held], wishes, ranks))
    else:
        targets = _target_scaling(source, names[1], shift_y, train, wishes, cut, ranks)
        preparation = Preparation(*names, scaling, targets, None)
    with ranks.sharing_errors():
        blocks = [_finish(part, preparation, dtype) for part in train]
        validation = [_finish(part, preparation, dtype) for part in held]
    first = int(counts[: ranks.rank, 0].sum())
    fingerprint = f"{source.n}-{int(digest[0]) & (2**64 - 1):016x}"
    rows_train, rows_held = (int(count) for count in rows_of_all)
    examples = Examples(cut, blocks, validation, first, rows_train, rows_held, n, validation_n, fingerprint)
    return preparation, examples


def _shifts(source: Source, columns: Columns, cut: Cut, wishes: Wishes, ranks: Ranks) -> tuple[np.ndarray, np.ndarray]:
    """Row 0's inputs and targets, from the rank that owns it; zeros for what is not standardised. Collective."""
    first = None
    with ranks.sharing_errors():
        if cut.count and 0 in cut.owned(ranks.rank, ranks.size):
            row = Rows(source, columns, 0, 1)
            first = row.inputs[0], row.targets[0]
    x, y = next(found for found in ranks.gather(first) if found is not None)
    return x if wishes.standardise else np.zeros_like(x), y if wishes.standardise_targets else np.zeros_like(y)


def _part(rows: Rows, shift_x: np.ndarray, shift_y: np.ndarray, wishes: Wishes, dtype: DTypeLike) -> _Part:
    x = input_columns(rows.inputs, Scaling(shift_x, np.zeros_like(shift_x), np.ones_like(shift_x)), dtype)
    weights = None if rows.weights is None else rows.weights.astype(dtype)
    if wishes.classes:
        return _Part(x, x[:0], rows.words(), weights)
    y = np.empty((len(shift_y), len(rows.targets)), dtype)
    Scaling(shift_y, np.zeros_like(shift_y), np.ones_like(shift_y)).shifted(rows.targets, y)
    return _Part(x, y, None, weights)


def _refuse_overflow(source: Source, part: _Part, dtype: DTypeLike) -> None:
    if not all(np.isfinite(values).all() for values in (part.x, part.y, part.weights) if values is not None):
        raise UserError(f"{source.path} holds values beyond the range of {np.dtype(dtype)}: use --dtype float64.")


def _hash(rows: Rows) -> np.int64:
    """A hash of these rows and their place. Hashes of blocks are added modulo 2^64, in any order."""
    digest = hashlib.blake2b(rows.start.to_bytes(8, "little"), digest_size=8)
    for array in (rows.inputs, rows.targets, rows.weights):
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    if rows.labels is not None:
        digest.update("\0".join(rows.labels.tolist()).encode())
    return np.frombuffer(digest.digest(), np.int64)[0]


def _weight(parts: Sequence[_Part], cut: Cut, ranks: Ranks) -> float:
    """Σ weights over the parts of all ranks, or their number of rows. Collective, replicated; exact."""

    def term(j: int, out: np.ndarray) -> None:
        weights = parts[j].weights
        out[0] = parts[j].x.shape[1] if weights is None else weights.sum(dtype=np.float64)

    return float(ExactSum(ranks, [1], len(parts), cut.count)(term)[0])


def _classes(source: Source, target: str, parts: Sequence[_Part], wishes: Wishes, ranks: Ranks) -> Classes:
    """The classes of all ranks, in one order. Collective, replicated."""
    mine = {str(name) for part in parts for name in np.unique(part.words)}  # type: ignore[arg-type]
    names = sort_names([name for found in ranks.gather(sorted(mine)) for name in found])
    if len(names) < 2:
        raise UserError(
            f"{source.path}: the target column {target} holds one class only, {names[0]!r}: there is nothing to learn."
        )
    return Classes(names, wishes.output_theta)


def _target_scaling(
    source: Source,
    names: tuple[str, ...],
    shift: np.ndarray,
    train: Sequence[_Part],
    wishes: Wishes,
    cut: Cut,
    ranks: Ranks,
) -> Scaling:
    """The scaling of a regression's targets; refuses a constant one. Collective, replicated."""
    measured = measure(shift, [(part.y, part.weights) for part in train], ranks, cut.count)
    constant = [name for name, flat in zip(names, measured.constant, strict=True) if flat]
    if constant:
        raise UserError(f"{source.path}: the target column {constant[0]} is constant: there is nothing to learn.")
    return measured if wishes.standardise_targets else Scaling.identity(len(shift))


def _finish(part: _Part, preparation: Preparation, dtype: DTypeLike) -> Block:
    """Standardise a part in place, and encode its classes."""
    preparation.input_scaling.standardise(part.x[1:])
    if preparation.classes:
        assert part.words is not None
        return Block(part.x, preparation.classes.encode(preparation.codes(part.words, ""), dtype), part.weights)
    assert preparation.target_scaling is not None
    preparation.target_scaling.standardise(part.y)
    return Block(part.x, part.y, part.weights)
