"""What is known of an iteration: `Record`, each field of which says how it is measured, and how it ends a training.

To add a criterion: a field here, annotated with its `Quantity`. It is then measured after each iteration, logged, kept
in checkpoints, understood by --stop, and has the option that its `Limit` describes, with its words in --help.
"""

# No annotations of the future here: those of a record hold functions, which must know this module.

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import numpy as np

from distnn.kernels.algebra import distance, norm
from distnn.optimizers import Optimizer, State
from distnn.training.objective import Objective

EPSILON = 2.0**-52
FIRST = "first E_in"  # in the memory of moments


class Limit(NamedTuple):
    """An option that ends a training by a quantity: `quantity sign value`.

    words: for --help. never: the value with which it never does, as it does not where there is none. own: the attribute
    of the optimizer that is the value where none is given; without one, `never` is. kind, least: of the value.
    """

    option: str
    sign: str
    words: str
    never: float | None = None
    own: str = ""
    kind: type = float
    least: int | None = 0

    @property
    def default(self) -> float | None:
        """Of the option."""
        return None if self.own else self.never


class Quantity(NamedTuple):
    """How a quantity is measured, what to try next where it ended a training, and the option by which it does.

    measure: collective, and replicated; it must not change anything. Without advice no criterion is made of it.
    effort: is it what the training may cost, so that it is unfinished where this ended it?
    """

    measure: Callable[["Moment"], Any]
    advice: str = ""
    limit: Limit | None = None
    effort: bool = False


@dataclass(slots=True)
class Moment:
    """An iteration that was just made, from which its record is measured. Replicated.

    t, state: of the iteration, made by the optimizer. before, w_before: record and weights of the one before, None at
    the first. window: the values of E_in before, newest last, at most `--window` + 1. best_t, best_E_val: where the
    best weights before were found, and their E_val. evaluates: is E_in over all of D known of this iteration? began:
    when the training did, by the ranks' clock. memory: what a measure keeps for the next iteration, by a name of its
    own, as floats; a measure may change it. known: what has been measured so far, in the order of the record's fields.
    """

    t: int
    state: State
    objective: Objective
    optimizer: Optimizer
    before: "Record | None"
    w_before: np.ndarray | None
    window: deque[float]
    best_t: int
    best_E_val: float
    evaluates: bool
    began: float
    memory: dict[str, tuple[float, ...]] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)


def _E_in(now: Moment) -> float:
    """E_in over all of D; of a stochastic optimizer, that at its last evaluation."""
    if now.before is not None and not now.evaluates:
        return now.before.E_in
    E = now.objective.error(now.state.w) if now.optimizer.stochastic else now.state.E
    now.memory.setdefault(FIRST, (E,))
    return E


def _plateau(now: Moment) -> int:
    """N more where the lowest and the highest of N values of E_in are those of the N before, to N ε; else 0 again.

    So does a training end that goes round in circles; one that has leapt up, and now falls from there, does not.
    """
    before = 0 if now.before is None else now.before.plateau
    if not now.evaluates:
        return before
    E, N = now.known["E_in"], now.optimizer.plateau
    count, low, high, *last = now.memory.get("plateau", (0.0, math.inf, -math.inf, math.nan, math.nan))
    count, extremes = count + 1, (min(low, E), max(high, E))
    if count < N:
        now.memory["plateau"] = (count, *extremes, *last)
        return before
    now.memory["plateau"] = (0.0, math.inf, -math.inf, *extremes)
    same = all(abs(new - old) <= N * EPSILON * abs(old) for new, old in zip(extremes, last, strict=True))
    return before + N if same else 0


def _improvement(now: Moment) -> float:
    iterations = (now.window.maxlen or 1) - 1
    if len(now.window) < iterations or not (was := now.window[-iterations]):
        return math.nan
    return (was - now.known["E_in"]) / abs(was)


def _stale(now: Moment) -> int:
    """0 where these are the best weights so far: finite ones and, with validation, those with the lowest E_val."""
    known = now.known
    numbers = (known["E_in"], known["gradient_norm"], *(() if now.before is None else (known["step"],)))
    better = all(map(math.isfinite, numbers))
    if now.objective.examples.validation_rows:
        better = better and known["E_val"] < now.best_E_val
    return 0 if better else now.t - now.best_t


def _speed(now: Moment) -> float:
    passes, elapsed = now.objective.evaluations, now.known["seconds"]
    if now.before is not None:
        passes, elapsed = passes - now.before.evaluations, elapsed - now.before.seconds
    return passes * now.objective.examples.rows / elapsed if elapsed > 0 else math.nan


