"""The options of a training: one typed definition, from which flags, TOML file and help are made.

Each field is annotated with its group and with the words that --help shows. Settings of optimizers are not listed
here: they are the fields of the optimizers themselves.
"""

# mypy: disable-error-code="valid-type"

from __future__ import annotations

import math
import numbers
import typing
from dataclasses import dataclass, fields, make_dataclass, replace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from distnn.command_line.arguments import to_toml
from distnn.data.sampling import SAMPLING
from distnn.errors import UserError
from distnn.network.activations import ACTIVATIONS
from distnn.network.error_functions import ERROR_FUNCTIONS
from distnn.optimizers import OPTIMIZERS, Optimizer, choose
from distnn.parallel.reduction import REDUCTIONS
from distnn.training.termination import Criterion, any_of, compare, parse

NUMBERS: dict[type, type] = {int: numbers.Integral, float: numbers.Real}
OUTPUTS = tuple(dict.fromkeys(name for outputs in ERROR_FUNCTIONS.values() for name in outputs))


# The groups that --help shows, in its order.
DATA, NETWORK, TRAINING, SETTINGS, STOPPING, RUN, ACTIONS = (
    "Data",
    "Network and error",
    "Training",
    "Settings of optimizers",
    "When to stop",
    "Run and files",
    "Instead of training",
)


NOT_STORED = ("out", "overwrite", "resume", "print_config", "dry_run", "quiet")  # in the options.toml of a run


