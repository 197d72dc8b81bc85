"""The models of a cross-validation on the rows that each of them has not seen: measures, and predictions as a table."""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from typing import Any

import numpy as np

from distnn.data.folds import NONE
from distnn.data.rows import Rows
from distnn.data.tables import Source
from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate
from distnn.inference.model import Model
from distnn.inference.predictions import TRUE, Applied, Field, Outputs
from distnn.inference.stored import load_model
from distnn.inference.writers import write, writer_for
from distnn.parallel.ranks import Ranks, on_root
from distnn.runs.directory import RunDirectory
from distnn.runs.farm.members import Members
from distnn.runs.options import Options

# Of what `evaluate` finds, the single numbers that are shown of each fold.
MEASURES = ("rmse", "mae", "R2", "right", "log_loss", "auc", "coverage", "log_density")

LEADING = (Field("row", "integers"), Field("fold", "integers"))  # the first fields of the predictions


class OutOfFold:
    """A table with a row for each row that is in a fold: its number, its fold, what is true, and what the model says
    that was trained without it. Replicated but for what `block` gives, as of `Predictions`.

    models: of the folds, in order. application: of one of them to the table, whose folds are dealt. typed, words: as in
    `Predictions`.
    """

    def __init__(self, models: Sequence[Model], application: Application, typed: bool, words: bool):
        assert application.folds is not None
        self.models, self.application = models, application
        self.folds = application.folds.of_all(application.ranks)  # ranks do not write the blocks that they own
        self.engines = [model.backpropagation() for model in models]
        self.outputs = [Outputs(model, typed, words) for model in models]
        preparation, fields = models[0].preparation, self.outputs[0].fields
        if preparation.classes is None:
            targets = [Field(TRUE + name, "numbers") for name in preparation.targets]
        else:
            targets = [Field(TRUE + fields[0].name, fields[0].kind)] if words else []
        self.fields = (*LEADING, *targets, *fields)
        with application.ranks.sharing_errors():
            mine = sum(len(self._rows(block)) for block in application.blocks)
        self.n = application.ranks.merged(mine, add)

    def block(self, number: int) -> list[np.ndarray]:
        """The values of each field for the table's block `number`, (r,) each. Local."""
        rows = self._rows(number)
        folds = self._folds(rows)
        parts = [self._of_fold(fold, rows.select(folds == fold)) for fold in range(len(self.models))]
        order = np.argsort(folds, kind="stable")
        found = []
        for values in zip(*parts, strict=True):
            column = np.concatenate(values)
            column[order] = column.copy()
            found.append(column)
        return found

    def _rows(self, block: int) -> Rows:
        rows = self.application.read(block)
        return rows.select(self._folds(rows) != NONE)

    def _folds(self, rows: Rows) -> np.ndarray:
        return self.folds.of(rows.numbers)

    def _of_fold(self, fold: int, rows: Rows) -> list[np.ndarray]:
        """The values of each field for rows of one fold."""
        model, preparation = self.models[fold], self.models[fold].preparation
        block = preparation.block(rows, model.dtype, self.application.source.path)
        applied = Applied(0, 0, rows, block, self.engines[fold].outputs(block.x))
        predicted = self.outputs[fold].columns(applied)
        if preparation.classes is None:
            true = list(preparation.untransformed(rows.targets.T))
        elif len(self.fields) > 2 + len(predicted):
            assert rows.labels is not None
            places = {name: place for place, name in enumerate(preparation.classes.names)}
            true = [self.outputs[fold].labels[[places[label] for label in rows.labels.tolist()]]]
        else:
            true = []
        return [rows.numbers, np.full(len(rows), fold), *true, *predicted]


def test_folds(
    options: Options, members: Members, directory: RunDirectory, source: Source, ranks: Ranks
) -> list[dict[str, float]]:
    """What `evaluate` says of each fold's model on that fold, in a few numbers; the predictions are written, too.

    Collective, replicated. UserError for what reading the table refuses, and if the predictions cannot be written.
    """
    folders = [directory.member(members.folder(number)).path for number in range(members.count)]
    models = [on_root(ranks, lambda: load_model(folder)) for folder in folders]  # noqa: B023
    applications = [Application.of(model, source, ranks, with_targets=True) for model in models]
    found = [numbers(evaluate(application, "test")) for application in applications]
    out = options.out_of_fold or str(directory.out_of_fold)
    writer = writer_for(out)
    write(OutOfFold(models, applications[0], writer.typed, writer.words), writer, out, ranks)
    return found


def numbers(result: dict[str, Any]) -> dict[str, float]:
    """The single numbers of what `evaluate` found; those of several targets have their names before them."""
    targets = result.get("targets", {})
    found = {
        name if len(targets) == 1 else f"{target} {name}": value
        for target, of in targets.items()
        for name, value in of.items()
        if name in MEASURES
    }
    return found | {name: result[name] for name in MEASURES if result.get(name) is not None}
