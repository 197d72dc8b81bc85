"""Training from Python on arrays and frames: `fit`."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

import numpy as np

from distnn.data.tables import ArraySource
from distnn.errors import UserError
from distnn.inference.model import Model
from distnn.kernels import blas
from distnn.network.network import Network
from distnn.parallel import environment
from distnn.parallel.agreement import require_same
from distnn.parallel.launcher import connect
from distnn.parallel.ranks import Ranks
from distnn.runs.assembly import assemble
from distnn.runs.options import ACTIONS, RUN, Options, check, group
from distnn.training.record import Record
from distnn.training.termination import Reason

COMMANDS_OWN = (
    *("data", "targets", "header", "delimiter", "decimal", "encoding", "examples"),
    *("folds", "folds_by", "restarts", "only", "group_size", "out_of_fold", "start"),
)
KNOWN = tuple(field.name for field in fields(Options))
OPTIONS = tuple(  # of fit: those of a training, but for files and what is printed
    name
    for name in KNOWN
    if name in ("check_every", "memory", "scratch") or not (name in COMMANDS_OWN or group(name) in (RUN, ACTIONS))
)


@dataclass
class Fit:
    """A finished training. Replicated. model(X) predicts; records holds every iteration, reason why it stopped.

    E_test: the mean error on the examples that `test` kept apart; None where it kept none.
    """

    model: Model
    records: list[Record]
    reason: Reason
    E_test: float | None = None

    def __call__(self, X: Any) -> np.ndarray:
        """Predictions for the rows of X, as `Model.__call__`. Local."""
        return self.model(X)


def fit(
    X: Any,
    Y: Any,
    network: Network | None = None,
    weights: Any = None,
    comm: Any = None,
    start: Any = None,
    on_iteration: Callable[[Record], Any] | None = None,
    **options: Any,
) -> Fit:
    """Train a network on arrays. Collective: every rank passes its own rows (any number, none too); result replicated.

    X: rows × d^(0). Y: rows × d^(L), or (rows,); words are classes. weights: (rows,) or None. Each is an array, or a
    frame or series of pandas, polars or pyarrow, whose columns keep their names and are understood as those of a file.
    network: one to go on with, changed in place; otherwise one is made and initialised as `options` say. comm: an
    mpi4py communicator; None for all processes of the job. options: those of `python -m distnn.train` by their names,
    such as hidden=(30, 30), eta=0.1, max_iterations=500; files are not written. The table is that of the ranks' rows
    one after another; the result depends on it, not on how it is cut over ranks.

    start: a model, of which a new network begins with what it computes, although it saw another table; or a fitted
    MLPRegressor or MLPClassifier of scikit-learn, which saw X and Y as they are. on_iteration:
    called on the ranks that pass it, be it rank 0 or all, with the record of each iteration, the same on all; where it
    returns true on one of them, the training stops on all, and what it raises on one is raised on all. This takes two
    short messages an iteration. It may communicate if all ranks pass it, and do the same in it.

    UserError, on all ranks, for bad data or options, and for options, columns or networks that differ over the ranks.
    """
    everyone = connect(comm)
    with everyone.none_alone():
        with everyone.sharing_errors():
            chosen = _options(network, options)
            shared = _shared(chosen, network, start)
        require_same(shared, everyone)
        source = ArraySource(X, Y, weights, everyone)
        return _fit(chosen, source, network, start, on_iteration, everyone)


def _options(network: Network | None, options: dict[str, Any]) -> Options:
    """The options, once checked; those of a network that is given, are its own."""
    if network is not None:
        options = {"output_theta": network.output_theta, **options}
        options |= {"hidden": network.d[1:-1], "theta": network.theta}
        if not network.w.any():
            network.initialise(options.get("seed", 0), options.get("sigma"))
    for name in options:
        if name in KNOWN and name not in OPTIONS:
            raise UserError(f"fit: {name} is an option of the command line, not of fit.")
        if name not in KNOWN:
            near = get_close_matches(name, OPTIONS, n=1)
            raise UserError(f"fit: there is no option {name}{f'; did you mean {near[0]}?' if near else '.'}")
    chosen = Options(**options)
    check(chosen)
    return chosen


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
    options: Options,
    source: ArraySource,
    network: Network | None,
    start: Any,
    on_iteration: Callable[[Record], Any] | None,
    everyone: Ranks,
) -> Fit:
    blas.limit_threads(options.threads)
    assembly = assemble(options, source, everyone, network, start)
    if different := environment.compare_ranks(assembly.environment(), everyone):
        warnings.warn(different, stacklevel=4)
    heard = np.array([on_iteration is not None], float)
    everyone.maximum(heard)
    progress = assembly.begin()
    records = []
    for record in assembly.iterations(progress):
        records.append(record)
        if heard[0] and _stops(on_iteration, record, everyone) and progress.reason is None:
            progress.reason = Reason(
                "on_iteration said so", "Nothing: this is what it was asked.", quantity="interrupted", unfinished=True
            )
            break
    assembly.model.network.w[:] = progress.best_w
    if unknown := assembly.learn_certainty(progress):
        warnings.warn(unknown, stacklevel=4)
    assert progress.reason is not None
    E_test = assembly.objective.test_error(progress.best_w) if options.test else None
    return Fit(assembly.model, records, progress.reason, E_test)


def _stops(on_iteration: Callable[[Record], Any] | None, record: Record, everyone: Ranks) -> bool:
    """Does it say on any rank that the training is to stop? Collective, replicated."""
    stop = np.zeros(1)
    with everyone.sharing_errors():
        stop[0] = on_iteration is not None and bool(on_iteration(record))
    everyone.maximum(stop)
    return bool(stop[0])
