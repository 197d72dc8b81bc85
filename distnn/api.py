"""Training from Python on arrays and frames: `fit`, `cross_validate`."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from distnn.data.tables import ArraySource, Source
from distnn.errors import UserError, require_flag, shown
from distnn.inference.ensemble import Ensemble
from distnn.inference.model import Model
from distnn.kernels import blas
from distnn.network.network import Network
from distnn.parallel import environment
from distnn.parallel.agreement import require_same
from distnn.parallel.launcher import connect
from distnn.parallel.ranks import Ranks
from distnn.runs.assembly import Assembly
from distnn.runs.defaults import assemble
from distnn.runs.farm.in_memory import CrossValidation, test_models, train_all
from distnn.runs.farm.members import Members, members
from distnn.runs.options import Options, check
from distnn.runs.options.in_python import in_python, speaking_python
from distnn.runs.options.of_fit import OPTIONS, of_fit
from distnn.runs.reports.report import Report
from distnn.runs.reports.sentences import opening
from distnn.runs.trials import Look
from distnn.training.progress import Progress
from distnn.training.record import Record
from distnn.training.termination import Reason
from distnn.words import many

if TYPE_CHECKING:
    from distnn.keywords import Keywords

NAMES = {name: name for name in (*OPTIONS, "start")} | {"resume": "network=fit.model.network"}  # in sentences
OF_FOLDS = NAMES | {name: name for name in ("folds", "folds_by")}


@dataclass
class Fit:
    """A finished training. Replicated. records holds every iteration, reason why it stopped; all else is the model's.

    E_test: the mean error on the examples that `test` kept apart; None where it kept none. members: of an ensemble, the
    training of each; records and reason are those of the last one then, and the model is the ensemble.
    """

    model: Model
    records: list[Record]
    reason: Reason
    E_test: float | None = None
    members: list[Fit] = field(default_factory=list)

    def __call__(self, X: Any) -> np.ndarray:
        """The outputs for the rows of X, as `Model.__call__`. Local."""
        return self.model(X)

    def __repr__(self) -> str:
        """How it went, why it ended, and what it gave."""
        last = self.records[-1]
        errors = [
            ("E_in", last.E_in),
            ("E_val", last.E_val),
            ("E_test", math.nan if self.E_test is None else self.E_test),
        ]
        shown = ", ".join(f"{name} {value:.6g}" for name, value in errors if not math.isnan(value))
        return f"<Fit: {many(last.t, 'iteration')}, {shown}; stopped because {self.reason.text}; {self.model!r}>"

    def predict(self, X: Any) -> np.ndarray:
        """The classes or values of the rows of X, as `Model.predict`. Local."""
        return self.model.predict(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probabilities of the classes, as `Model.predict_proba`. Local."""
        return self.model.predict_proba(X)

    def score(self, X: Any, Y: Any) -> float:
        """R², or the share of classes that are right, as `Model.score`. Local."""
        return self.model.score(X, Y)

    def save(self, path: str | Path) -> None:
        """Write the model to a file, for `load_model` and the commands, as `Model.save`. Local: on one rank."""
        self.model.save(path)


def cross_validate(
    X: Any,
    Y: Any,
    folds: int = 5,
    folds_by: str | None = None,
    weights: Any = None,
    comm: Any = None,
    **options: Unpack[Keywords],
) -> CrossValidation:
    """Cross-validation: train once for each of so many parts of the rows, on all others, and test on it. Collective.

    Rows are shuffled by the option `seed`, and each fold has its share of each class. folds_by: the column of X whose
    values keep rows together, by name or number; it is no input. All else is as for `fit`, and each training has the
    bits of `python -m distnn.train --folds … --only …`; groups of ranks train them side by side. UserError as for
    `fit`, and where rows cannot be dealt so.
    """
    everyone = connect(comm)
    with everyone.none_alone():
        try:
            with everyone.sharing_errors():
                if not isinstance(folds_by, str | int | None):
                    raise UserError(f"folds_by={shown(folds_by)}: give the name or the number of a column.")
                by = folds_by if isinstance(folds_by, str | None) else shown(folds_by)
                chosen = replace(of_fit(options, of="cross_validate"), folds=folds, folds_by=by)
                check(chosen)
                if (several := members(chosen)) is None:
                    raise UserError(f"--folds {folds}: give a number of at least 2.")
            require_same(_shared(chosen, None, None), everyone)
            source = ArraySource(X, Y, weights, everyone)
            fits = _fit_all(OF_FOLDS, chosen, several, source, None, False, everyone)
            scores, columns = test_models([found.model for found in fits], source, everyone)
        except UserError as error:
            raise speaking_python(error, OF_FOLDS) from None
    predicted = [columns[name] for name in fits[0].model.preparation.targets]
    predictions = predicted[0] if len(predicted) == 1 else np.column_stack(predicted)
    return CrossValidation(fits, scores, columns["row"], columns["fold"], predictions)


