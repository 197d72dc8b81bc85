"""How sure a trained model is, learnt from D at the end of a training: `inference/certainty.py` says what it is."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from distnn.errors import UserError
from distnn.inference.certainty import LARGEST, Certainty
from distnn.kernels.algebra import times, total
from distnn.kernels.blocks import Block
from distnn.kernels.factors import cholesky, invert
from distnn.network.backpropagation import Backpropagation
from distnn.network.error_functions import takes_probabilities
from distnn.network.weights import layers, weight_count
from distnn.optimizers.bayesian import FLOOR
from distnn.runs.options import Options
from distnn.training.objective import Objective
from distnn.training.progress import Progress

TINY = 2.0**-52  # of H's diagonal element, times |W|: what rounding leaves of a pivot that is 0
PRIOR = 1.0  # α of classes where no weight decays: the deviation that weights have on standardised inputs, roughly
FEWEST = 1.0  # n - γ_j, of which noise is estimated: of less not even Student's t has bounds that tell anything
FEWEST_BENT = 5.0  # the same with hidden layers, where γ is known to first order: of 5 rows 2 units had bounds of 17 %
FAR = 1.75  # deviations of the noise that rows left out may be away, root mean square: 1.05 to 1.5 is usual
WITHOUT = "the model is without intervals"


def require(options: Options, error: str, classes: bool, d: tuple[int, ...]) -> None:
    """Raise UserError where --intervals cannot be had for a network d that is trained on this error. Local."""
    if options.intervals is None:
        return
    if classes != takes_probabilities(error):
        raise UserError(
            f"--intervals {options.intervals} is for numbers with --error squared and for classes with --error "
            "cross-entropy: choose so, or leave it out."
        )
    size = weights(options, d)
    if size > LARGEST:
        last = "" if options.intervals == "last" else "give --intervals last, for the last layer alone, or "
        raise UserError(
            f"--intervals {options.intervals}: {size:,} weights are more than the {LARGEST:,} that it can do with: "
            f"{last}take a smaller network."
        )


def weights(options: Options, d: tuple[int, ...]) -> int:
    """Of how many weights a factor is made."""
    return weight_count(d[-2:] if options.intervals == "last" else d)


def memory(options: Options, d: tuple[int, ...]) -> float:
    """Bytes a rank that `learn` takes at most, besides the rows."""
    size = weights(options, d)
    if not options.validation and (whole := weight_count(d)) <= LARGEST:
        size = whole  # of which the noise is told, see `_of_last`
    return 110.0 * size**2


def learn(options: Options, objective: Objective, progress: Progress) -> Certainty:
    """The certainty of the weights that were kept. Collective, replicated. UserError where the rows say too little.

    The noise of outputs with their own levels, where the optimizer has not estimated it, is that of a fit in which they
    have equal shares.
    """
    w, last, evaluations = progress.best_w, options.intervals == "last", objective.evaluations
    try:
        if not objective.is_sum_of_squares:
            return Certainty(_of_classes(objective, w, last), np.empty(0), np.empty(0))
        beta = getattr(progress.state, "beta", None)
        alpha = np.broadcast_to(getattr(progress.state, "alpha", 0.0), len(w))
        errors = objective.output_errors(w)
        if not (errors > FLOOR * objective.output_errors(np.zeros_like(w))).all():
            raise UserError(
                "The residuals are as good as 0: the targets have no noise, or the network has learnt it by heart. "
                f"So there is no noise to estimate: {WITHOUT}."
            )
        if beta is None:
            beta, left = (_of_last if last else _noise)(objective, w, errors)
        else:
            left = beta * errors * objective.n
        freedom = _freedom(options, objective, left)
        return Certainty(factor(objective, w, beta, alpha, last), 1 / beta, freedom)
    finally:
        objective.evaluations = evaluations  # those of the training


def left_out(sure: Certainty, w: np.ndarray, engine: Backpropagation, over: Objective) -> Iterator[np.ndarray]:
    """(r / (1 - h))² of each output and row of this rank, block by block: m × r, in the units of the network. Local.

    engine: of the network of weights w, of all of which `sure` is; over: has the rows. See measures/leverage.py.
    """
    engine.load(w)
    for block in over.examples.blocks:
        h = sure.variances(engine, block) / sure.noise[:, None] * of_rows(over, block)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            r = (engine.outputs(block.x).astype(np.float64) - block.y) / (1 - np.minimum(h, 1.0))
            yield np.square(r)


def of_rows(objective: Objective, block: Block) -> np.ndarray:
    """The rows' weights, as the table has them: float64 (r,). Local."""
    if block.weights is None:
        return np.ones(block.x.shape[1])
    return np.ldexp(block.weights.astype(np.float64), -objective.examples.exponent)


