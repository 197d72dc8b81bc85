"""Applying a model to a table, block by block, sharded like a training: what predict and evaluate share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np

from distnn.data import weights
from distnn.data.columns import Columns
from distnn.data.fingerprints import fingerprint, is_same_table
from distnn.data.folds import Folds, Lot, deal
from distnn.data.rows import Rows
from distnn.data.tables import Source, Written, open_source
from distnn.errors import UserError
from distnn.inference.model import Model
from distnn.inference.options import ApplyOptions
from distnn.inference.stored import MODEL, load_model
from distnn.kernels import blas
from distnn.kernels.blocks import Block, Cut, cut
from distnn.parallel.ranks import Ranks, on_root
from distnn.storage.files import recognised


def _written(options: ApplyOptions, model: Model) -> Written:
    """How a text table is written: as the options say, or what the training was told. UserError for nonsense."""
    given = Written(options.delimiter, options.decimal, options.encoding)
    given.check()
    return Written(*(own if own is not None else known for own, known in zip(given, model.written, strict=True)))


def _require_model(options: ApplyOptions) -> None:
    """UserError where there is no model, also where a table stands in its place. Local."""
    if not options.model:
        raise UserError("--model is missing: the directory of a run, or a model file.")
    if not os.path.exists(options.model):
        raise UserError(f"{options.model} cannot be read: No such file or directory.")
    alone = options.data is None and options.examples is None
    if os.path.isfile(options.model) and not recognised(Path(options.model)):
        data = Path(options.data or "")
        if alone or (options.data and (recognised(data) or recognised(data / MODEL))):
            model = "MODEL" if alone else options.data
            raise UserError(
                f"{options.model} is no model of distnn: give the model first, then the table: {model} {options.model}"
            )


class Application:
    """A model and the table that it is applied to. Rows are read when they are asked for, a block at a time.

    Local: blocks, the numbers of this rank's blocks; all else is replicated. Collective to make; UserError, on all
    ranks, for a missing or damaged model, or a table that does not fit it.
    """

    def __init__(self, options: ApplyOptions, ranks: Ranks, with_targets: bool):
        on_root(ranks, lambda: _require_model(options))
        if options.data is None and options.examples is None:
            raise UserError(
                "--data is missing: the table to apply the model to, or - for rows on stdin. The built-in table is "
                "--examples N."
            )
        blas.limit_threads(options.threads)
        model: Model = on_root(ranks, lambda: load_model(options.model))
        header = model.header if options.header is None else options.header
        written = _written(options, model)
        source = open_source(
            options.data, ranks, seed=options.seed, n=options.examples or 1, header=header, written=written
        )
        self._begin(model, source, ranks, with_targets, options.unknown)

    @classmethod
    def of(cls, model: Model, source: Source, ranks: Ranks, with_targets: bool) -> Application:
        """Of a model and a table that are there. Collective. UserError for a table that does not fit the model."""
        made = cls.__new__(cls)
        made._begin(model, source, ranks, with_targets)
        return made

    def _begin(
        self,
        model: Model,
        source: Source,
        ranks: Ranks,
        with_targets: bool,
        unknown: Literal["error", "zeros"] = "error",
    ) -> None:
        self.model, self.source = model, source
        self.columns: Columns = model.preparation.columns(self.source, with_targets, unknown)
        self.cut: Cut = cut(self.source.n, self.model.network.d[:-1], self.model.dtype)
        self.blocks = self.cut.owned(ranks.rank, ranks.size)
        self.backpropagation = self.model.backpropagation()
        self.ranks = ranks
        self.folds: Folds | None = None  # of this rank's rows, once `deal_folds` was called
        self.source.prepare(*self.cut.rows_owned(ranks.rank, ranks.size))

    def deal_folds(self) -> None:
        """Know which rows were in which fold, where the model is of a cross-validation. Collective."""
        known = self.model.held_out
        if self.folds is None and "folds" in known:
            lot = Lot(known["folds"], known["fold"], known["seed"], known["by"])
            self.folds = deal(lot, self.source, self.columns, self.cut, self.ranks)

    def is_of_training(self, digest: int) -> bool:
        """Is it the table that the model was trained on? Local, replicated if its argument is.

        digest: Σ `hash_rows` over the blocks of all ranks. Where other blocks were cut then, as by another version of
        distnn, the number of rows and the columns' names tell. False where the model does not know its table.
        """
        known = self.model.held_out
        was = str(known.get("of", ""))
        return is_same_table(was, fingerprint(self.source, self.columns, digest), known.get("rows") == self.cut.fewest)

    def rows(self, number: int) -> Rows:
        """The rows of this rank's block `number` as they stand in the table. Local."""
        return self.read(self.blocks[number])

    def read(self, block: int) -> Rows:
        """The rows of a block, by its number among those of all ranks, as they stand in the table. Local."""
        return Rows.read(self.source, self.columns, *self.cut.bounds(block))

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