def fit(
    X: Any,
    Y: Any,
    network: Network | None = None,
    weights: Any = None,
    comm: Any = None,
    start: Any = None,
    on_iteration: Callable[[Record], Any] | None = None,
    verbose: bool = False,
    **options: Unpack[Keywords],
) -> Fit:
    """Train a network on arrays. Collective: every rank passes its own rows (any number, none too); result replicated.

    X: rows × d^(0). Y: rows × d^(L), or (rows,); words are classes. weights: (rows,) or None. Each is an array, or a
    frame or series of pandas, polars or pyarrow, whose columns keep their names and are understood as those of a file.
    network: one to go on with, changed in place; where its weights are all 0, or none is given, they are drawn as
    `options` say. comm: an mpi4py communicator; None for all processes of the job. options: those of
    `python -m distnn.train` by their names, such as hidden=(30, 30), eta=0.1, max_iterations=500; files are not
    written. The table is that of the ranks' rows one after another; the result depends on it, not on how it is cut
    over ranks.

    start: a model, of which a new network begins with what it computes, although it saw another table; or a fitted
    MLPRegressor or MLPClassifier of scikit-learn, which saw X and Y as they are. on_iteration: called on the ranks that
    pass it, be it rank 0 or all, with the record of each iteration, the same on all; where it returns true on one of
    them, the training stops on all, and what it raises on one is raised on all. This takes two short messages an
    iteration. It may communicate if all ranks pass it, and do the same in it.

    With members, groups of ranks train them side by side; with on_iteration or verbose all ranks train one by one.

    verbose: where rank 0 is passed it, it says on stdout what is trained and how it goes, as the command does.

    UserError, on all ranks, for bad data or options, and for options, columns or networks that differ over the ranks.
    """
    return fit_for(NAMES, X, Y, network, weights, comm, start, on_iteration, verbose, **options)


def fit_for(
    names: Mapping[str, str],
    X: Any,
    Y: Any,
    network: Network | None = None,
    weights: Any = None,
    comm: Any = None,
    start: Any = None,
    on_iteration: Callable[[Record], Any] | None = None,
    verbose: bool = False,
    **options: Any,
) -> Fit:
    """`fit` for a caller who has `names` of its own for options, which stand in errors and advice."""
    everyone = connect(comm)
    with everyone.none_alone():
        try:
            with everyone.sharing_errors():
                if on_iteration is not None and not callable(on_iteration):
                    raise UserError(f"on_iteration={shown(on_iteration)}: give a function, which gets each record.")
                require_flag("verbose", verbose)
                chosen = of_fit(options, network, start)
                shared = _shared(chosen, network, start)
            require_same(shared, everyone)
            source = ArraySource(X, Y, weights, everyone)
            return _fit(names, chosen, source, network, start, on_iteration, verbose, everyone)
        except UserError as error:
            raise speaking_python(error, names) from None


def _shared(options: Options, network: Network | None, start: Any) -> dict[str, Any]:
    """What a training begins with, in few words, which has to be the same on all ranks. Local."""
    found: dict[str, Any] = {"network": network and (network.d, network.theta, network.output_theta), **vars(options)}
    if network is not None:
        found["the network's weights, by a hash,"] = _hash([network.w])
    if isinstance(start, Model):
        metadata = np.frombuffer(repr(start.metadata()).encode(), np.uint8)
        found["start"] = start.network.d, _hash([*start.tensors().values(), metadata])
    elif start is not None:
        arrays = [*getattr(start, "coefs_", ()), *getattr(start, "intercepts_", ())]
        found["start"] = type(start).__name__, _hash(arrays)
    return found


