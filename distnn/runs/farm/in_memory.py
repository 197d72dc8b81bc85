"""Several trainings of arrays, on groups of ranks, without files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from operator import add
from typing import Any

import numpy as np

from distnn.data.tables import ArraySource, Source
from distnn.errors import RankError, UserError
from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate
from distnn.inference.model import Model
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks
from distnn.runs.assembly import Assembly, initial_seed
from distnn.runs.defaults import assemble
from distnn.runs.farm.members import Members
from distnn.runs.farm.out_of_fold import OutOfFold, numbers
from distnn.runs.farm.schedule import Root, Schedule, in_groups
from distnn.runs.farm.sizes import group_size
from distnn.runs.options import Options
from distnn.runs.trials import Look, Stopped
from distnn.runs.understanding import memory_for_rows, plan_alone
from distnn.training.interruption import OTHERS_FAILED

COPIES = 3  # of a group's rows, while they are handed round: as they are sent, as they come, and put together
Train = Callable[[Assembly, Ranks, Look], Any]


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


def train_all(
    options: Options, members: Members, source: ArraySource, ranks: Ranks, train: Train, together: bool
) -> list[Any]:
    """What `train` makes of each member, in their order. Collective, replicated.

    train(assembly, group, look) trains one on a group of ranks, which calls look("") after each iteration; what it
    returns can be pickled. together: all ranks train one member after another. UserError, on all ranks, for bad data.
    """
    groups = 1 if together or ranks.size == 1 else _groups(options, members, source, ranks)
    if groups == 1:
        every = assemblies(options, members, range(members.count), source, ranks, str)
        return [train(assembly, ranks, str) for assembly in every]
    everyone = ranks.split(0)  # whose posts meet no messages of a script
    numbers = range(members.count)
    group, schedule = in_groups(everyone, groups, 0, numbers, lambda number, result: None, device=options.device)
    held = source.of_group(group)
    own: dict[int, Any] = {}
    error: Exception | None = None

    def look(words: str) -> None:
        group.stop_request = schedule.look() if schedule else 0

    try:
        with group.none_alone():
            for assembly in assemblies(options, members, _numbers(group, schedule), held, group, look):
                assert assembly.options.only is not None
                own[assembly.options.only] = train(assembly, group, look)
    except Stopped:  # while it chose a network: others failed
        _leave(schedule)
    except Exception as caught:
        if group.size > 1 and not isinstance(caught, UserError | RankError):
            raise  # on this rank alone: it ends the job
        error = caught
        _leave(schedule)
    if isinstance(schedule, Root):
        schedule.wait()
    everyone.rest()
    for split in (group, everyone):
        split.free()
    with ranks.sharing_errors():
        if error is not None:
            raise error
    found = {number: made for part in ranks.gather(own if group.rank == 0 else {}) for number, made in part.items()}
    return [found[number] for number in range(members.count)]


def _groups(options: Options, members: Members, source: ArraySource, ranks: Ranks) -> int:
    """How many groups: as many as a farm has, with memory for the rows as they were passed besides. Collective."""
    planned = plan_alone(options, source, ranks)
    if different := environment.compare_ranks(environment.record(planned.cut.fewest), ranks):
        warnings.warn(different, stacklevel=5)
    held = COPIES * ranks.merged(source.nbytes, add)
    size = group_size(options, planned, members.count, memory_for_rows(options, ranks), ranks, held)
    return max(1, min(ranks.size // size, members.count))


def _numbers(group: Ranks, schedule: Schedule | None) -> Iterator[int]:
    """Those of the members that this group is to train. Collective over the group."""
    while (number := group.broadcast(schedule.next(None) if schedule else None)) is not None:
        yield number


def _leave(schedule: Schedule | None) -> None:
    """This group trains no more, and so shall no other one."""
    if schedule is not None:
        schedule.stop(OTHERS_FAILED)
        schedule.next(None)


def assemblies(
    options: Options, members: Members, todo: Iterable[int], source: Source, ranks: Ranks, look: Look
) -> Iterator[Assembly]:
    """What each member todo needs; those that differ in their initial weights alone share their rows. Collective.

    look: as `assemble` has it. UserError for bad data.
    """
    first: Assembly | None = None
    for number in todo:
        own = members.options(options, number, resume=False)
        if first is None or not members.alike(options):
            first = assemble(own, source, ranks, look=look)
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
