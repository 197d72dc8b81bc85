"""Several models of one table as one: the mean of what they say, and how far they differ.

They share the preparation of the table. With intervals, the variance of the mean's deviation has two parts: the mean of
what each model says of itself, and the variance between them; Lakshminarayanan, Pritzel & Blundell, "Simple and
scalable predictive uncertainty estimation using deep ensembles", NeurIPS 2017, section 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from distnn.data.rows import Rows
from distnn.errors import UserError
from distnn.inference.certainty import Certainty
from distnn.inference.inputs import WHERE, rows_of
from distnn.inference.model import Model
from distnn.kernels.algebra import column_sums, total
from distnn.kernels.blocks import Block
from distnn.kernels.elementary import applied
from distnn.network.backpropagation import Backpropagation
from distnn.network.error_functions import LogisticCrossEntropy, SoftmaxCrossEntropy


@dataclass(repr=False)
class Ensemble(Model):
    """A model whose outputs are the mean of those of its `members`, of which it has the preparation. Replicated.

    Its own network is that of the first one. `certainty` is there where all members have theirs.
    """

    members: list[Model] = field(default_factory=list)

    @staticmethod
    def of(members: Sequence[Model]) -> Ensemble:
        """The ensemble of models of one table and one architecture. UserError if they are not."""
        first = members[0]
        shared, tensors = _shared(first), first.preparation.tensors()
        for other in members[1:]:
            its = other.preparation.tensors()
            if _shared(other) != shared or not all(np.array_equal(array, its[name]) for name, array in tensors.items()):
                raise UserError("The models of an ensemble need one architecture and one preparation of the table.")
        known = {name: getattr(first, name) for name in ("error", "dtype", "held_out", "header", "written")}
        made = Ensemble(first.network, first.preparation, **known, members=list(members))
        own = [member.certainty for member in members if member.certainty is not None]
        if made.preparation.classes is None and len(own) == len(members):
            made.certainty = Together.of(own)
        made.uncertain = next((member.uncertain for member in members if member.uncertain), "")
        return made

    def __repr__(self) -> str:
        return f"<Ensemble of {len(self.members)}: {self.members[0]!r}>"

    def backpropagation(self) -> Averaged:
        return Averaged(self)

    def spread(self, X: Any) -> np.ndarray:
        """The deviation of the members' predictions at the rows of X (with M - 1), in the units of the table. Local.

        n × d^(L), float64; of classes that of each output.
        """
        block = self.preparation.block(rows_of(X, self.preparation), self.dtype, WHERE)
        return self.spread_of(self.backpropagation(), block).T

    def spread_of(self, engine: Averaged, block: Block) -> np.ndarray:
        """As `spread`, of a block: d^(L) × rows. Local."""
        return np.sqrt(_variance([self.unscale(outputs) for outputs in engine.each(block.x)]))

    def deviations(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """As of any model; where training was not asked for intervals both are the spread, without the noise."""
        if self.certainty is None and not self.uncertain and self.preparation.classes is None:
            return self.spread(X), self.spread(X)
        return super().deviations(X)

    def known_certainty(self) -> Certainty:
        if self.preparation.classes is not None:
            raise UserError("An ensemble of classes has no intervals: its spread says how far its members differ.")
        return super().known_certainty()

    def probabilities(self, X: Any) -> np.ndarray:
        """The outputs of a model of classes, averaged over the members and what their weights may be. Local."""
        return _mean([member.probabilities(X) for member in self.members])

    def derivative_of(self, rows: Rows, where: str = WHERE) -> np.ndarray:
        if any(self.preparation.transforms):
            raise UserError("An ensemble with a transformed target has no derivatives: take those of its members.")
        return _mean([member.derivative_of(rows, where) for member in self.members])

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays to store: w is float64 (M, |W|)."""
        return {**super().tensors(), "w": np.stack([member.network.w for member in self.members])}

    def metadata(self) -> dict[str, Any]:
        return {**super().metadata(), "ensemble": len(self.members)}

    def stored_certainty(self) -> dict[str, np.ndarray]:
        each = [member.stored_certainty() for member in self.members]
        return {name: np.stack([own[name] for own in each]) for name in each[0]} if all(each) else {}


class Averaged(Backpropagation):
    """Outputs that are the mean over the members; their error, and the signals that would give them. Local."""

    def __init__(self, ensemble: Ensemble):
        super().__init__(ensemble.network, ensemble.error, np.dtype(ensemble.dtype))
        self.weights = [member.network.w for member in ensemble.members]

    def each(self, x: np.ndarray) -> Iterator[np.ndarray]:
        """The outputs of each member, d^(L) × rows, whose weights are loaded meanwhile."""
        for w in self.weights:
            self.load(w)
            yield super().outputs(x)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        total = np.zeros((self.d[-1], x.shape[1]))
        for outputs in self.each(x):
            total += outputs
        return (total / len(self.weights)).astype(self.dtype)

    def error(self, block: Block) -> float:
        """Σ_i e_i of the mean outputs, with the examples' weights."""
        outputs = self.outputs(block.x).astype(np.float64)
        if isinstance(self.error_function, SoftmaxCrossEntropy | LogisticCrossEntropy):
            e = self.error_function.error(self._signals(outputs), block.y, None)
        else:
            e = column_sums(np.square(outputs - block.y))
        return total(e if block.weights is None else e * block.weights)

    def signals(self, x: np.ndarray) -> np.ndarray:
        return self._signals(self.outputs(x).astype(np.float64))

    def _signals(self, outputs: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            if isinstance(self.error_function, SoftmaxCrossEntropy):
                return applied("log", outputs)
            return applied("log", outputs) - applied("log1p", -outputs)


@dataclass(frozen=True)
class Together(Certainty):
    """The certainty of an ensemble: what its members say of themselves, and what they differ by. T: of the first.

    The noise is known by the fewest degrees of freedom that a member has: all estimate it from the same rows.
    """

    of_members: tuple[Certainty, ...] = ()

    @staticmethod
    def of(own: Sequence[Certainty]) -> Together:
        freedom = np.minimum.reduce([certainty.freedom for certainty in own])
        return Together(own[0].T, _mean([certainty.noise for certainty in own]), freedom, tuple(own))

    def variances(
        self, backpropagation: Backpropagation, block: Block, tops: Iterable[np.ndarray] | None = None
    ) -> np.ndarray:
        assert isinstance(backpropagation, Averaged)
        within, outputs = [], []
        for certainty, own in zip(self.of_members, backpropagation.each(block.x), strict=True):
            outputs.append(own.astype(np.float64))
            within.append(certainty.variances(backpropagation, block, tops))
        return _mean(within) + _variance(outputs)


def _mean(of_members: Sequence[np.ndarray]) -> np.ndarray:
    """Added up member by member, float64: numpy's sums have an order of their own for each shape. Local."""
    found = np.zeros(of_members[0].shape)
    for own in of_members:
        found += own
    return found / len(of_members)


def _variance(of_members: Sequence[np.ndarray]) -> np.ndarray:
    """With M - 1, float64. Local."""
    mean = _mean(of_members)
    return _mean([np.square(own - mean) for own in of_members]) * (len(of_members) / (len(of_members) - 1))


def _shared(model: Model) -> dict[str, Any]:
    return {**model.metadata(), "held_out": None, "uncertain": None}
