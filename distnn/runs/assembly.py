"""From options and a table to everything that trains: plan, examples, network, objective, model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from distnn.data.preparation import Preparation
from distnn.data.shard import Examples
from distnn.data.tables import Source
from distnn.errors import FAILED, UserError
from distnn.inference.model import Model
from distnn.inference.warm_start import continued, started
from distnn.network import arithmetic
from distnn.network.backpropagation import Backpropagation
from distnn.network.error_functions import takes_probabilities
from distnn.network.network import Network
from distnn.optimizers import Optimizer
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks
from distnn.runs import certainty
from distnn.runs.options import Options, criterion, optimizer, with_optimizer
from distnn.runs.plan import Plan
from distnn.runs.understanding import read_table
from distnn.training.loop import train
from distnn.training.objective import Objective
from distnn.training.progress import Progress, begin
from distnn.training.record import Record
from distnn.training.termination import Criterion


@dataclass
class Assembly:
    """All that a training needs. Replicated, except the examples of each rank.

    options: those that were given, with an optimizer; why: a sentence on why this one, if none was named. notes:
    sentences on what was understood of the table. seconds: that it took rank 0 to choose the options.
    """

    model: Model
    examples: Examples
    objective: Objective
    options: Options
    why: str | None
    notes: Sequence[str] = ()
    seconds: float = 0.0

    @cached_property
    def optimizer(self) -> Optimizer:
        """The one that the options name, with its settings."""
        return optimizer(self.options)

    def begin(self) -> Progress:
        """Progress before the first iteration, with the weights of the network. Collective, replicated."""
        return begin(self.objective, self.optimizer, self.model.network.w, self.options.window)

    def environment(self) -> dict[str, Any]:
        """What the bits depend on besides the data, on this rank. Local."""
        of_device = self.objective.terms.environment()
        return {**environment.record(self.examples.cut.fewest, arithmetic.hashes()), **of_device}

    def learn_certainty(self, progress: Progress) -> str | None:
        """Give the model its certainty, where that was asked for. Collective. Returns why it cannot, in a sentence."""
        if self.options.intervals is None or progress.reason is None or progress.reason.code == FAILED:
            return None
        self.model.certainty, self.model.uncertain = None, ""
        try:
            self.model.certainty = certainty.learn(self.options, self.objective, progress)
        except UserError as error:
            self.model.uncertain = str(error)
        return self.model.uncertain or None

    def doubt(self) -> str | None:
        """Why the model, which has learnt its certainty, may be worse than it seems, in a sentence. Collective."""
        sure, options = self.model.certainty, self.options
        if sure is None or options.optimizer != "bayesian" or options.intervals != "all" or not options.widths:
            return None
        return certainty.doubt(sure, self.objective, self.model.network.w)

    def iterations(self, progress: Progress, until: Criterion | None = None) -> Iterator[Record]:
        """The loop of `distnn.training.loop`, as the options say; until: instead of their criteria. Collective."""
        options = self.options
        until = until or criterion(options)
        every, check_every = options.evaluate_every, options.check_every
        return train(self.objective, self.optimizer, until, progress, every, check_every)


def assemble(
    options: Options, source: Source, ranks: Ranks, network: Network | None = None, start: Any = None
) -> Assembly:
    """Read the data, make the network with its initial weights, and the objective. Collective. UserError for bad data.

    Nothing is chosen against overfitting here: `runs.defaults.assemble` does.

    network: one to train instead of a new one, with the weights that it has. start: a model that a new one begins with.
    """
    planned, preparation, examples, notes = read_table(options, source, ranks)
    if takes_probabilities(planned.error) and not planned.recipe.columns.classes:
        _require_probabilities(planned.error, source, examples, ranks)
    network = _network(options, planned, preparation, network, start, ranks)
    certainty.require(options, planned.error, planned.recipe.columns.classes, network.d)
    objective = _objective(options, planned.error, network, examples, ranks)
    held_out = {
        "share": options.validation or 0.0,
        "test": options.test,
        "seed": options.seed,
        "of": examples.fingerprint,
        "rows": examples.cut.fewest,
    }
    if options.folds:
        held_out |= {"test": 1 / options.folds, "folds": options.folds, "fold": options.only, "by": options.folds_by}
    model = Model(network, preparation, planned.error, options.dtype, held_out, options.header, written=options.written)
    options, why = with_optimizer(options, network.w.size, planned.error, preparation.d_out, examples.rows)
    decay, validation = options.weight_decay or 0.0, options.validation or 0.0
    options = replace(options, hidden=options.widths, weight_decay=decay, validation=validation)
    return Assembly(model, examples, objective, options, why, notes)


def _network(
    options: Options,
    planned: Plan,
    preparation: Preparation,
    network: Network | None,
    start: Any,
    ranks: Ranks,
) -> Network:
    """The network with the weights to begin with: those it has, of `start`, of --start, or random ones. Collective."""
    d = [preparation.d_in, *options.widths, preparation.d_out]
    if network is not None:
        if list(network.d) != d:
            raise UserError(f"The network has the architecture {list(network.d)}, but the data needs {d}.")
        return network
    network = Network(d, options.theta, planned.recipe.output_theta)
    if start is not None:
        return continued(start, network, preparation, "start")
    if options.start is not None and not options.resume:
        return started(options.start, network, preparation, ranks)
    return network.initialise(initial_seed(options), options.sigma)


def initial_seed(options: Options) -> int:
    """The seed of the initial weights: one more for each of --restarts or --members. Local."""
    return options.seed + (0 if options.folds else options.only or 0)


def _objective(options: Options, error: str, network: Network, examples: Examples, ranks: Ranks) -> Objective:
    """The function to minimise. Collective. UserError if it has no derivatives."""
    with ranks.sharing_errors():  # DISTNN_FUSED may be bad on one of them
        backpropagation = Backpropagation(network, error, np.dtype(options.dtype))
    backpropagation.require_derivatives()
    terms = None
    if options.device != "cpu":
        from distnn.accelerator import connect  # which needs JAX where it is called

        terms = connect(options.device, options.precision, network, error, options.dtype, examples, ranks)
    return Objective(
        backpropagation,
        examples,
        ranks,
        options.reduction,
        options.weight_decay or 0.0,
        options.batch_size,
        options.seed,
        options.sampling,
        terms,
    )


def _require_probabilities(error: str, source: Source, examples: Examples, ranks: Ranks) -> None:
    """UserError unless all targets are probabilities. Collective."""
    with ranks.sharing_errors():
        for block in chain(examples.blocks, examples.validation, examples.test):
            if block.y.min() < 0 or block.y.max() > 1:
                raise UserError(
                    f"{source.path}: --error {error} needs targets between 0 and 1, or one column of classes; "
                    f"found {float(block.y.min() if block.y.min() < 0 else block.y.max()):g}."
                )
