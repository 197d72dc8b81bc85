"""Several trainings of arrays, one after another on all ranks, without files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from distnn.data.tables import Source
from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate
from distnn.inference.model import Model
from distnn.parallel.ranks import Ranks
from distnn.runs.assembly import Assembly, initial_seed
from distnn.runs.defaults import assemble
from distnn.runs.farm.members import Members
from distnn.runs.farm.out_of_fold import OutOfFold, numbers
from distnn.runs.options import Options


@dataclass
class CrossValidation:
    """K trainings, each tested on the rows that it has not seen. Replicated.

    fits: the `Fit` of each. scores: by name, as `evaluate` has them, float64 (K,): E; of numbers rmse, mae, R2;
    of classes right, log_loss, auc. rows: the numbers of the rows that count, int64 (r,); folds: theirs, (r,);
    predictions: of the model that has not seen the row, (r,) or r × targets; of classes the classes, (r,).
    """

    fits: Sequence[Any]
    scores: dict[str, np.ndarray]
    rows: np.ndarray
    folds: np.ndarray
    predictions: np.ndarray

    @property
    def mean(self) -> dict[str, float]:
        """Of each score, over the folds."""
        return {name: float(values.mean()) for name, values in self.scores.items()}

    @property
    def deviation(self) -> dict[str, float]:
        """Of each score, over the folds, with K - 1."""
        return {name: float(values.std(ddof=1)) for name, values in self.scores.items()}

    def __repr__(self) -> str:
        mean, deviation = self.mean, self.deviation
        shown = ", ".join(f"{name} {mean[name]:.4g} ± {deviation[name]:.2g}" for name in self.scores)
        return f"<CrossValidation: {len(self.fits)} folds of {len(self.rows):,} rows, {shown}>"


def assemblies(options: Options, members: Members, source: Source, ranks: Ranks) -> Iterator[Assembly]:
    """What each member needs, in order; those that differ in their initial weights alone share their rows. Collective.

    UserError for bad data.
    """
    first: Assembly | None = None
    for number in range(members.count):
        own = members.options(options, number, resume=False)
        if first is None or not members.alike(options):
            first = assemble(own, source, ranks)
            yield first
            continue
        network = deepcopy(first.model.network).initialise(initial_seed(own), own.sigma)
        yield replace(first, model=replace(first.model, network=network), options=replace(first.options, only=number))


def test_models(models: Sequence[Model], source: Source, ranks: Ranks) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What `evaluate` says of each fold's model on that fold, by name (K,); and the columns of `OutOfFold`. Collective.

    Replicated. UserError for what reading the table refuses.
    """
    applications = [Application.of(model, source, ranks, with_targets=True) for model in models]
    each = [{"E": (found := evaluate(own, "test"))["E"], **numbers(found)} for own in applications]
    scores = {name: np.array([own.get(name, np.nan) for own in each], float) for name in each[0]}
    table = OutOfFold(models, applications[0], typed=True, words=True)
    application = applications[0]
    application.source.prepare(*application.cut.rows_owned(ranks.rank, ranks.size))
    with ranks.sharing_errors():
        mine = [table.block(block) for block in application.blocks]
    parts = [block for found in ranks.gather(mine) for block in found]
    columns = [np.concatenate(values) for values in zip(*parts, strict=True)]
    return scores, {field.name: column for field, column in zip(table.fields, columns, strict=True)}
