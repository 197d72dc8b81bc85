"""The trials of a search: members that differ in the options that are searched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any

from distnn.declared import TRAININGS, AtLeast
from distnn.runs.farm.members import Members
from distnn.runs.farm.study import Study
from distnn.runs.options import Options
from distnn.runs.resume import SEARCH

TRIALS = 20


@dataclass(frozen=True, kw_only=True)
class SearchOptions(Options):
    """Options of a training, and those of the search."""

    grid: Annotated[
        tuple[str, ...],
        SEARCH,
        "Try all combinations of these values: OPTION=VALUE,VALUE each, such as hidden=8,16,8x8 weight-decay=0,1e-3.",
    ] = ()
    space: Annotated[
        tuple[str, ...],
        SEARCH,
        "Try --trials combinations from these: OPTION=VALUE,VALUE or OPTION=LOW..HIGH each, such as eta=0.01..1.",
    ] = ()
    trials: Annotated[int | None, SEARCH, f"With --space: how many. Default: {TRIALS}.", AtLeast(1), TRAININGS] = None
    sampler: Annotated[
        str,
        SEARCH,
        "With --space: random, or a sampler of Optuna by its name there, such as TPESampler, which learns from earlier "
        "trials (pip install 'distnn[search]').",
    ] = "random"
    pruner: Annotated[
        str | None,
        SEARCH,
        "Break off trials that do worse than others did by then: median, hyperband, or a pruner of Optuna by its name "
        "there (pip install 'distnn[search]'). Default: every trial comes to its own end.",
    ] = None


@dataclass(frozen=True)
class Trials(Members):
    """The trials whose values are known beforehand. choices: by number, the values by option. study: for a pruner."""

    choices: dict[int, dict[str, Any]] = field(default_factory=dict)
    study: Study | None = None

    @property
    def prunes(self) -> bool:
        return self.study is not None and self.study.pruner is not None

    def options(self, options: Options, number: int, resume: bool) -> Options:
        plain = Options(**{of.name: getattr(options, of.name) for of in fields(Options)})
        return replace(plain, **self.choices[number], group_size=None, total_seconds=None, resume=resume)

    def alike(self, options: Options) -> bool:
        return False

    def name(self, number: int) -> str:
        return f"trial {number} ({', '.join(f'{name} {value}' for name, value in self.shown(number).items())})"

    def shown(self, number: int) -> dict[str, str]:
        return {name.replace("_", "-"): _shown(value) for name, value in self.choices[number].items()}

    def begun(self) -> list[int]:
        return sorted(number for number in self.choices if number < self.count)

    def known(self) -> dict[int, Any]:
        return self.choices

    def take(self, number: int, choice: Any) -> None:
        self.choices[number] = choice

    def restore(self, directory: Path, resume: bool) -> None:
        if self.study is not None:
            self.study.open(directory, resume)

    def tasks(self, todo: list[int], directory: Path) -> Iterator[tuple[int, Any]]:
        for number in todo:
            if self.study is not None:
                self.study.begin(number)
            yield number, self.choices[number]

    def report(self, number: int, t: int, value: float) -> bool:
        return self.study is not None and self.study.report(number, t, value)

    def tell(self, number: int, result: Mapping[str, Any]) -> None:
        if self.study is not None:
            self.study.tell(number, result)


def _shown(value: Any) -> str:
    """As a user writes it."""
    if isinstance(value, tuple):
        return ("+" if isinstance(next(iter(value), 0), str) else "x").join(map(str, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def choices_of(members: Members) -> Mapping[int, Mapping[str, Any]]:
    """What the members differ in, if they are trials, as text."""
    if not isinstance(members, Trials):
        return {}
    return {number: members.shown(number) for number in members.choices}