@dataclass(frozen=True, slots=True)
class Record:
    """What is known after iteration t. Replicated. NaN: not known (yet). Errors are means over examples.

    improvement: (E_in(t - window) - E_in(t)) / |E_in(t - window)|. gradient_norm: Euclidean, of G. step: Euclidean
    length of the last change of w. plateau: iterations over which E_in has come back to what it was; of a stochastic
    optimizer, evaluations of E_in. stale: iterations since the lowest E_val. evaluations: passes over D. seconds: since
    the training began, earlier parts of a resumed one included. gamma, evidence: of Bayesian regularisation, γ and the
    natural logarithm of the evidence, as `optimizers.bayesian.BayesianState` has them.
    """

    t: Annotated[
        int,
        Quantity(
            lambda now: now.t,
            "If E_in was still falling, go on with --resume and a higher --max-iterations.",
            Limit(
                "max_iterations",
                ">=",
                "Stop after this many iterations. Default: 1000, or 100 for the optimizers that solve for their steps.",
                own="iterations",
                kind=int,
            ),
            effort=True,
        ),
    ]
    E_in: Annotated[
        float,
        Quantity(
            _E_in,
            "The goal is reached. Check the error on data that was held out: --validation 0.1.",
            Limit("goal", "<=", "Stop when E_in is at most this.", least=None),
        ),
    ]
    E_val: Annotated[
        float,
        Quantity(
            lambda now: now.objective.validation_error(now.state.w),
            "The goal is reached on the examples held out.",
        ),
    ] = math.nan
    gradient_norm: Annotated[
        float,
        Quantity(
            lambda now: norm(now.state.G),
            "This is a minimum, or a plateau: other --seed values may find a lower one.",
            Limit("min_gradient", "<=", "Stop when the gradient's norm is at most this.", 0.0),
        ),
    ] = math.nan
    step: Annotated[
        float,
        Quantity(
            lambda now: math.nan if now.w_before is None else distance(now.state.w, now.w_before),
            "The steps have become tiny: a minimum, a plateau, or a learning rate that is too small.",
            Limit("min_step", "<=", "Stop when a step changes w by at most this.", 0.0),
        ),
    ] = math.nan
    improvement: Annotated[
        float,
        Quantity(
            _improvement,
            "E_in hardly falls any more: try another --optimizer, --eta or --seed, or more --hidden units.",
            Limit(
                "min_improvement",
                "<=",
                "Stop when E_in fell by less than this share of itself over --window iterations.",
                0.0,
            ),
        ),
    ] = math.nan
    plateau: Annotated[
        int,
        Quantity(
            _plateau,
            "E_in no longer changes, to the accuracy of the arithmetic: other --seed values may find a lower one.",
            Limit(
                "plateau",
                ">=",
                "Stop when E_in has not got anywhere for this many iterations, to its last bits. 0: never. "
                "Default: 5 to 100, by the optimizer.",
                0,
                own="plateau",
                kind=int,
            ),
        ),
    ] = 0
    stale: Annotated[
        int,
        Quantity(
            _stale,
            "E_val no longer falls: the best weights were kept. More data or --weight-decay may lower it further.",
            Limit(
                "patience",
                ">=",
                "Stop when E_val has not fallen for this many iterations. 0: never. Default: 10 to 200, by the "
                "optimizer; 10 passes over D for stochastic ones. The weights with the lowest E_val are kept anyway.",
                0,
                own="patience",
                kind=int,
            ),
        ),
    ] = 0
    evaluations: Annotated[
        float,
        Quantity(
            lambda now: now.objective.evaluations,
            "If E_in was still falling, go on with --resume and more evaluations.",
            Limit("max_evaluations", ">=", "Stop after this many passes over D."),
            effort=True,
        ),
    ] = 0.0
    seconds: Annotated[
        float,
        Quantity(
            lambda now: now.objective.ranks.now - now.began,
            "The time is used up: go on with --resume and more --max-seconds.",
            Limit("max_seconds", ">=", "Stop after this many seconds, with a checkpoint."),
            effort=True,
        ),
    ] = 0.0
    examples_per_second: Annotated[float, Quantity(_speed)] = math.nan
    gamma: Annotated[float, Quantity(lambda now: getattr(now.state, "gamma", math.nan))] = math.nan
    evidence: Annotated[float, Quantity(lambda now: getattr(now.state, "evidence", math.nan))] = math.nan


def _quantities() -> dict[str, Quantity]:
    hints = get_type_hints(Record, include_extras=True)
    return {name: get_args(hints[name])[1] for name in Record.__slots__}


QUANTITIES = _quantities()
ADVICE = {name: quantity.advice for name, quantity in QUANTITIES.items() if quantity.advice}


def measure(now: Moment) -> Record:
    """The record of an iteration: its quantities, one after another. Collective, replicated."""
    known = now.known
    for name, quantity in QUANTITIES.items():
        known[name] = quantity.measure(now)
    return Record(*known.values())