@dataclass(frozen=True, kw_only=True)
class BaseOptions:
    """All options of a training except the settings of optimizers. None: decided by the data, as the help says."""

    data: Annotated[
        str | None,
        DATA,
        "Table to learn from, an example a row: .csv, .npy or .npz. Default: a built-in one, the exclusive-or.",
    ] = None
    targets: Annotated[
        tuple[str, ...],
        DATA,
        "Columns to predict, by name or number (from 0; -1 is the last). Default: the last column, or Y of an .npz.",
    ] = ()
    weights: Annotated[
        str | None,
        DATA,
        "Column that holds a weight (0 or more) for each example.",
    ] = None
    classes: Annotated[
        bool | None,
        DATA,
        "Targets are classes. Default: if they are words, or with --error cross-entropy.",
    ] = None
    header: Annotated[
        bool | None,
        DATA,
        "The first line of a CSV file names its columns. Default: if none of its fields is a number.",
    ] = None
    examples: Annotated[
        int,
        DATA,
        "Number of examples of the built-in data set.",
    ] = 10_000
    validation: Annotated[
        float,
        DATA,
        "Share of the rows to hold out, chosen by --seed and row number, to compute E_val on.",
    ] = 0.0
    standardise: Annotated[
        bool,
        DATA,
        "Standardise inputs to mean 0 and deviation 1 over all of D.",
    ] = True
    standardise_targets: Annotated[
        bool | None,
        DATA,
        "Standardise targets too. Default: in a regression with identity output.",
    ] = None

    hidden: Annotated[
        tuple[int, ...],
        NETWORK,
        "Widths of the hidden layers; --hidden with no number: none.",
    ] = (16, 16)
    theta: Annotated[
        Literal[tuple(ACTIVATIONS)],
        NETWORK,
        "Activation θ of the hidden layers.",
    ] = "tanh"
    output_theta: Annotated[
        Literal[OUTPUTS] | None,
        NETWORK,
        "Activation of the output layer. Default: softmax for classes, tanh for the built-in data, or identity.",
    ] = None
    error: Annotated[
        Literal[tuple(ERROR_FUNCTIONS)] | None,
        NETWORK,
        "Error function. Default: cross-entropy with a softmax or (for classes) logistic output, squared otherwise.",
    ] = None
    weight_decay: Annotated[
        float,
        NETWORK,
        "λ: adds λ Σ W² to E_in, bias rows left out.",
    ] = 0.0
    sigma: Annotated[
        float | None,
        NETWORK,
        "Deviation σ of the initial weights N(0, σ²). Default: 1/sqrt(d^(l-1)+1) in layer l.",
    ] = None
    start: Annotated[
        str | None,
        NETWORK,
        "Begin with what this model computes, a run's directory or a file, instead of random weights.",
    ] = None
    seed: Annotated[
        int,
        NETWORK,
        "Seed of the initial weights, of the picks and of the rows held out. The same on every number of ranks.",
    ] = 0
    dtype: Annotated[
        Literal["float64", "float32"],
        NETWORK,
        "Arithmetic. Sums over examples and the weights themselves are float64 in any case.",
    ] = "float64"

    optimizer: Annotated[
        Literal[tuple(OPTIMIZERS)] | None,
        TRAINING,
        "How to step. Default: the first that has the settings given; without any, by |W| and error function.",
    ] = None
    batch_size: Annotated[
        int,
        TRAINING,
        "Examples a step, for stochastic optimizers, drawn by --seed and t.",
    ] = 1
    sampling: Annotated[
        Literal[tuple(SAMPLING)],
        TRAINING,
        "How stochastic optimizers draw: with replacement, or in epochs, each example once in shuffled order.",
    ] = "replacement"
    evaluate_every: Annotated[
        int,
        TRAINING,
        "Steps between evaluations of E_in over all of D, for stochastic optimizers. 0: once per pass over D.",
    ] = 0
    restarts: Annotated[
        int,
        TRAINING,
        "Train this many times, from the seeds --seed, --seed + 1, …, and keep the best.",
    ] = 1
    reduction: Annotated[
        Literal[tuple(REDUCTIONS)],
        TRAINING,
        "Sum over ranks: exact gives the same bits for every number of ranks; plain, a few percent faster, does not.",
    ] = "exact"
    threads: Annotated[
        int,
        TRAINING,
        "BLAS threads a rank. One rank a core with 1 thread is fastest.",
    ] = 1

    max_iterations: Annotated[
        int | None,
        STOPPING,
        "Stop after this many iterations. Default: 1000, or 100 for the optimizers that solve for their steps.",
    ] = None
    min_improvement: Annotated[
        float,
        STOPPING,
        "Stop when E_in fell by less than this share of itself over --window iterations.",
    ] = 0.0
    window: Annotated[
        int,
        STOPPING,
        "Iterations over which the improvement is taken.",
    ] = 100
    goal: Annotated[
        float | None,
        STOPPING,
        "Stop when E_in is at most this.",
    ] = None
    min_gradient: Annotated[
        float,
        STOPPING,
        "Stop when the gradient's norm is at most this.",
    ] = 0.0
    patience: Annotated[
        int | None,
        STOPPING,
        "Stop when E_val has not fallen for this many iterations. The weights with the lowest E_val are kept.",
    ] = None
    min_step: Annotated[
        float,
        STOPPING,
        "Stop when a step changes w by at most this.",
    ] = 0.0
    max_evaluations: Annotated[
        float | None,
        STOPPING,
        "Stop after this many passes over D.",
    ] = None
    max_seconds: Annotated[
        float | None,
        STOPPING,
        "Stop after this many seconds, with a checkpoint.",
    ] = None
    stop: Annotated[
        str | None,
        STOPPING,
        "More criteria, such as 't >= 1000 and improvement < 1e-6 or E_in < 0.01'.",
    ] = None

    out: Annotated[
        str | None,
        RUN,
        "Directory of the run: options, metrics, checkpoints, model. Default: runs/ and the date and time.",
    ] = None
    overwrite: Annotated[
        bool,
        RUN,
        "Begin anew in a directory that holds a run already; that run is lost.",
    ] = False
    resume: Annotated[
        bool,
        RUN,
        "Go on from the newest checkpoint in --out, on any number of ranks, with that run's options.",
    ] = False
    checkpoint_every: Annotated[
        int,
        RUN,
        "Iterations between checkpoints. 0: by time only.",
    ] = 0
    checkpoint_seconds: Annotated[
        float,
        RUN,
        "Seconds between checkpoints. 0: by iterations only.",
    ] = 300.0
    keep: Annotated[
        int,
        RUN,
        "Checkpoints kept, at least 2.",
    ] = 3
    check_every: Annotated[
        int,
        RUN,
        "Iterations between checks that all ranks still hold the same weights, also at the end. 0: never.",
    ] = 100
    watchdog: Annotated[
        float,
        RUN,
        "End the job when a rank was waited for longer than this many seconds. 0: never.",
    ] = 600.0
    elastic: Annotated[
        bool,
        RUN,
        "Where ranks die, go on with those that are left: Open MPI, mpirun --with-ft ulfm.",
    ] = False
    log_every: Annotated[
        int,
        RUN,
        "Iterations between lines of a log file. 0: at growing intervals.",
    ] = 0
    quiet: Annotated[
        bool,
        RUN,
        "Print errors only.",
    ] = False

    print_config: Annotated[
        bool,
        ACTIONS,
        "Print all options of this run as TOML, and do nothing else.",
    ] = False
    dry_run: Annotated[
        bool,
        ACTIONS,
        "Print what would run: shards, blocks, weights, memory, operations; and do nothing else.",
    ] = False


