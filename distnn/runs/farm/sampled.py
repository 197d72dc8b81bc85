"""Trials that a sampler of Optuna chooses, by what the trials before came to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distnn.errors import UserError
from distnn.runs import contents
from distnn.runs.farm.space import Dimension
from distnn.runs.farm.study import Study
from distnn.runs.farm.trials import TRIALS, SearchOptions, Trials
from distnn.runs.options import check


@dataclass(frozen=True)
class SampledTrials(Trials):
    """Trials that are chosen when their turn comes, from what each of `of` may be."""

    of: Sequence[Dimension] = ()

    @property
    def learn(self) -> bool:
        return True

    def restore(self, directory: Path, resume: bool) -> None:
        super().restore(directory, resume)
        assert self.study is not None
        lost = [number for number in range(self.count) if number not in self.study.trials]
        for folder in (directory / self.folder(number) for number in lost if resume):
            if folder.exists():
                raise UserError(
                    f"{directory / contents.JOURNAL} knows no trial of {folder}: it is lost, or of an older "
                    "version. Begin a new search with another --out."
                )
        for number, trial in self.study.trials.items():
            self._enter(number, trial.params)

    def tasks(self, todo: list[int], directory: Path) -> Iterator[tuple[int, Any]]:
        assert self.study is not None
        for number in todo:
            if number not in self.choices:
                self._enter(number, self.study.begin(number, self._suggest).params)
            yield number, self.choices[number]

    def _suggest(self, trial: Any) -> None:
        for dimension in self.of:
            _suggest(trial, dimension)

    def _enter(self, number: int, params: Mapping[str, Any]) -> None:
        """Know the values of a trial. Of categories the sampler knows their places."""
        values = ((dimension, params[dimension.option.name]) for dimension in self.of)
        self.choices[number] = {own.option.name: own.values[value] if own.values else value for own, value in values}


def sampled(options: SearchOptions, of: Sequence[Dimension], study: Study) -> SampledTrials:
    """The trials that the options ask for. Local. UserError for what makes no sense."""
    found = SampledTrials("trial", options.trials or TRIALS, study=study, of=of)
    for u in (0.0, 1.0):
        found.choices[0] = {dimension.option.name: dimension.at(u) for dimension in of}
        check(found.options(options, 0, resume=False))
    found.choices.clear()
    return found


def _suggest(trial: Any, dimension: Dimension) -> Any:
    name = dimension.option.name
    if dimension.values:
        return trial.suggest_categorical(name, list(range(len(dimension.values))))
    if dimension.is_whole:
        return trial.suggest_int(name, math.ceil(dimension.low), math.floor(dimension.high), log=dimension.by_logarithm)
    return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.by_logarithm)
