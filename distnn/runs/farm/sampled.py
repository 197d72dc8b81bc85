"""Trials that a sampler of Optuna chooses, by what the trials before came to. Its storage is a journal of rank 0."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distnn.errors import UserError, missing_package
from distnn.runs import contents
from distnn.runs.farm.best import error
from distnn.runs.farm.space import Dimension
from distnn.runs.farm.trials import TRIALS, SearchOptions, Trials
from distnn.runs.options import check

STUDY = "distnn"


@dataclass(frozen=True)
class SampledTrials(Trials):
    """Trials that are chosen when their turn comes. study: Optuna's, and numbers: those of the trials there, on rank 0,
    once `restore` was called.
    """

    asked: SearchOptions = field(default_factory=SearchOptions)
    of: Sequence[Dimension] = ()
    study: list[Any] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def restore(self, directory: Path, resume: bool) -> None:
        """Open the study, with what it knows of earlier jobs. Local to rank 0."""
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        path = directory / contents.JOURNAL
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        study = optuna.create_study(storage=storage, study_name=STUDY, load_if_exists=resume)
        self.study.append(study)
        for trial in study.get_trials(deepcopy=False):
            if len(trial.params) == len(self.of):  # or the job was killed while it was chosen
                self._enter(trial.number, trial.params)
        study.sampler = _sampler(self.asked.sampler, self.asked.seed + len(self.numbers))  # else it would draw the same

    def tasks(self, todo: list[int], directory: Path) -> Iterator[tuple[int, Any]]:
        for number in todo:
            if number not in self.choices:
                number = self._ask()
            yield number, self.choices[number]

    def tell(self, number: int, result: Mapping[str, Any]) -> None:
        (study,) = self.study
        value = error(result)
        failed = {"state": _state("FAIL")} if math.isinf(value) else {"values": value}
        study.tell(self.numbers[number], **failed, skip_if_finished=True)

    def _ask(self) -> int:
        (study,) = self.study
        trial = study.ask()
        params = {dimension.option.name: _suggest(trial, dimension) for dimension in self.of}
        return self._enter(trial.number, params)

    def _enter(self, there: int, params: Mapping[str, Any]) -> int:
        """Give the trial of this number in the study a number here. Of categories the sampler knows their places."""
        number = len(self.numbers)
        self.numbers.append(there)
        values = ((dimension, params[dimension.option.name]) for dimension in self.of)
        self.choices[number] = {own.option.name: own.values[value] if own.values else value for own, value in values}
        return number


def sampled(options: SearchOptions, of: Sequence[Dimension]) -> SampledTrials:
    """The trials that the options ask for. Local. UserError where Optuna, or the sampler, is missing."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise missing_package("optuna", "search", f"--sampler {options.sampler}") from None
    _sampler(options.sampler, options.seed)
    found = SampledTrials("trial", options.trials or TRIALS, asked=options, of=of)
    for u in (0.0, 1.0):
        found.choices[0] = {dimension.option.name: dimension.at(u) for dimension in of}
        check(found.options(options, 0, resume=False))
    found.choices.clear()
    return found


def _sampler(name: str, seed: int) -> Any:
    import optuna

    known = [word for word in optuna.samplers.__all__ if word.endswith("Sampler") and word != "BaseSampler"]
    if name not in known:
        raise UserError(f"--sampler {name}: choose random, or of Optuna {', '.join(known)}.")
    kind = getattr(optuna.samplers, name)
    try:
        return kind(seed=seed % 2**32)
    except TypeError:
        raise UserError(f"--sampler {name} needs more than a seed, which is all it gets: choose another.") from None


def _suggest(trial: Any, dimension: Dimension) -> Any:
    name = dimension.option.name
    if dimension.values:
        return trial.suggest_categorical(name, list(range(len(dimension.values))))
    if dimension.is_whole:
        return trial.suggest_int(name, math.ceil(dimension.low), math.floor(dimension.high), log=dimension.by_logarithm)
    return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.by_logarithm)


def _state(name: str) -> Any:
    import optuna

    return optuna.trial.TrialState[name]