def _hash(arrays: Iterable[np.ndarray]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _fit(
    names: Mapping[str, str],
    options: Options,
    source: ArraySource,
    network: Network | None,
    start: Any,
    on_iteration: Callable[[Record], Any] | None,
    verbose: bool,
    everyone: Ranks,
) -> Fit:
    blas.limit_threads(options.threads)
    if several := members(options):
        fits = _fit_all(names, options, several, source, on_iteration, verbose, everyone)
        whole = Ensemble.of([found.model for found in fits])
        return Fit(whole, fits[-1].records, fits[-1].reason, members=fits)
    assembly = assemble(options, source, everyone, network, start)
    return _fit_assembled(names, assembly, source, on_iteration, verbose, everyone)


def _fit_all(
    names: Mapping[str, str],
    options: Options,
    several: Members,
    source: ArraySource,
    on_iteration: Callable[[Record], Any] | None,
    verbose: bool,
    everyone: Ranks,
) -> list[Fit]:
    """Each of several trainings: on groups of ranks, or on all where somebody follows them. Collective, replicated."""
    followed = any(everyone.gather(verbose or on_iteration is not None))

    def train(assembly: Assembly, ranks: Ranks, look: Look) -> Fit:
        return _fit_assembled(names, assembly, source, on_iteration, verbose, ranks, look)

    return train_all(options, several, source, everyone, train, together=followed)


def _fit_assembled(
    names: Mapping[str, str],
    assembly: Assembly,
    source: Source,
    on_iteration: Callable[[Record], Any] | None,
    verbose: bool,
    everyone: Ranks,
    look: Look = str,
) -> Fit:
    if different := environment.compare_ranks(assembly.environment(), everyone):
        warnings.warn(different, stacklevel=5)
    with closing(_console(assembly.options) if verbose and everyone.rank == 0 else Report()) as report:
        for sentence in opening(source, assembly, everyone.size):
            report.say(in_python(sentence, names))
        records, progress = _train(assembly, on_iteration, report, everyone, look)
    assert progress.reason is not None
    reason = replace(progress.reason, advice=in_python(progress.reason.advice, names))
    report.say(f"stopped because {reason.text}. {reason.advice}")
    assembly.model.network.w[:] = progress.best_w
    if unknown := assembly.learn_certainty(progress):
        warnings.warn(in_python(unknown, names), stacklevel=5)
    if doubt := assembly.doubt():
        warnings.warn(in_python(doubt, names), stacklevel=5)
    E_test = assembly.objective.test_error(progress.best_w)
    return Fit(assembly.model, records, reason, None if math.isnan(E_test) else E_test)


def _console(options: Options) -> Report:
    from distnn.runs.reports.console import ConsoleReport

    return ConsoleReport(options.max_iterations)


def _train(
    assembly: Assembly, on_iteration: Callable[[Record], Any] | None, report: Report, everyone: Ranks, look: Look
) -> tuple[list[Record], Progress]:
    """Train to the end: the records of all iterations, and how far it came. Collective, replicated."""
    heard = np.array([on_iteration is not None], float)
    everyone.maximum(heard)
    records, progress = [], assembly.begin()
    for record in assembly.iterations(progress):
        records.append(record)
        report.iteration(record, progress.reason is not None)
        look("")
        if heard[0] and _stops(on_iteration, record, everyone) and progress.reason is None:
            progress.reason = Reason(
                "on_iteration said so", "Nothing: this is what it was asked.", quantity="interrupted", unfinished=True
            )
            break
    return records, progress


def _stops(on_iteration: Callable[[Record], Any] | None, record: Record, everyone: Ranks) -> bool:
    """Does it say on any rank that the training is to stop? Collective, replicated."""
    stop = np.zeros(1)
    with everyone.sharing_errors():
        stop[0] = on_iteration is not None and bool(on_iteration(record))
    everyone.maximum(stop)
    return bool(stop[0])
