"""What is going to be trained: what the options leave open, decided by the data."""

from __future__ import annotations

from dataclasses import dataclass

from distnn.data.loading import Recipe
from distnn.data.rows import Columns
from distnn.data.tables import ExclusiveOr, Source, column_numbers
from distnn.errors import UserError
from distnn.kernels.blocks import Cut, cut
from distnn.network.error_functions import OUTPUTS_OF, takes_probabilities
from distnn.runs.options import Options


@dataclass(frozen=True)
class Plan:
    """What is going to be trained, before any row is read but the first. Replicated.

    recipe: how the table is prepared; cut: its rows in blocks; error: name of the error function; d_out: d^(L), or None
    while the number of classes is not known.
    """

    recipe: Recipe
    cut: Cut
    error: str
    d_out: int | None


def plan(options: Options, source: Source) -> Plan:
    """Decide by the data what the options leave open. Local, replicated result. UserError if they contradict it."""
    columns = _columns(options, source)
    built_in = isinstance(source, ExclusiveOr)
    classes = _are_classes(options, source, columns.targets, built_in)
    output_theta, error = output(options, classes, built_in)
    standardise_targets = options.standardise_targets
    if standardise_targets is None:
        standardise_targets = not classes and output_theta == "identity"
    recipe = Recipe(
        columns=columns,
        output_theta=output_theta,
        classes=classes,
        standardise=options.standardise,
        standardise_targets=standardise_targets,
        validation=options.validation,
        seed=options.seed,
    )
    blocks = cut(source.n, [len(columns.inputs), *options.hidden], options.dtype)
    return Plan(recipe, blocks, error, _outputs(recipe, built_in))


def _columns(options: Options, source: Source) -> Columns:
    """The columns of inputs, targets and weight: inputs are those that are nothing else."""
    targets = column_numbers(source, options.targets) if options.targets else source.default_targets()
    if not targets:
        raise UserError(f"{source.path}: there is nothing to learn without targets: give Y, or --targets.")
    if options.weights is not None:
        weight: int | None = column_numbers(source, [options.weights])[0]
    else:
        weight = source.default_weights()
    inputs = tuple(j for j in range(len(source.columns)) if j not in targets and j != weight)
    if weight in targets:
        raise UserError(f"{source.path}: column {source.columns[weight]} cannot be target and weight at once.")
    if not inputs:
        raise UserError(f"{source.path}: no column is left for the inputs beside targets and weights.")
    return Columns(inputs, targets, weight)


def _are_classes(options: Options, source: Source, targets: tuple[int, ...], built_in: bool) -> bool:
    words = [source.columns[j] for j in targets if source.is_word(j)]
    if options.classes is False and words:
        raise UserError(f"{source.path}: the target column {words[0]} holds words, which can only be classes.")
    if options.classes and len(targets) > 1:
        raise UserError(f"--classes needs one target column, and there are {len(targets)}: name it with --targets.")
    if options.classes is not None:
        return options.classes
    return bool(words) or built_in or (takes_probabilities(options.error) and len(targets) == 1)


def output(options: Options, classes: bool, built_in: bool = False) -> tuple[str, str]:
    """The output map and the error function, where not given: those that suit the targets. Local."""
    output_theta, error = options.output_theta, options.error
    if output_theta is None:
        if built_in and error is None:
            output_theta = "tanh"  # the lecture's
        else:
            output_theta = OUTPUTS_OF[error or ("cross-entropy" if classes else "squared")][classes]
    if error is None:
        probability = output_theta == "softmax" or (output_theta == "logistic" and classes)
        error = "cross-entropy" if probability else "squared"
    return output_theta, error


def _outputs(recipe: Recipe, built_in: bool) -> int | None:
    """d^(L), where it is known before the rows are read."""
    if not recipe.classes:
        return len(recipe.columns.targets)
    if built_in:
        return 2 if recipe.output_theta == "softmax" else 1
    return None
