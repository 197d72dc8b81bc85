"""What is going to be trained: what the options leave open, decided by the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from distnn.data.columns import Columns
from distnn.data.encoding import TRANSFORMS, Encoding, widths
from distnn.data.folds import Lot
from distnn.data.kinds import KINDS, Column, encoding, holds_classes
from distnn.data.loading import Recipe
from distnn.data.selection import assigned, select
from distnn.data.survey import Survey, head
from distnn.data.tables import ExclusiveOr, Source, column_numbers
from distnn.data.tables.dialect import is_number
from distnn.data.tables.source import Missing, listed, quoted
from distnn.declared import flag
from distnn.errors import UserError
from distnn.kernels.blocks import Cut, cut, gpu_cut
from distnn.network.error_functions import OUTPUTS_OF, takes_probabilities
from distnn.network.weights import weight_count
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import Ranks
from distnn.runs.options import Options, with_optimizer

OF_TABLE = ("inputs", "ignore", "types", "missing", "transform", "folds_by")  # beside those that `check` knows
COSTLY = 5e9  # n d^(L) |W|²: up to this, what has JᵀJ made may be chosen; such tables have many blocks anyway


@dataclass(frozen=True)
class Plan:
    """What is going to be trained, before the rows are read for training. Replicated.

    recipe: how the table is prepared; cut: its rows in blocks; error: name of the error function; d_out: d^(L), or None
    while the number of classes is not known.
    """

    recipe: Recipe
    cut: Cut
    error: str
    d_out: int | None

    @property
    def d_in(self) -> int:
        """d^(0)."""
        return widths(self.recipe.columns.encodings)


def plan(options: Options, source: Source, columns: Columns, survey: Survey) -> Plan:
    """Decide by the data what the options leave open. Local, replicated result. UserError if they contradict it.

    columns: those of `choose_columns`; survey: what they hold.
    """
    built_in = isinstance(source, ExclusiveOr)
    forced = forced_kinds(options, source)
    transforms = assigned(source, options.transform, "--transform", _transform)
    found = {j: Column(source, j, survey.found[j], forced.get(j)) for j in (*columns.inputs, *columns.targets)}
    classes = _are_classes(options, source, [found[j] for j in columns.targets], built_in)
    for j in transforms:
        if j not in columns.inputs and (classes or j not in columns.targets):
            raise UserError(f"--transform {source.columns[j]}: it is no column of numbers that is trained with.")
    columns = replace(
        columns,
        encodings=tuple(_encoding(options, found[j], transforms.get(j)) for j in columns.inputs),
        classes=classes,
        transforms=() if classes else tuple(transforms.get(j) for j in columns.targets),
    )
    output_theta, error = output(options, classes, built_in)
    standardise_targets = options.standardise_targets
    if standardise_targets is None:
        standardise_targets = not classes and output_theta == "identity"
    if options.class_weights and not classes:
        raise UserError("--class-weights needs a target of classes: add --classes.")
    recipe = Recipe(
        columns=columns,
        output_theta=output_theta,
        standardise=options.standardise,
        standardise_targets=standardise_targets,
        validation=options.validation or 0.0,
        test=options.test,
        seed=options.seed,
        classes_asked=bool(options.classes) or built_in or any(j in forced for j in columns.targets),
        class_weights=tuple(options.class_weights),
        lot=lot(options),
        bootstrap=(options.only or 0) if options.bootstrap else None,
    )
    d, d_out = [widths(columns.encodings), *options.widths], _outputs(recipe, built_in)
    if options.device == "gpu":
        blocks = gpu_cut(source.n, d, options.dtype)
    else:
        blocks = cut(source.n, d, options.dtype, squares=_has_squares(options, source.n, d, error, d_out))
    return Plan(recipe, blocks, error, d_out)


def lot(options: Options) -> Lot | None:
    """The fold that is kept for the test, in a cross-validation; of one that is only looked at the first. Local."""
    return Lot(options.folds, options.only or 0, options.seed, options.folds_by) if options.folds else None


def first_look(options: Options, source: Source, ranks: Ranks) -> tuple[Columns, Survey]:
    """The columns, and what their first rows hold. Collective, replicated. UserError for columns that there are not."""
    columns = choose_columns(options, source)
    words = [j for j, kind in forced_kinds(options, source).items() if kind != "numbers"]
    return columns, head(source, (*columns.inputs, *columns.targets), columns.missing, ranks, words, columns.weight)


def choose_columns(options: Options, source: Source) -> Columns:
    """The columns of inputs, targets and weight: inputs are those that are nothing else. Local, replicated result."""
    if isinstance(source, ExclusiveOr) and (given := [name for name in OF_TABLE if getattr(options, name)]):
        raise UserError(
            f"{flag(given[0])} is for a table of your own: give it first, as in train table.csv --targets y."
        )
    weight = select(source, [options.weights])[0] if options.weights is not None else source.default_weights()
    targets = select(source, options.targets) if options.targets else _last_but(weight, source)
    if not targets:
        raise UserError(f"{source.path}: there is nothing to learn without targets: give Y.")
    if weight in targets:
        raise UserError(f"{source.path}: column {source.columns[weight]} cannot be target and weight at once.")
    ignored = set(select(source, options.ignore))
    if options.folds_by is not None:
        by = column_numbers(source, [options.folds_by])[0]
        if by in targets or by == weight:
            raise UserError(f"--folds-by {options.folds_by}: it is a column of targets or weights.")
        ignored |= set() if options.inputs else {by}
    if not ignored.isdisjoint(targets):
        raise UserError(f"--ignore leaves out the target {source.columns[min(ignored & set(targets))]}.")
    for word in options.inputs:
        if {weight, *targets} >= set(select(source, [word])):
            raise UserError(f"--inputs {word}: it is a column of targets or weights, and so no input.")
    chosen = select(source, options.inputs) if options.inputs else _all_but(source.columns, source.aside)
    inputs = tuple(j for j in chosen if j not in targets and j != weight and j not in ignored)
    if not inputs:
        one = " It has one column: say what stands between fields with --delimiter."
        hint = one if len(source.columns) == 1 and source.kind(0) is None else ""
        raise UserError(f"{source.path}: no column is left for the inputs beside targets and weights.{hint}")
    names = [source.columns[j] for j in (*inputs, *targets, *([] if weight is None else [weight]))]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(
            f"{source.path} has {names.count(twice)} columns of the name {quoted(twice)}: the model could not tell "
            "them apart in another table. Rename one of them, or leave it out by its number with --ignore."
        )
    leave_out = ["targets"] * (bool(options.missing) or options.impute == "drop") + ["inputs"] * (
        options.impute == "drop"
    )
    return Columns(inputs, tuple(targets), weight, missing=_missing(options), leave_out=tuple(leave_out))


def _last_but(weight: int | None, source: Source) -> tuple[int, ...]:
    """The source's own targets; where its last column holds the weights, the one before it."""
    targets = source.default_targets()
    if targets != (weight,):
        return targets
    return tuple(j for j in _all_but(source.columns, source.aside) if j != weight)[-1:]


