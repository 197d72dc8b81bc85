"""The network, and its decays, for a regression with few rows: tried in turn, judged by rows that are left out.

First ridge regression: no hidden units, and the decay with which rows that are left out have the least error. Then
Bayesian regularisation, a decay for each group of weights, of one hidden layer of 0, 2, 4, 8, … units, until two in a
row neither raise the log evidence by 1 nor lower the errors of rows left out. Taken is what comes first, unless a later
one's errors of rows left out are clearly less, and less than those of ridge regression in trainings without a fifth of
the rows, too (refits.py). docs/decisions/defaults.md says what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from distnn.data.tables import Source
from distnn.errors import UserError
from distnn.network.weights import weight_count
from distnn.optimizers.choice import is_served
from distnn.parallel.ranks import Ranks
from distnn.runs import assembly
from distnn.runs.assembly import Assembly
from distnn.runs.left_out import CLEAR, LeftOut, are_clearly_less, left_out, mean
from distnn.runs.options import Options
from distnn.runs.refits import FOLDS, refits
from distnn.runs.trials import ITERATIONS, Look, OutOfTime, shared, trained
from distnn.training.objective import Objective
from distnn.training.termination import Criterion, compare

TOLERANCE = 1e-4  # of Bayesian regularisation
STRAIGHT = 8  # iterations to the minimum of a network without hidden units
DECAYS = [float(f"1e{power}") for power in range(-4, 5)]  # λ n of ridge regression
CLOSER = [math.sqrt(10.0), math.sqrt(math.sqrt(10.0))]  # factors by which others are tried around the best of these
NOTHING = 1e8  # λ n with which nothing is learnt but the mean of the targets
COSTLY = 1e9  # n d^(L) |W|², the operations of an iteration: networks beyond are not tried
PATIENCE = 2  # trials without any gain that end the search: one may have ended in a bad minimum
UPHELD = 1.0  # standard errors by which it has to be better without a fifth of the rows: `CLEAR` it is with all of them
FIFTH = ", without a fifth of the rows"
BETTER = 1.0  # by which the log evidence has to rise for more units: it is known no better


class Trial(NamedTuple):
    """What was tried: its options, how it is called, its log evidence (-inf: none), and its errors. Replicated, but for
    the errors of a rank's own rows.
    """

    options: Options
    words: str
    evidence: float
    errors: LeftOut | None
    mean: float  # of the errors, in units of the targets' variance where these are standardised


@dataclass
class Tried:
    """What has been tried: the trials; the numbers of those that were taken, one after the other; and of those that
    were trained without a fifth of the rows the words, and mean errors beside those of ridge regression. Replicated,
    but for what trials hold.
    """

    trials: list[Trial] = field(default_factory=list)
    taken: list[int] = field(default_factory=lambda: [0])
    refitted: list[tuple[str, float, float]] = field(default_factory=list)

    @property
    def best(self) -> Trial:
        """What is taken."""
        return self.trials[self.taken[-1]]


def search(options: Options, source: Source, ranks: Ranks, look: Look) -> tuple[Options, str]:
    """The options with what is taken, and what is said of it; "" where weights of rows tell too little. Collective.

    look: see `Look`. Stopped if it was stopped; if the time is used up, the best so far is taken. UserError for bad
    data.
    """
    tried, ended = Tried(), ""
    made = assembly.assemble(_straight(shared(options)), source, ranks)
    if not knows_noise(made):
        return options, ""
    try:
        _try_all(tried, options, source, made, look)
        _uphold(tried, source, made, look)
    except OutOfTime:
        ended = ", as far as there was time"
    if not tried.trials:
        return (bayesian(options, ()), f"bayesian, no hidden units{ended}") if ended else (options, "")
    return tried.best.options, _said(tried) + ended


def bayesian(options: Options, hidden: tuple[int, ...] | None) -> Options:
    """Bayesian regularisation, a decay for each group of weights."""
    settings = {"decays": "groups", "tolerance": TOLERANCE}
    return replace(options, optimizer="bayesian", hidden=hidden, **settings)  # type: ignore[arg-type]


def may_try(n: int, d_in: int, units: int, d_out: int) -> bool:
    """Is a network of so many hidden units small enough? Local, replicated result."""
    weights = weight_count([d_in, *((units,) if units else ()), d_out])
    return is_served(weights, d_out, n) and n * d_out * weights**2 <= COSTLY


def knows_noise(made: Assembly) -> bool:
    """Do weights, if there are any, count rows? If they are something else, nothing tells how large the noise is."""
    return made.objective.n >= made.examples.rows / 2


def _straight(options: Options) -> Options:
    return replace(options, hidden=(), optimizer="levenberg-marquardt")


def _try_all(tried: Tried, options: Options, source: Source, made: Assembly, look: Look) -> None:
    """Ridge regression, and networks until they gain nothing; made: of the former. Collective."""
    try:
        tried.trials.append(_ridge(options, made, look))
        stale, highest = 0, -math.inf
        for trial in _bayesian_trials(options, source, made.objective.ranks, made.objective, look):
            better = are_clearly_less(trial.errors, tried.best.errors, made.objective)
            tried.trials.append(trial)
            tried.taken += [len(tried.trials) - 1] if better else []
            rises = trial.evidence >= highest + BETTER
            highest = max(highest, trial.evidence)
            if better or rises or sum(trial.options.hidden or ()) < made.model.network.d[-1]:
                stale = 0  # fewer units than targets, which cannot bend each in its own way, tell nothing of more
                continue
            stale += 1
            if stale == PATIENCE:
                break
    except UserError:  # of a trial with too few rows for its weights, or with nothing to learn
        pass


def _uphold(tried: Tried, source: Source, made: Assembly, look: Look) -> None:
    """Take back what is not better than ridge regression, `made`, without a fifth of the rows, too. Collective."""
    if len(tried.taken) == 1:
        return
    over, ridge = made.objective, tried.trials[0]
    over.weight_decay = ridge.options.weight_decay or 0.0
    none = [np.zeros(block.x.shape[1]) for block in over.examples.blocks]
    *before, errors = none, *refits(made, over, _iterations(STRAIGHT), _words(0, FIFTH), look, none)
    if len(before) < FOLDS:  # some fifth has all rows that weigh anything
        tried.taken = [0]
        return
    while len(tried.taken) > 1 and not _is_upheld(tried, source, over, look, errors):
        tried.taken.pop()


def _is_upheld(tried: Tried, source: Source, over: Objective, look: Look, errors: LeftOut) -> bool:
    """Is what is taken better than what has these errors? Ends as soon as that is clear. Collective.

    Noted is its mean error, and that of what it is compared with, on the rows that were left out.
    """
    made = assembly.assemble(shared(tried.best.options), source, over.ranks)
    words, means, upheld = _words(sum(tried.best.options.hidden or ()), FIFTH), (math.inf, mean(errors, over)), False
    for count, found in enumerate(refits(made, over, _iterations(ITERATIONS), words, look, errors), 1):
        share = count / FOLDS
        rest = mean([np.where(new == old, old, 0.0) for new, old in zip(found, errors, strict=True)], over)
        means = (mean(found, over) - rest) / share, (mean(errors, over) - rest) / share
        upheld = are_clearly_less(found, errors, over, UPHELD if count == FOLDS else CLEAR, share)
        if upheld:
            break
    tried.refitted.append((tried.best.words, *means))
    return upheld


def _ridge(options: Options, made: Assembly, look: Look) -> Trial:
    """Ridge regression, its decay by the errors of rows left out. Collective."""
    none = _straight_line(options, made, NOTHING, look)
    tried = {decay: _straight_line(options, made, decay, look) for decay in DECAYS}
    for factor in CLOSER:
        decay = _least(tried)
        tried |= {closer: _straight_line(options, made, closer, look) for closer in (decay / factor, decay * factor)}
    best = tried[_least(tried)]
    clear = are_clearly_less(best.errors, none.errors, made.objective)
    return best if clear else best._replace(words=f"{best.words} that is not clearly better than the mean")


def _least(tried: dict[float, Trial]) -> float:
    """The decay with the least error, of several the first that was tried."""
    return min(tried, key=lambda decay: tried[decay].mean)


def _straight_line(options: Options, made: Assembly, decay: float, look: Look) -> Trial:
    """With a decay of λ n. Collective."""
    made.objective.weight_decay = decay / made.objective.n
    errors = left_out(made, trained(made, _iterations(STRAIGHT), _words(0), look), made.objective)
    chosen = replace(_straight(options), weight_decay=made.objective.weight_decay)
    return Trial(chosen, "ridge regression", -math.inf, errors, mean(errors, made.objective))


def _bayesian_trials(options: Options, source: Source, ranks: Ranks, over: Objective, look: Look) -> Iterator[Trial]:
    """Trainings with more and more hidden units, judged by the rows of `over`. Collective."""
    units = 0
    while True:
        hidden = (units,) if units else ()
        made = assembly.assemble(bayesian(shared(options), hidden), source, ranks)
        progress = trained(made, _iterations(ITERATIONS), _words(units), look)
        assert progress.record is not None
        evidence, errors = progress.record.evidence, left_out(made, progress, over)
        words = f"{units or 'no'} hidden units"
        known = evidence if math.isfinite(evidence) else -math.inf
        yield Trial(bayesian(options, hidden), words, known, errors, mean(errors, over))
        d, units = made.model.network.d, 2 * units or 2
        if not may_try(source.n, d[0], units, d[-1]):
            return


def _iterations(count: int) -> Criterion:
    return compare("t", ">=", count)


def _words(units: int, rows: str = "") -> str:
    return f"the network: trying {units} hidden units{rows}"


def _said(tried: Tried) -> str:
    """What was taken, and of what."""
    best, found = tried.best, []
    for trial in tried.trials:
        evidence = f", log evidence {trial.evidence:.6g}" if math.isfinite(trial.evidence) else ""
        found.append(f"{trial.words} {trial.mean:.3g}{evidence}")
    if best.options.optimizer == "bayesian":
        what = f"bayesian, a decay for each group of weights, and {best.words}"
    else:
        decay = best.options.weight_decay
        what = f"levenberg-marquardt, no hidden units and --weight-decay {decay:.3g}, {best.words}"
    again = "; ".join(
        f"{words} {own:.3g}, where ridge regression has {other:.3g}" for words, own, other in tried.refitted
    )
    fifths = f", and in trainings without a fifth of the rows ({again})" if again else ""
    return f"{what}, by the errors of rows left out ({'; '.join(found)}){fifths}"