def _settings() -> list[tuple[str, Any, Any]]:
    """The settings of all optimizers as fields that are None unless given; the help names whose they are."""
    found: dict[str, tuple[Any, list[str]]] = {}
    for name, optimizer in OPTIMIZERS.items():
        hints = get_type_hints(optimizer, include_extras=True)
        for setting in fields(optimizer):  # type: ignore[arg-type]
            kind, words = get_args(hints[setting.name])
            text = found.setdefault(setting.name, (kind, [words]))[1]
            text.append(f"{name}: {setting.default}")
    return [
        (name, Annotated[kind | None, SETTINGS, f"{words} Default: {', '.join(of)}."], None)
        for name, (kind, (words, *of)) in found.items()
    ]


if typing.TYPE_CHECKING:
    Options = BaseOptions
else:
    Options = make_dataclass("Options", _settings(), bases=(BaseOptions,), frozen=True, kw_only=True)
    Options.__module__ = __name__  # so that it can be sent to other ranks


def check(options: Options) -> None:
    """Raise UserError, one sentence, for a value that makes no sense. Local."""
    at_least = {
        "examples": 1, "batch_size": 1, "evaluate_every": 0, "threads": 1, "max_iterations": 0, "window": 1,
        "min_improvement": 0, "min_step": 0, "max_evaluations": 0, "restarts": 1, "min_gradient": 0,
        "weight_decay": 0, "checkpoint_every": 0, "checkpoint_seconds": 0, "keep": 2, "log_every": 0, "seed": 0,
        "check_every": 0, "watchdog": 0, "patience": 1, "max_seconds": 0, "sigma": 0,
    }  # fmt: skip
    for name, hint in get_type_hints(type(options)).items():
        choices, chosen = _choices(hint), getattr(options, name)
        if choices and chosen is not None and chosen not in choices:
            raise UserError(f"{flag(name)} {chosen}: choose from {', '.join(choices)}.")
        if not choices and not _fits(chosen, hint):
            raise UserError(f"{flag(name)} {chosen!r} is of the wrong kind: give {_kind(hint)}.")
    for name, least in at_least.items():
        value = getattr(options, name)
        if value is not None and not (value >= least and math.isfinite(value)):
            raise UserError(f"{flag(name)} {value}: give a number of at least {least}.")
    if not 0 <= options.validation < 1:
        raise UserError(f"--validation {options.validation}: give a share of at least 0 and below 1, such as 0.1.")
    if options.hidden and min(options.hidden) < 1:
        raise UserError(f"--hidden {' '.join(map(str, options.hidden))}: every layer needs a width of at least 1.")
    if options.goal is not None and math.isnan(options.goal):
        raise UserError("--goal nan: give a number.")
    if options.seed >= 2**63:
        raise UserError(f"--seed {options.seed}: give a number below 2^63.")
    if options.patience and not options.validation:
        raise UserError("--patience needs examples to be held out: add --validation 0.1.")
    if options.resume and options.overwrite:
        raise UserError("--resume and --overwrite contradict each other: give one of them.")
    if options.start is not None and (options.restarts > 1 or options.sigma is not None):
        raise UserError("--start gives the weights to begin with: leave out --restarts and --sigma, which draw them.")
    if options.elastic and options.restarts > 1:
        raise UserError("--elastic carries one training on: give --restarts 1 with it.")
    if options.data is None and (options.targets or options.weights):
        raise UserError("--targets and --weights are for a table of your own: add --data FILE.")
    optimizer(options if options.optimizer else replace(options, optimizer=_having_settings(options)))
    criterion(options)


def _choices(hint: Any) -> tuple[str, ...]:
    """The values that a type allows, if it lists them."""
    kinds = [kind for kind in (hint, *get_args(hint)) if get_origin(kind) is Literal]
    return get_args(kinds[0]) if kinds else ()