def _all_but(columns: Sequence[str], aside: frozenset[int]) -> list[int]:
    return [j for j in range(len(columns)) if j not in aside]


def forced_kinds(options: Options, source: Source) -> dict[int, str]:
    """The kinds of columns that --types says, by number. Local."""
    return assigned(source, options.types, "--types", _kind)


def _missing(options: Options) -> Missing:
    if not options.missing:
        return Missing()
    numbers = [float(word) for word in options.missing if is_number(word)]
    return Missing(frozenset(options.missing), tuple(number for number in numbers if number == number))


def _kind(word: str) -> str:
    if word not in KINDS:
        raise UserError(f"--types: {quoted(word)} is no kind of column; choose from {', '.join(KINDS)}.")
    return word


def _transform(word: str) -> str:
    if word not in TRANSFORMS:
        raise UserError(f"--transform: {quoted(word)} is no known function; choose from {', '.join(TRANSFORMS)}.")
    return word


def _encoding(options: Options, column: Column, transform: str | None) -> Encoding:
    found = encoding(column, options.categories)
    if transform is not None and found.kind != "numbers":
        raise UserError(f"--transform {column.name}={transform}: that column holds {found.kind}.")
    if options.impute in ("mean", "median", "constant"):
        found = replace(
            found,
            fill=options.fill if options.impute == "constant" else 0.0,  # a mean or median comes in its place
            indicator=options.indicator and column.found.missing > 0,
        )
    return replace(found, transform=transform)


def _are_classes(options: Options, source: Source, targets: list[Column], built_in: bool) -> bool:
    if options.classes and len(targets) > 1:
        return True  # one of them is 1 in each row
    words = [] if options.classes else [target for target in targets if holds_classes(target)]
    if options.classes is False and words:
        raise UserError(f"{source.path}: the target column {words[0].name} holds words, which can only be classes.")
    if words and len(targets) > 1:
        raise UserError(
            f"{source.path}: the target column {words[0].name} holds words, and there are {len(targets)} target "
            f"columns ({listed(target.name for target in targets)}). Leave out the others (--targets {words[0].name})."
        )
    if options.classes is not None:
        return options.classes
    if any(target.forced == "numbers" for target in targets):
        return False
    if len(targets) > 1:
        return bool(words) or built_in
    return bool(words) or built_in or targets[0].number in source.categories or takes_probabilities(options.error)


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


def _has_squares(options: Options, n: int, d: Sequence[int], error: str, d_out: int | None) -> bool:
    """Will the optimizer have JᵀJ made? d: without the output layer. False where d^(L) is not known, or much is to do.

    The answer is to be the same whether an optimizer is named or chosen, since a run that is resumed names it; and it
    is chosen by the rows left for training, which are not known yet.
    """
    if d_out is None or n * d_out * weight_count([*d, d_out]) ** 2 > COSTLY:
        return False
    chosen, _ = with_optimizer(options, weight_count([*d, d_out]), error, d_out, rows=n)
    return chosen.optimizer is not None and OPTIMIZERS[chosen.optimizer].squares


def _outputs(recipe: Recipe, built_in: bool) -> int | None:
    """d^(L), where it is known before the rows are read."""
    if not recipe.columns.classes:
        return len(recipe.columns.targets)
    if built_in:
        return 2 if recipe.output_theta == "softmax" else 1
    return None