def doubt(sure: Certainty, objective: Objective, w: np.ndarray) -> str | None:
    """A sentence where the errors of rows left out are far larger than the noise that was estimated, else None.

    The evidence takes the noise for normal: where it has heavy tails a network bends itself to few rows. Collective.
    """
    squares = left_out(sure, w, objective.backpropagation, objective)
    mine = [
        times(of_block, of_rows(objective, block))
        for block, of_block in zip(objective.examples.blocks, squares, strict=True)
    ]
    every = [sums for part in objective.ranks.gather(mine) for sums in part]
    means = [
        math.fsum(sums) / objective.n if np.isfinite(sums).all() else math.inf for sums in zip(*every, strict=True)
    ]
    far = math.sqrt(max(mean / noise for mean, noise in zip(means, sure.noise.tolist(), strict=True)))
    if far <= FAR:
        return None
    times_as_far = f"{far:.3g}" if far < 1000 else "more than 1,000"
    return (
        f"The fit follows single rows: left out, rows would be {times_as_far} times as far away as the noise that was "
        "estimated. `distnn evaluate --leverage 5` lists those that decide most; compare the errors of a "
        "cross-validation with those of fewer --hidden units, or none."
    )


def _noise(objective: Objective, w: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The β_j = (n - γ_j) / (n E_j), the γ_j being those at β, and the n - γ_j. Collective."""
    beta = 1 / errors
    for _ in range(1 if len(beta) == 1 else 2):  # the shares of several outputs depend on it
        T = factor(objective, w, beta, np.zeros_like(w))
        left = objective.n * (1 - beta * objective.output_lengths(w, T))
        _require_noise(objective, float(left.min()))
        beta = left / (objective.n * errors)
    return beta, left


def _of_last(objective: Objective, w: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `_noise`, where H is made of the last layer alone, of which γ_j says nothing of the others. Collective.

    Rows held out tell the noise, and all of them. Without such all weights count, or are taken for determined.
    """
    if objective.held_out_n >= FEWEST_BENT:
        return 1 / objective.held_out_errors(w), np.full_like(errors, objective.held_out_n)
    if len(w) <= LARGEST:
        return _noise(objective, w, errors)
    left = np.full_like(errors, objective.n - len(w) / len(errors))
    if left[0] < FEWEST_BENT:
        raise UserError(
            f"The rows count for n = {objective.n:.4g}, and may determine all of the network's {len(w):,} weights: "
            f"nothing is left that tells how large the noise is: {WITHOUT}. Hold rows out, which tell it: --validation "
            "0.2."
        )
    return left / (objective.n * errors), left


def _freedom(options: Options, objective: Objective, left: np.ndarray) -> np.ndarray:
    """The degrees of freedom by which each output's noise is known, where left = n β_j E_j. UserError for too few."""
    if getattr(options, "noise", "each") == "one":  # that all outputs tell of: β = (n d^(L) - γ) / (n Σ E_j)
        left = np.full_like(left, total(left))
    _require_noise(objective, float(left.min()))
    return left


def _require_noise(objective: Objective, left: float) -> None:
    """Raise UserError where n - γ_j = left is too little. Local."""
    fewest = FEWEST if len(objective.backpropagation.d) == 2 else FEWEST_BENT
    if left < fewest:
        n, rows = objective.n, objective.examples.rows
        counts = "" if n == rows else (
            f" A row counts for its weight: if weights are no counts, such as 1/σ², scale them to a sum of {rows:,}."
        )  # fmt: skip
        raise UserError(
            f"The rows count for n = {n:.4g}, and the network's weights use up {n - left:.4g} of that: what is left "
            f"does not tell how large the noise is, which takes {fewest:g}: {WITHOUT}.{counts}"
        )


def _of_classes(objective: Objective, w: np.ndarray, last: bool) -> np.ndarray:
    """T of cross-entropy, of which the sum over D, and so n E_in, has the Hessian H."""
    H = objective.gauss_newton(w, None, last)
    H *= objective.n
    decays = objective.weight_decay > 0
    return _inverted(objective, H, _decays(objective, objective.n) if decays else np.full(len(w), PRIOR))


def factor(objective: Objective, w: np.ndarray, beta: np.ndarray, alpha: np.ndarray, last: bool = False) -> np.ndarray:
    """T with TᵀT = H⁻¹, of squared error. Collective, replicated. UserError where H has no inverse.

    Biases of the outputs have no α in H: targets are centred by all rows, so what a prior around 0 would say of such a
    bias are these rows themselves, and their mean would be taken for known.
    """
    mean = total(beta) / len(beta)
    shares = None if (beta == beta[0]).all() else beta / mean
    H, scale = objective.gauss_newton(w, shares, last), objective.n * mean / 2
    H *= scale
    prior = alpha + _decays(objective, scale)
    layers(prior, objective.backpropagation.d)[-1][0] = 0
    return _inverted(objective, H, prior)


def _decays(objective: Objective, scale: float) -> np.ndarray:
    """What H lacks of --weight-decay, where it is the Hessian of E_in times `scale`: (|W|,).

    Weights of bias nodes, which decay here, too: of a unit that the decay has put out they are undetermined.
    """
    return 2 * scale * objective.weight_decay * (1 - objective.decayed)


def _inverted(objective: Objective, H: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """T with TᵀT = (H + prior)⁻¹, where H, which is lost, is of all weights or of the last ones."""
    H[np.diag_indices_from(H)] += prior[-len(H) :]
    L = cholesky(H)
    if L is None or not (np.square(L.diagonal()) > TINY * len(H) * H.diagonal()).all():
        raise UserError(
            f"The rows do not determine all {len(H):,} weights: {WITHOUT}. Train with "
            f"{'--optimizer bayesian, or with ' if objective.is_sum_of_squares else ''}--weight-decay, or fewer "
            "--hidden units."
        )
    return invert(L)
