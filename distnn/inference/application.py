"""Applying a model to a table, block by block, sharded like a training: what predict and evaluate share."""

from __future__ import annotations

import numpy as np

from distnn.data import weights
from distnn.data.columns import Columns
from distnn.data.rows import Rows
from distnn.data.tables import Source, Written, open_source
from distnn.errors import UserError
from distnn.inference.model import Model, load_model
from distnn.inference.options import ApplyOptions
from distnn.kernels import blas
from distnn.kernels.blocks import Block, Cut, cut
from distnn.parallel.ranks import Ranks, on_root


def _written(options: ApplyOptions, model: Model) -> Written:
    """How a text table is written: as the options say, or what the training was told. UserError for nonsense."""
    given = Written(options.delimiter, options.decimal, options.encoding)
    given.check()
    return Written(*(own if own is not None else known for own, known in zip(given, model.written, strict=True)))


class Application:
    """A model and the table that it is applied to. Rows are read when they are asked for, a block at a time.

    Local: blocks, the numbers of this rank's blocks; all else is replicated. Collective to make; UserError, on all
    ranks, for a missing or damaged model, or a table that does not fit it.
    """

    def __init__(self, options: ApplyOptions, ranks: Ranks, with_targets: bool):
        if not options.model:
            raise UserError("--model is missing: the directory of a run, or a model file.")
        if options.threads < 1 or options.examples < 1:
            raise UserError("--threads and --examples need to be at least 1.")
        blas.limit_threads(options.threads)
        self.model: Model = on_root(ranks, lambda: load_model(options.model))
        self.source: Source = open_source(
            options.data,
            ranks,
            seed=options.seed,
            n=options.examples,
            header=self.model.header if options.header is None else options.header,
            written=_written(options, self.model),
        )
        preparation = self.model.preparation
        self.columns: Columns = preparation.columns(self.source, with_targets, options.unknown)
        self.cut: Cut = cut(self.source.n, self.model.network.d[:-1], self.model.dtype)
        self.blocks = self.cut.owned(ranks.rank, ranks.size)
        self.backpropagation = self.model.backpropagation()
        self.ranks = ranks
        self.source.prepare(*self.cut.rows_owned(ranks.rank, ranks.size))

    def rows(self, number: int) -> Rows:
        """The rows of this rank's block `number` as they stand in the table. Local."""
        return Rows.read(self.source, self.columns, *self.cut.bounds(self.blocks[number]))

    def weight_exponent(self) -> int:
        """What the table's weights are to be scaled by, as in a training. Collective, replicated."""
        assert self.columns.weight is not None
        largest = np.zeros(len(self.blocks))
        with self.ranks.sharing_errors():
            for j, block in enumerate(self.blocks):
                largest[j] = self.source.read(*self.cut.bounds(block), [self.columns.weight])[0].max()
        return weights.exponent([largest], self.ranks)

    def block(self, rows: Rows) -> Block:
        """The rows prepared for the network. Local."""
        return self.model.preparation.block(rows, self.model.dtype, self.source.path)

    def outputs(self, derivatives: bool = False, intervals: float | None = None) -> list[np.ndarray]:
        """The network's outputs for this rank's blocks, each d^(L) × rows of the model's dtype. Collective, local.

        Below them, in the units of the table, all float64 then: intervals: the bounds that hold with this probability,
        as `Model.bounds` has them; derivatives: those of each output by each input.
        """

        def of(rows: Rows) -> np.ndarray:
            block = self.block(rows)
            outputs = self.backpropagation.outputs(block.x)
            if intervals is None and not derivatives:
                return outputs
            parts = [outputs]
            if intervals is not None:
                parts.append(self.model.bounds_of(self.backpropagation, block, outputs, intervals))
            if derivatives:
                parts.append(self.model.derivative_of(rows, self.source.path).reshape(len(rows), -1).T)
            return np.vstack(parts)

        with self.ranks.sharing_errors():
            return [of(self.rows(number)) for number in range(len(self.blocks))]
