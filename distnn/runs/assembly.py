"""From options and a table to everything that trains: decisions by the data, network, objective."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from distnn.data.preparation import Columns, Preparation
from distnn.data.shard import Examples, Wishes, load
from distnn.data.tables import ExclusiveOr, Source, column_numbers
from distnn.errors import UserError
from distnn.inference.model import Model, load_model
from distnn.kernels.blocks import Cut, cut
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network
from distnn.parallel.ranks import Ranks, on_root
from distnn.runs.options import Options, criterion, optimizer, with_optimizer
from distnn.training.loop import train
from distnn.training.objective import Objective
from distnn.training.progress import Progress, begin
from distnn.training.termination import Criterion, Record


@dataclass(frozen=True)
class Plan:
    """What is going to be trained, before any row is read but the first. Replicated.

    d_out: d^(L), or None while the number of classes is not known.
    """

    columns: Columns
    cut: Cut
    classes: bool
    error: str
    output_theta: str
    standardise_targets: bool
    d_out: int | None


def plan(options: Options, source: Source) -> Plan:
    """Decide by the data what the options leave open. Local, replicated result. UserError if they contradict it."""
    targets = column_numbers(source, options.targets) if options.targets else source.default_targets()
    if not targets:
        raise UserError(f"{source.path}: there is nothing to learn without targets: give Y, or --targets.")
    weight = _weight_column(options, source)
    inputs = tuple(j for j in range(len(source.columns)) if j not in targets and j != weight)
    if weight in targets:
        raise UserError(f"{source.path}: column {source.columns[weight]} cannot be target and weight at once.")
    if not inputs:
        raise UserError(f"{source.path}: no column is left for the inputs beside targets and weights.")
    built_in = isinstance(source, ExclusiveOr)
    classes = _are_classes(options, source, targets, built_in)
    output_theta, error = _output(options, classes, built_in, len(targets))
    standardise_targets = options.standardise_targets
    if standardise_targets is None:
        standardise_targets = not classes and output_theta == "identity"
    return Plan(
        columns=Columns(inputs, targets, weight),
        cut=cut(source.n, [len(inputs), *options.hidden], options.dtype),
        classes=classes,
        error=error,
        output_theta=output_theta,
        standardise_targets=standardise_targets,
        d_out=_outputs(classes, built_in, output_theta, len(targets)),
    )


def _outputs(classes: bool, built_in: bool, output_theta: str, targets: int) -> int | None:
    """d^(L), where it is known before the rows are read."""
    if not classes:
        return targets
    if built_in:
        return 2 if output_theta == "softmax" else 1
    return None


def _weight_column(options: Options, source: Source) -> int | None:
    if options.weights is not None:
        return column_numbers(source, [options.weights])[0]
    return source.default_weights()


def _are_classes(options: Options, source: Source, targets: tuple[int, ...], built_in: bool) -> bool:
    words = [source.columns[j] for j in targets if source.is_word(j)]
    if options.classes is False and words:
        raise UserError(f"{source.path}: the target column {words[0]} holds words, which can only be classes.")
    if options.classes and len(targets) > 1:
        raise UserError(f"--classes needs one target column, and there are {len(targets)}: name it with --targets.")
    if options.classes is not None:
        return options.classes
    return bool(words) or built_in or (options.error == "cross-entropy" and len(targets) == 1)


def _output(options: Options, classes: bool, built_in: bool, targets: int) -> tuple[str, str]:
    """The output map and the error function, where not given: those that suit the targets."""
    output_theta, error = options.output_theta, options.error
    if output_theta is None:
        if built_in and error is None:
            output_theta = "tanh"  # the lecture's
        elif classes:
            output_theta = "tanh" if error == "squared" else "softmax"
        else:
            output_theta = "logistic" if error == "cross-entropy" else "identity"
    if error is None:
        probability = output_theta == "softmax" or (output_theta == "logistic" and classes)
        error = "cross-entropy" if probability else "squared"
    return output_theta, error


@dataclass
class Assembly:
    """All that a training needs. Replicated, except the examples of each rank.

    options: those that were given, with an optimizer; why: a sentence on why this one, if none was named.
    """

    plan: Plan
    model: Model
    examples: Examples
    objective: Objective
    options: Options
    why: str | None

    def begin(self) -> Progress:
        """Progress before the first iteration, with the weights of the network. Collective, replicated."""
        return begin(self.objective, optimizer(self.options), self.model.network.w, self.options.window)

    def iterations(self, progress: Progress, until: Criterion | None = None) -> Iterator[Record]:
        """The loop of `distnn.training.loop`, as the options say; until: instead of their criteria. Collective."""
        options = self.options
        until = until or criterion(options)
        every, check_every = options.evaluate_every, options.check_every
        return train(self.objective, optimizer(options), until, progress, every, check_every)


def assemble(options: Options, source: Source, ranks: Ranks, network: Network | None = None) -> Assembly:
    """Read the data, make the network with its initial weights, and the objective. Collective. UserError for bad data.

    network: one to train instead of a new one, with the weights that it has.
    """
    planned = plan(options, source)
    Network([1, *options.hidden, 1], options.theta, planned.output_theta)  # refuses before anything is read
    wishes = Wishes(
        planned.output_theta,
        planned.classes,
        options.standardise,
        planned.standardise_targets,
        options.validation,
        options.seed,
    )
    preparation, examples = load(source, planned.columns, planned.cut, wishes, options.dtype, ranks)
    if planned.error == "cross-entropy" and not planned.classes:
        _require_probabilities(source, examples, ranks)
    d = [len(planned.columns.inputs), *options.hidden, preparation.d_out]
    if network is None and options.start is not None and not options.resume:
        network = _started(options.start, Network(d, options.theta, planned.output_theta), preparation, ranks)
    elif network is None:
        network = Network(d, options.theta, planned.output_theta).initialise(options.seed, options.sigma)
    elif list(network.d) != d:
        raise UserError(f"The network has the architecture {list(network.d)}, but the data needs {d}.")
    with ranks.sharing_errors():  # DISTNN_FUSED may be bad on one of them
        backpropagation = Backpropagation(network, planned.error, np.dtype(options.dtype))
    backpropagation.require_derivatives()
    objective = Objective(
        backpropagation,
        examples,
        ranks,
        options.reduction,
        options.weight_decay,
        options.batch_size,
        options.seed,
        options.sampling,
    )
    held_out = {"share": options.validation, "seed": options.seed}
    model = Model(network, preparation, planned.error, options.dtype, held_out)
    options, why = with_optimizer(options, network.w.size, planned.error, preparation.d_out)
    return Assembly(planned, model, examples, objective, options, why)


def _started(path: str, network: Network, preparation: Preparation, ranks: Ranks) -> Network:
    """The network that computes what the model at `path` computes. Collective. UserError if that is of another kind.

    The model has seen inputs and targets standardised by another table's mean and deviation: its weights are changed
    to suit this one's. Only targets standardised for an output that is not the identity cannot be made up for.
    """
    model: Model = on_root(ranks, lambda: load_model(path))
    was = model.preparation
    for what, its, needed in (
        ("architecture", list(model.network.d), list(network.d)),
        ("activation", model.network.theta, network.theta),
        ("output", model.network.output_theta, network.output_theta),
        ("inputs", list(was.inputs), list(preparation.inputs)),
        ("targets", list(was.targets), list(preparation.targets)),
        ("classes", _names(was), _names(preparation)),
    ):
        if its != needed:
            raise UserError(f"--start {path}: that model has the {what} {its}, and this training {needed}.")
    network.w[:] = model.network.w
    W = network.W
    factor, offset = was.input_scaling.relative_to(preparation.input_scaling)
    W[0][0] += offset @ W[0][1:]
    W[0][1:] *= factor[:, None]
    if was.target_scaling and preparation.target_scaling and network.output_theta == "identity":
        factor, offset = preparation.target_scaling.relative_to(was.target_scaling)
        W[-1] *= factor
        W[-1][0] += offset
    return network


def _names(preparation: Preparation) -> list[str]:
    return list(preparation.classes.names) if preparation.classes else []


def _require_probabilities(source: Source, examples: Examples, ranks: Ranks) -> None:
    with ranks.sharing_errors():
        for block in (*examples.blocks, *examples.validation):
            if block.y.min() < 0 or block.y.max() > 1:
                raise UserError(
                    f"{source.path}: --error cross-entropy needs targets between 0 and 1, or one column of classes; "
                    f"found {float(block.y.min() if block.y.min() < 0 else block.y.max()):g}."
                )
