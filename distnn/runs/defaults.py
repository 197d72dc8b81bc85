"""What is chosen where nobody chose: how a training keeps from learning the noise of its rows by heart.

* Many rows for each weight: nothing, since there is little that could be learnt by heart.
* Numbers, and a network that Levenberg-Marquardt serves: Bayesian regularisation, a decay for each group of weights;
  where no --hidden was given, one hidden layer of 0, 2, 4, 8, … units, as long as the log evidence rises by 1, and
  E_val of a fifth of the rows, which is held out for this alone, falls.
* Else a weight decay of 3 / n: weights of N(0, 1/6) to begin with, as far as errors of rows go; for numbers, where it
  cannot know the noise, rows held out as well.

Who names an optimizer or a setting of one, a weight decay, rows to hold out or a goal, has chosen, and so has
--fit-exactly; the built-in exclusive-or has no noise. docs/decisions/defaults.md says what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from distnn.data.tables import ExclusiveOr, Source
from distnn.errors import UserError
from distnn.network.error_functions import is_sum_of_squares
from distnn.network.network import Network
from distnn.network.weights import weight_count
from distnn.optimizers.choice import LARGEST
from distnn.parallel.ranks import Ranks
from distnn.runs import assembly
from distnn.runs.assembly import Assembly
from distnn.runs.options import Options, is_chosen
from distnn.runs.plan import Plan
from distnn.runs.understanding import plan_alone
from distnn.training.termination import Reason, compare

PLENTY = 30  # rows a weight: what is learnt by heart is about 1 / 30 of the noise's variance
DECAY = 3.0  # λ n
HELD_OUT, FEW = 0.2, 100  # of fewer rows none are held out
ITERATIONS, TOLERANCE = 100, 1e-4  # of Bayesian regularisation: it settles, or is near enough
SURE = 500  # weights up to which error bars are stored unasked: at most 1 MB, and the time of an iteration
COSTLY = 1e9  # n d^(L) |W|², the operations of an iteration: networks beyond are not tried
BETTER = 1.0  # by which the log evidence has to rise for more units
LEAVE_OUT = "--fit-exactly leaves this out."


class Stopped(Exception):
    """A signal or the like stopped what chooses a network: nothing is chosen, and nothing to save. On all ranks."""

    def __init__(self, reason: Reason):
        super().__init__(reason.text)
        self.reason = reason


def assemble(
    options: Options,
    source: Source,
    ranks: Ranks,
    network: Network | None = None,
    start: Any = None,
    look: Callable[[int], object] = int,
) -> Assembly:
    """As `assembly.assemble`, once what was left open is chosen: its options say all of it. Collective.

    The choice takes a reading of the table, or a few trainings, where it has few rows for the network. look(units) is
    called on rank 0 after each iteration of these, and may raise `ranks.stop_request`: then Stopped is raised, or, if
    the time is used up, the best network so far is taken.
    """
    chosen, said = options, ""
    if not _has_chosen(options, source):
        planned = plan_alone(options, source, ranks)
        if not has_plenty(options, source, planned):
            searched = options.hidden is None and network is None and start is None and options.start is None
            if serves_evidence(options, source, planned):
                chosen, said = _by_evidence(options, source, ranks, searched, look)
            if not said:
                chosen, said = _with_decay(options, source, ranks, planned)
    made = assembly.assemble(chosen, source, ranks, network, start)
    if said:
        made.why = f"{made.why} {said}" if made.why else said
    return made


def foreseen(options: Options, source: Source, planned: Plan) -> tuple[Options, str]:
    """What `assemble` is going to choose, as far as the plan tells, and the words for it. Local."""
    if _has_chosen(options, source) or has_plenty(options, source, planned):
        return options, ""
    if serves_evidence(options, source, planned):
        units = "" if options.hidden is not None else "; one hidden layer, its units chosen by the evidence"
        return _bayesian(options, options.hidden), f", with a decay for each group of weights{units}"
    return replace(options, validation=_held_out(options, source, planned)), f", with a weight decay of {DECAY:g} / n"


def has_plenty(options: Options, source: Source, planned: Plan) -> bool:
    """Are there many rows for each weight? Local, replicated result."""
    return source.n >= PLENTY * weight_count([planned.d_in, *options.widths, planned.d_out or 2])


def serves_evidence(options: Options, source: Source, planned: Plan) -> bool:
    """Can the evidence decide, in a training of numbers that is small enough? Local, replicated result."""
    if not is_sum_of_squares(planned.error) or planned.recipe.columns.classes:
        return False
    if options.hidden is None:
        return _may_try(source.n, planned.d_in, 0, planned.d_out or 1)
    return _served(planned.d_in, options.hidden, planned.d_out or 1)


def _has_chosen(options: Options, source: Source) -> bool:
    return is_chosen(options) or isinstance(source, ExclusiveOr)


def _served(d_in: int, hidden: tuple[int, ...], d_out: int) -> bool:
    return weight_count([d_in, *hidden, d_out]) * d_out <= LARGEST


def _may_try(n: int, d_in: int, units: int, d_out: int) -> bool:
    hidden = (units,) if units else ()
    return _served(d_in, hidden, d_out) and n * d_out * weight_count([d_in, *hidden, d_out]) ** 2 <= COSTLY


def _bayesian(options: Options, hidden: tuple[int, ...] | None) -> Options:
    iterations = ITERATIONS if options.max_iterations is None else options.max_iterations
    settings = {"decays": "groups", "tolerance": TOLERANCE, "max_iterations": iterations}
    return replace(options, optimizer="bayesian", hidden=hidden, **settings)  # type: ignore[arg-type]


def _with_error_bars(options: Options, weights: int) -> Options:
    return replace(options, intervals="all") if options.intervals is None and weights <= SURE else options


def _by_evidence(
    options: Options, source: Source, ranks: Ranks, searched: bool, look: Callable[[int], object]
) -> tuple[Options, str]:
    """Bayesian regularisation, of the network with the highest evidence. Collective. "" where there is no evidence."""
    best, units, tried, ended = 0, 0, dict[int, tuple[float, float]](), ""
    held = HELD_OUT * (1 - options.test) if searched and source.n >= FEW else 0.0
    trial = replace(options, validation=held)
    if not options.folds:  # members of an ensemble are to have one network, also where each has drawn its rows
        trial = replace(trial, only=None, bootstrap=False)
    try:
        while True:
            hidden = ((units,) if units else ()) if searched else options.widths
            made = assembly.assemble(_bayesian(trial, hidden), source, ranks)
            if made.objective.n < made.examples.rows / 2:
                return options, ""  # weights that are no numbers of rows: then it does not know the noise
            if not searched:
                made.begin()
                chosen = _with_error_bars(_bayesian(options, hidden), made.model.network.w.size)
                return chosen, f"bayesian, a decay for each group of weights; {LEAVE_OUT}"
            d, judged = made.model.network.d, _judged(made, units, look)
            if judged is None:
                ended = ", as far as there was time"
                break
            tried[units] = judged
            if units and not _is_better(tried[units], tried[best]):
                break
            best, units = units, 2 * units or 2
            if not _may_try(source.n, d[0], units, d[-1]):
                break
    except UserError:
        return options, ""
    found = ", ".join(f"{count}: {evidence:.6g}" for count, (evidence, _) in tried.items()) or "none known"
    if held and tried:
        found += f"; E_val of {100 * held:g} % of the rows " + ", ".join(f"{E_val:.3g}" for _, E_val in tried.values())
    chosen = _bayesian(options, (best,) if best else ())
    return (
        _with_error_bars(chosen, weight_count([d[0], *chosen.widths, d[-1]])),
        f"bayesian, a decay for each group of weights, and {best or 'no'} hidden units, by the log evidence "
        f"({found}){ended}; {LEAVE_OUT}",
    )


def _judged(made: Assembly, units: int, look: Callable[[int], object]) -> tuple[float, float] | None:
    """The log evidence at the end of a training, -inf where there is none, and E_val. Collective, replicated.

    None if the time is used up. Stopped if it was stopped.
    """
    progress = made.begin()
    for _ in made.iterations(progress, until=compare("t", ">=", ITERATIONS)):  # whatever ends the real training
        if made.objective.ranks.rank == 0:
            look(units)
    assert progress.record is not None and progress.reason is not None
    if progress.reason.quantity == "interrupted":
        raise Stopped(progress.reason)
    if progress.reason.quantity == "seconds":
        return None
    evidence = progress.record.evidence
    return (evidence if math.isfinite(evidence) else -math.inf), progress.record.E_val


def _is_better(more: tuple[float, float], fewer: tuple[float, float]) -> bool:
    """Do more units raise the evidence, and, where rows are held out, make fewer errors on them?

    Where the noise has heavy tails the evidence, which takes it for normal, would fit the outliers.
    """
    return more[0] >= fewer[0] + BETTER and not more[1] >= fewer[1]


def _with_decay(options: Options, source: Source, ranks: Ranks, planned: Plan) -> tuple[Options, str]:
    """A weight decay, and rows held out. Collective."""
    share = _held_out(options, source, planned)
    chosen = replace(options, validation=share)
    objective = assembly.assemble(chosen, source, ranks).objective
    n = max(objective.n, objective.examples.rows)  # weights may be precisions, on any scale
    held = f", and {100 * share:g} % of the rows held out" if share else ""
    decay = DECAY / n
    return replace(chosen, weight_decay=decay), f"With a weight decay of {decay:.3g}, {DECAY:g} / n{held}; {LEAVE_OUT}"


def _held_out(options: Options, source: Source, planned: Plan) -> float:
    """The share of the rows to hold out."""
    numbers = is_sum_of_squares(planned.error) and not planned.recipe.columns.classes
    return HELD_OUT * (1 - options.test) if numbers and source.n >= FEW else 0.0
