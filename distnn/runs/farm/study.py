"""Optuna's study of a search: what its sampler and its pruner know of the trials. Its storage is a journal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distnn.errors import RankError, UserError, missing_package
from distnn.runs import contents
from distnn.runs.farm.best import error
from distnn.training.interruption import PRUNED_TRIAL
from distnn.training.record import Record

NAME = "distnn"
NUMBER = "number"  # of a trial here, an attribute of the one there
FIRST = 4  # the first iteration that is reported
SHORT = {"median": "MedianPruner", "hyperband": "HyperbandPruner"}


def due(t: int) -> bool:
    """Is iteration t reported? 4, 6, 8, 12, 16, 24, … are: each power of 2, and what is half-way to the next one."""
    power = 1 << (t.bit_length() - 1) if t else 0
    return t >= FIRST and t in (power, power + power // 2)


def reported(record: Record) -> float:
    """What is lowest for the best trial at an iteration, as `error` has it at the end: -log evidence, or E_val."""
    return record.E_val if math.isnan(record.evidence) else -record.evidence


@dataclass
class Study:
    """Optuna's study on rank 0, once `open` was called. trials: its trials, by the numbers that they have here."""

    sampler: str
    pruner: str | None
    seed: int
    optuna: Any = None
    trials: dict[int, Any] = field(default_factory=dict)
    last: dict[int, float] = field(
        default_factory=dict
    )  # iteration that each of them has reported; inf: reports no more

    def require(self) -> None:
        """UserError where Optuna, the sampler or the pruner is missing. Local."""
        try:
            import optuna  # noqa: F401
        except ImportError:
            flag = f"--pruner {self.pruner}" if self.pruner else f"--sampler {self.sampler}"
            raise missing_package("optuna", "search", flag) from None
        self._sampler()
        self._pruner()

    def open(self, directory: Path, resume: bool) -> None:
        """With the trials of earlier jobs. Local, as all that follows is, to rank 0. UserError for a broken journal."""
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        journal, pruner = directory / contents.JOURNAL, self._pruner()
        with _told(UserError, f"{journal} cannot be read", "Begin a new search with another --out."):
            storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
            self.optuna = optuna.create_study(storage=storage, study_name=NAME, load_if_exists=resume, pruner=pruner)
        for trial in self.optuna.get_trials(deepcopy=False):
            if NUMBER in trial.user_attrs:  # or the job was killed while it was chosen
                number = trial.user_attrs[NUMBER]
                self.trials[number] = optuna.trial.Trial(self.optuna, trial._trial_id)
                self.last[number] = math.inf if trial.state.is_finished() else trial.last_step or 0
        self.optuna.sampler = self._sampler(len(self.trials))  # else it would draw the same

    def begin(self, number: int, choose: Callable[[Any], None] | None = None) -> Any:
        """The trial of this number there; a new one where there is none, whose parameters `choose` suggests.

        RankError where the sampler cannot.
        """
        if number not in self.trials:
            what, help = (
                f"--sampler {self.sampler} chooses no trial {number}",
                "Begin a new search with another sampler.",
            )
            with _told(RankError, what, help):
                trial = self.optuna.ask()
                if choose is not None:
                    choose(trial)
                trial.set_user_attr(NUMBER, number)
            self.trials[number] = trial
        return self.trials[number]

    def report(self, number: int, t: int, value: float) -> bool:
        """A trial's value at an iteration. Returns whether the trial is to be broken off. RankError as of `begin`."""
        trial = self.trials[number]
        if t <= self.last.get(number, 0) or not math.isfinite(value):
            return False
        self.last[number] = t
        trial.report(value, t)
        with _told(RankError, f"--pruner {self.pruner} cannot judge trial {number}", "Begin a new search without it."):
            return bool(trial.should_prune())

    def tell(self, number: int, result: Mapping[str, Any]) -> None:
        """What a trial came to."""
        from optuna.trial import TrialState

        value = error(result)
        if result.get("quantity") == PRUNED_TRIAL:
            told: dict[str, Any] = {"state": TrialState.PRUNED}
        else:
            told = {"state": TrialState.FAIL} if math.isinf(value) else {"values": value}
        self.optuna.tell(self.begin(number), **told, skip_if_finished=True)

    def _sampler(self, more: int = 0) -> Any:
        """That of the name. UserError."""
        import optuna

        if self.sampler == "random":
            return optuna.samplers.RandomSampler(seed=0)  # which is never asked
        kind = _kind(optuna.samplers, "Sampler", "--sampler", self.sampler, "random")
        try:
            return kind(seed=(self.seed + more) % 2**32)
        except TypeError:
            raise UserError(
                f"--sampler {self.sampler} needs more than a seed, which is all it gets: choose another."
            ) from None

    def _pruner(self) -> Any:
        """That of the name. UserError."""
        import optuna

        if self.pruner is None:
            return optuna.pruners.NopPruner()
        kind = _kind(optuna.pruners, "Pruner", "--pruner", SHORT.get(self.pruner, self.pruner), *SHORT)
        try:
            return kind()
        except (TypeError, ValueError):
            raise UserError(f"--pruner {self.pruner} needs settings, and gets none: choose another.") from None


@contextmanager
def _told(kind: type[Exception], what: str, help: str) -> Iterator[None]:
    """Whatever Optuna raises, which does not say what, as a sentence."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise kind(f"{what}: it needs the package {error.name}: pip install {error.name}, and --resume.") from None
    except Exception as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise kind(f"{what}: {said or type(error).__name__}. {help}") from None


def _kind(module: Any, ending: str, flag: str, name: str, *ours: str) -> Any:
    known = [word for word in module.__all__ if word.endswith(ending) and word != f"Base{ending}"]
    if name not in known:
        raise UserError(f"{flag} {name}: choose {', '.join(ours)}, or of Optuna {', '.join(known)}.")
    return getattr(module, name)
