"""Training from Python on arrays: `fit`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from distnn.data.tables import ArraySource
from distnn.errors import UserError
from distnn.inference.model import Model
from distnn.kernels import blas
from distnn.network.network import Network
from distnn.parallel import environment
from distnn.parallel.launcher import connect
from distnn.parallel.ranks import Ranks
from distnn.runs.assembly import assemble
from distnn.runs.options import ACTIONS, RUN, Options, check, group
from distnn.training.record import Record
from distnn.training.termination import Reason

COMMANDS_OWN = ("data", "targets", "header", "examples", "restarts", "start")


@dataclass
class Fit:
    """A finished training. Replicated. model(X) predicts; records holds every iteration, reason why it stopped."""

    model: Model
    records: list[Record]
    reason: Reason

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Predictions for the rows of X, as `Model.__call__`. Local."""
        return self.model(X)


def fit(
    X: np.ndarray,
    Y: np.ndarray,
    network: Network | None = None,
    weights: np.ndarray | None = None,
    comm: Any = None,
    **options: Any,
) -> Fit:
    """Train a network on arrays. Collective: every rank passes its own rows (any number, none too); result replicated.

    X: rows × d^(0). Y: rows × d^(L), or (rows,); words are classes. weights: (rows,) or None. network: one to go on
    with, changed in place; otherwise one is made and initialised as `options` say. comm: an mpi4py communicator; None
    for all processes of the job. options: those of `python -m distnn.train` by their names, such as hidden=(30, 30),
    eta=0.1, max_iterations=500; files are not written. The table is that of the ranks' rows one after another; the
    result depends on it, not on how it is cut over ranks.

    UserError, on all ranks, for bad data or options.
    """
    everyone = connect(comm)
    with everyone.none_alone():
        return _fit(X, Y, network, weights, everyone, options)


def _fit(
    X: np.ndarray,
    Y: np.ndarray,
    network: Network | None,
    weights: np.ndarray | None,
    everyone: Ranks,
    options: dict[str, Any],
) -> Fit:
    if network is not None:
        options = {"output_theta": network.output_theta, **options}
        options |= {"hidden": network.d[1:-1], "theta": network.theta}
        if not network.w.any():
            network.initialise(options.get("seed", 0), options.get("sigma"))
    known = {field.name for field in fields(Options)}
    for name in known & options.keys():
        if name in COMMANDS_OWN or (group(name) in (RUN, ACTIONS) and name != "check_every"):
            raise UserError(f"fit: {name} is an option of the command line, not of fit.")
    try:
        chosen = Options(**options)
    except TypeError as error:
        raise UserError(f"fit: {error}.") from None
    check(chosen)
    blas.limit_threads(chosen.threads)
    source = ArraySource(X, Y, weights, everyone)
    assembly = assemble(chosen, source, everyone, network)
    if different := environment.compare_ranks(assembly.environment(), everyone):
        warnings.warn(different, stacklevel=3)
    progress = assembly.begin()
    records = list(assembly.iterations(progress))
    assembly.model.network.w[:] = progress.best_w
    assert progress.reason is not None
    return Fit(assembly.model, records, progress.reason)
