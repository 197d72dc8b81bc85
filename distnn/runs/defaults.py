"""What is chosen where nobody chose: how a training keeps from learning the noise of its rows by heart.

* Many rows for each weight: nothing, since there is little that could be learnt by heart.
* Numbers, and a network that Levenberg-Marquardt serves: Bayesian regularisation, a decay for each group of weights;
  where no --hidden was given, network_search.py chooses the network.
* Else a weight decay of 3 / n: weights of N(0, 1/6) to begin with, as far as errors of rows go; for numbers, where it
  cannot know the noise, rows held out as well.

Who holds rows out, and says no more, has them tell the weight decay: decay_search.py.

Who names an optimizer or a setting of one, a weight decay or a goal, has chosen, and so has --fit-exactly; the built-in
exclusive-or has no noise. docs/decisions/defaults.md says what was measured.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from distnn.data.tables import ExclusiveOr, Source
from distnn.errors import UserError
from distnn.network.error_functions import is_sum_of_squares
from distnn.network.network import Network
from distnn.network.weights import weight_count
from distnn.optimizers.choice import is_served
from distnn.parallel.ranks import Ranks
from distnn.runs import assembly, decay_search, network_search
from distnn.runs.assembly import Assembly
from distnn.runs.decay_search import DECAY, of_rows
from distnn.runs.network_search import bayesian, knows_noise, may_try
from distnn.runs.options import Options, is_chosen
from distnn.runs.plan import Plan
from distnn.runs.trials import Look
from distnn.runs.understanding import plan_alone

PLENTY = 30  # rows a weight: what is learnt by heart is about 1 / 30 of the noise's variance
SURE = 500  # weights up to which error bars are stored unasked: at most 1 MB, and the time of an iteration
HELD_OUT, FEW = 0.2, 100  # of fewer rows none are held out
LEAVE_OUT = "--fit-exactly leaves this out."


def assemble(
    options: Options,
    source: Source,
    ranks: Ranks,
    network: Network | None = None,
    start: Any = None,
    look: Look = str,
) -> Assembly:
    """As `assembly.assemble`, once what was left open is chosen: its options say all of it. Collective.

    The choice takes a reading of the table, or a few trainings, where it has few rows for the network. look is called
    on rank 0 after each iteration of these, and may raise `ranks.stop_request`: then Stopped is raised, or, if the time
    is used up, the best so far is taken.
    """
    chosen, said = _chosen(options, source, ranks, network, start, look)
    made = assembly.assemble(chosen, source, ranks, network, start)
    if said:
        made.why = f"{made.why or ''} {said}; {LEAVE_OUT}".strip()
    return made


def _chosen(
    options: Options, source: Source, ranks: Ranks, network: Network | None, start: Any, look: Look
) -> tuple[Options, str]:
    """What `assemble` trains, and what is said of it; "" where nothing is chosen. Collective."""
    if _has_chosen(options, source):
        return options, ""
    planned = plan_alone(options, source, ranks)
    if has_plenty(options, source, planned):
        return options, ""
    if options.validation:
        return decay_search.search(options, source, ranks, network, start, look)
    searched = options.hidden is None and network is None and start is None and options.start is None
    if serves_evidence(options, source, planned):
        found, said = (network_search.search if searched else _of_this_network)(options, source, ranks, look)
        if said:
            return _with_error_bars(found, planned), said
    return _with_decay(options, source, ranks, planned)


def foreseen(options: Options, source: Source, planned: Plan) -> tuple[Options, str]:
    """What `assemble` is going to choose, as far as the plan tells, and the words for it. Local."""
    if _has_chosen(options, source) or has_plenty(options, source, planned):
        return options, ""
    if options.validation:
        return options, ", with the weight decay, if any, that has the lowest E_val in trainings before"
    if serves_evidence(options, source, planned):
        given = options.hidden is not None
        units = "" if given else "; one hidden layer, its units chosen by trainings, or none and ridge regression"
        return bayesian(options, options.hidden), f", with a decay for each group of weights{units}"
    return replace(options, validation=_held_out(options, source, planned)), f", with a weight decay of {DECAY:g} / n"


def has_plenty(options: Options, source: Source, planned: Plan) -> bool:
    """Are there many rows for each weight? Local, replicated result."""
    return source.n >= PLENTY * weight_count([planned.d_in, *options.widths, planned.d_out or 2])


def serves_evidence(options: Options, source: Source, planned: Plan) -> bool:
    """Can the evidence decide, in a training of numbers that is small enough? Local, replicated result."""
    if not is_sum_of_squares(planned.error) or planned.recipe.columns.classes:
        return False
    if options.hidden is None:
        return may_try(source.n, planned.d_in, 0, planned.d_out or 1)
    d_out = planned.d_out or 1
    return is_served(weight_count([planned.d_in, *options.hidden, d_out]), d_out, source.n)


def _has_chosen(options: Options, source: Source) -> bool:
    """Who holds rows out, and says no more, has not. Local."""
    rest = replace(options, validation=None) if options.validation else options
    return is_chosen(rest) or isinstance(source, ExclusiveOr)


def _of_this_network(options: Options, source: Source, ranks: Ranks, look: Look) -> tuple[Options, str]:
    """Bayesian regularisation of the network that was asked for; "" where that has no evidence. Collective.

    UserError for bad data.
    """
    made = assembly.assemble(bayesian(options, options.widths), source, ranks)
    try:
        made.begin()
    except UserError:  # there is nothing to learn
        return options, ""
    if not knows_noise(made):
        return options, ""
    return bayesian(options, options.hidden), "bayesian, a decay for each group of weights"


def _with_error_bars(options: Options, planned: Plan) -> Options:
    """Stored unasked, where they are small. Local."""
    weights = weight_count([planned.d_in, *options.widths, planned.d_out or 1])
    return replace(options, intervals="all") if options.intervals is None and weights <= SURE else options


def _with_decay(options: Options, source: Source, ranks: Ranks, planned: Plan) -> tuple[Options, str]:
    """A weight decay, and rows held out. Collective."""
    share = _held_out(options, source, planned)
    chosen = replace(options, validation=share)
    decay = of_rows(DECAY, assembly.assemble(chosen, source, ranks))
    held = f", and {100 * share:g} % of the rows held out" if share else ""
    return replace(chosen, weight_decay=decay), f"With a weight decay of {decay:.3g}, {DECAY:g} / n{held}"


def _held_out(options: Options, source: Source, planned: Plan) -> float:
    """The share of the rows to hold out."""
    numbers = is_sum_of_squares(planned.error) and not planned.recipe.columns.classes
    return HELD_OUT * (1 - options.test) if numbers and source.n >= FEW else 0.0
