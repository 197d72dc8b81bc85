"""What to try next, once a training has ended: by how it went, where that says more than what ended it.

CASES are asked one after another, and the first that applies has the word. Where none does, it is the advice of the
quantity that ended the training, in record.py. To add a case: a function, and its place in CASES.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from distnn.network.error_functions import ErrorFunction, SquaredError
from distnn.optimizers import Optimizer
from distnn.training.interruption import PRUNED_TRIAL
from distnn.training.objective import Objective
from distnn.training.progress import Progress
from distnn.training.record import FIRST
from distnn.training.termination import Reason

RISE, NOISY_RISE = 1.02, 1.1  # of E_val, in units of its lowest value, from which on it has risen; stochastic
FALL = 1e-3  # by this share over --window iterations E_in still falls
STALE_FALL = 0.01  # and by this one since the lowest E_val, where that no longer falls
NOTHING = 1e-10  # of the first E_in: as good as none
NEARLY_ALL = 0.9  # of the weights are determined by the data: the network may be too small
EFFORTS = {"t": "a higher --max-iterations", "evaluations": "more --max-evaluations", "seconds": "more --max-seconds"}
GAP = 1.25  # E_val in units of E_in up to which they are about the same


class Course:
    """How a training went. Replicated."""

    def __init__(self, reason: Reason, progress: Progress, objective: Objective, optimizer: Optimizer):
        assert progress.record is not None
        self.reason, self.last, self.optimizer = reason, progress.record, optimizer
        self.best_t, self.best_E_val = progress.best_t, progress.best_E_val
        self.best_E_in = self.last.E_in if math.isnan(progress.best_E_in) else progress.best_E_in
        self.first_E_in = progress.memory.get(FIRST, (math.nan,))[0]
        self.window = len(progress.window) - 1
        self.decay = objective.weight_decay
        self.weights = len(progress.state.w)
        self.validated = math.isfinite(self.best_E_val)
        engine = objective.backpropagation
        self.convex = _is_convex(len(engine.d) - 1, engine.error_function)

    @property
    def settled(self) -> bool:
        """Has E_in come to rest, or as good as?"""
        if self.reason.quantity == "stale":
            return self.best_E_in - self.last.E_in < STALE_FALL * self.best_E_in
        return self.reason.quantity in ("stuck", "plateau") or self.last.improvement < FALL

    @property
    def more_decay(self) -> str:
        return f"a --weight-decay above {self.decay:g}" if self.decay else "--weight-decay 0.001 or more"


def _is_convex(depth: int, error: ErrorFunction) -> bool:
    """Has E_in one minimum, where every --seed ends?"""
    return depth == 1 and (not isinstance(error, SquaredError) or error.theta.name == "identity")


def diverged(course: Course) -> str | None:
    """Numbers that are no longer finite."""
    if course.reason.quantity != "diverged":
        return None
    if course.last.t == 0:
        return (
            "The error of the initial weights is not finite: look for huge numbers in the table; do not switch off "
            "standardisation; try a smaller --sigma."
        )
    eta = getattr(course.optimizer, "eta", None)
    if eta is None:
        return "The training diverged; the last finite weights were kept. Try another --seed or --optimizer."
    clip = ", --clip 1" if course.optimizer.stochastic else ""
    return (
        f"The training diverged; the last finite weights were kept. Try a smaller --eta than {eta:g}{clip}, or "
        "another --optimizer, one that needs none: lbfgs, adaptive-gradient-descent."
    )


def by_evidence(course: Course) -> str | None:
    """The decay and the noise were estimated with the weights."""
    gamma, evidence = course.last.gamma, course.last.evidence
    if math.isnan(evidence) or course.reason.quantity not in ("stuck", *EFFORTS):
        return None
    if course.reason.unfinished:
        return f"γ and the evidence had not settled: go on with --resume and {EFFORTS[course.reason.quantity]}."
    if course.best_E_in <= NOTHING * course.first_E_in:
        return (
            "Without noise there is nothing to balance: the error on other examples is known from a table of its own "
            "(distnn evaluate)."
        )
    if gamma < 0.5:
        change = "--hidden units" if course.convex else "another --seed"
        return (
            f"γ is 0: the inputs say nothing of the targets that the noise does not hide. If they should, try {change}."
        )
    if course.convex:
        return (
            f"The data determine {gamma:.1f} of {course.weights:,} weights. Without hidden units, every --seed ends "
            "here; with --hidden units it may be better, if the evidence is higher."
        )
    nearly = gamma > NEARLY_ALL * course.weights
    units = "So may more --hidden units have" if nearly else "It compares numbers of --hidden units, too"
    return (
        f"The data determine {gamma:.1f} of {course.weights:,} weights. Another --seed may have a higher evidence: "
        f"--restarts 5 keeps the highest. {units}."
    )


def overfitting(course: Course) -> str | None:
    """E_val has risen while E_in fell."""
    rise = NOISY_RISE if course.optimizer.stochastic else RISE
    risen = course.validated and course.last.E_val > rise * course.best_E_val
    if not (risen and course.best_t and course.last.E_in < course.best_E_in):
        return None
    return (
        f"Overfitting: after t = {course.best_t} E_in fell from {course.best_E_in:.3g} to {course.last.E_in:.3g}, but "
        f"E_val rose from {course.best_E_val:.3g} to {course.last.E_val:.3g}; the weights of t = {course.best_t} were "
        f"kept. Try {course.more_decay}, fewer --hidden units, more examples, or --optimizer adam with "
        "--decoupled-decay 1, which regularises."
    )


def falling(course: Course) -> str | None:
    """It was ended while E_in still fell."""
    if not course.reason.unfinished or not FALL <= course.last.improvement < 1:
        return None
    if course.reason.quantity not in EFFORTS:
        return None
    was = course.last.E_in / (1 - course.last.improvement)
    return (
        f"E_in was still falling, from {was:.3g} to {course.last.E_in:.3g} in the last {course.window} iterations: go "
        f"on with --resume and {EFFORTS[course.reason.quantity]}."
    )


def learnt(course: Course) -> str | None:
    """There is nothing left to learn from the examples."""
    if not course.best_E_in <= NOTHING * course.first_E_in:
        return None
    if not course.validated:
        return (
            "E_in is as good as 0: the examples are learnt by heart, which says nothing of others. Hold some out, by "
            "--validation 0.2, to see the error on these."
        )
    if course.best_E_val <= NOTHING * course.first_E_in:
        return "Nothing: E_in and E_val are as good as 0."
    return None


def underfitting(course: Course) -> str | None:
    """E_in has come to rest, and new examples have about the same error: the network can say no more."""
    if not (course.validated and course.settled and course.last.E_val <= GAP * course.last.E_in):
        return None
    less = [f"a --weight-decay below {course.decay:g}"] if course.decay else []
    tries = ["more --hidden units", *less, *([] if course.convex else ["another --seed"])]
    tried = ", or ".join([", ".join(tries[:-1]), tries[-1]]) if tries[1:] else tries[0]
    return (
        f"Underfitting, if the inputs say more about the targets: E_in and E_val, {course.last.E_in:.3g} and "
        f"{course.last.E_val:.3g}, are about the same, and E_in no longer falls. Try {tried}."
    )


def at_rest(course: Course) -> str | None:
    """E_in has come to rest, at a minimum or a plateau."""
    if not course.settled:
        return None
    how = "no longer falls" if course.reason.quantity in ("stuck", "plateau") else "hardly falls any more"
    if hasattr(course.optimizer, "eta") and course.optimizer.name != "adaptive-gradient-descent":
        seed = "" if course.convex else ", or another --seed"
        return (
            f"E_in {how}: a minimum, a plateau, or an --eta that does not fit, {course.optimizer.eta:g}. Try "
            f"--optimizer lbfgs, which needs none{seed}."
        )
    if course.convex:
        return (
            f"E_in {how}: without hidden units it has one minimum, where every --seed ends. --hidden units lower it "
            "further; whether errors of other rows as well, --validation 0.2 tells."
        )
    return (
        f"E_in {how}: a minimum, or a plateau. Other --seed values (--restarts 5) or more --hidden units may end lower."
    )


CASES: tuple[Callable[[Course], str | None], ...] = (
    diverged,
    by_evidence,
    learnt,
    overfitting,
    falling,
    underfitting,
    at_rest,
)
LEFT = ("E_in", "E_val", "interrupted", PRUNED_TRIAL)  # what was asked for by a goal, and what came from outside


def advised(reason: Reason, progress: Progress, objective: Objective, optimizer: Optimizer) -> Reason:
    """The reason, with the advice that fits how the training went. Replicated, local."""
    if reason.quantity in LEFT:
        return reason
    course = Course(reason, progress, objective, optimizer)
    words = next((words for case in CASES if (words := case(course))), reason.advice)
    return replace(reason, advice=words)