def _fits(value: Any, kind: Any) -> bool:
    """Is the value of this type, or as good as? From the command line it is; from Python it need not be."""
    if get_origin(kind) is tuple:
        return isinstance(value, tuple | list) and all(_fits(item, get_args(kind)[0]) for item in value)
    if get_args(kind):
        return any(_fits(value, part) for part in get_args(kind))
    if kind in NUMBERS:
        return isinstance(value, NUMBERS[kind]) and not isinstance(value, bool)
    return isinstance(value, kind)


def _kind(kind: Any) -> str:
    """A type in words."""
    if get_origin(kind) is tuple:
        return f"a sequence of {get_args(kind)[0].__name__}"
    names = [part.__name__ for part in get_args(kind) or (kind,)]
    return " or ".join("None" if name == "NoneType" else name for name in names)


def group(name: str) -> str:
    """The group of an option."""
    return str(get_args(get_type_hints(Options, include_extras=True)[name])[1])


def stored(options: Options) -> str:
    """The options of a run as the text of its options.toml."""
    return to_toml(options, NOT_STORED)


def flag(name: str) -> str:
    """The flag of an option."""
    return "--" + name.replace("_", "-")


def with_optimizer(options: Options, weights: int, error: str, outputs: int) -> tuple[Options, str | None]:
    """The options with an optimizer and its iterations, and a sentence that says why this one, if it was not named.

    weights: |W|; error: name of the error function; outputs: d^(L). UserError if none has all settings given.
    """
    name, why = options.optimizer, None
    if name is None and (_given(options) or options.batch_size > 1):
        name = _having_settings(options)
        why = f"{name}, since it has the settings that were given."
    elif name is None:
        name, why = choose(weights, error, outputs)
    iterations = OPTIMIZERS[name].iterations if options.max_iterations is None else options.max_iterations
    return replace(options, optimizer=name, max_iterations=iterations), why


def _given(options: Options) -> dict[str, Any]:
    """The settings of optimizers that were given."""
    return {name: getattr(options, name) for name, _, _ in _settings() if getattr(options, name) is not None}


def _having_settings(options: Options) -> str:
    """The first optimizer that has all settings given; a stochastic one if there is a batch size."""
    for name, kind in OPTIMIZERS.items():
        has_all = _given(options).keys() <= {setting.name for setting in fields(kind)}  # type: ignore[arg-type]
        if has_all and (kind.stochastic or options.batch_size == 1):
            return name
    given = ", ".join(flag(name) for name in [*_given(options), *["batch_size"] * (options.batch_size > 1)])
    raise UserError(f"No optimizer has all of the settings {given}: name the one that you want by --optimizer.")


def optimizer(options: Options) -> Optimizer:
    """The optimizer with its settings. UserError if a setting was given that it does not have."""
    assert options.optimizer is not None  # see with_optimizer
    kind, given = OPTIMIZERS[options.optimizer], _given(options)
    own = {setting.name for setting in fields(kind)}  # type: ignore[arg-type]
    for name in given.keys() - own:
        having = [other for other, k in OPTIMIZERS.items() if name in {s.name for s in fields(k)}]  # type: ignore[arg-type]
        raise UserError(
            f"{flag(name)} is not a setting of the optimizer {options.optimizer}, but of: {', '.join(having)}."
        )
    return kind(**given)


def criterion(options: Options) -> Criterion:
    """When to stop, from all options that say so: any of them."""
    criteria = [] if options.max_iterations is None else [compare("t", ">=", options.max_iterations)]
    if options.goal is not None:
        criteria.append(compare("E_in", "<=", options.goal))
    if options.min_improvement:
        criteria.append(compare("improvement", "<=", options.min_improvement))
    if options.min_gradient:
        criteria.append(compare("gradient_norm", "<=", options.min_gradient))
    if options.min_step:
        criteria.append(compare("step", "<=", options.min_step))
    if options.max_evaluations is not None:
        criteria.append(compare("evaluations", ">=", options.max_evaluations))
    if options.patience:
        criteria.append(compare("stale", ">=", options.patience))
    if options.max_seconds is not None:
        criteria.append(compare("seconds", ">=", options.max_seconds))
    if options.stop:
        criteria.append(parse(options.stop))
    return any_of(*criteria)
