"""E_in and its gradient over all of D, as functions of w. The one place that divides by n."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike

from distnn.data.batches import Batches
from distnn.data.shard import Examples
from distnn.kernels.algebra import dot, symmetric
from distnn.kernels.blocks import Block, Cut
from distnn.network.backpropagation import Backpropagation
from distnn.network.error_functions import SquaredError
from distnn.network.second_order.gauss_newton import megabytes
from distnn.network.weights import decay_mask, shapes, weight_count, weight_groups
from distnn.optimizers.matrix import Dense, SymmetricMatrix
from distnn.optimizers.problem import Evaluation
from distnn.parallel.layout import Part
from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import REDUCTIONS, Sum
from distnn.training.curvature import Choice, Curvature, can_be_shared_out
from distnn.training.terms import BlockTerms, Terms


class Objective:
    """E_in(w) = (1/n) Σ_i e(h(x_i), y_i) + λ Σ W_ij²; bias rows left out of the latter, n = Σ weights if there are any.

    Every method is collective, and takes and returns replicated values. reduction: a name in REDUCTIONS.
    weight_decay: λ. batch_size, seed, sampling (a name in SAMPLING): of `sample`. terms: what computes what each block
    adds to the sums; None: `backpropagation`.
    evaluations counts passes over D (a pass of `sample` counts as its share).
    """

    def __init__(
        self,
        backpropagation: Backpropagation,
        examples: Examples,
        ranks: Ranks,
        reduction: str = "exact",
        weight_decay: float = 0.0,
        batch_size: int = 1,
        seed: int = 0,
        sampling: str = "replacement",
        terms: Terms | None = None,
    ):
        self.terms: Terms = terms or BlockTerms(backpropagation)
        self.backpropagation, self.examples, self.ranks = backpropagation, examples, ranks
        self.reduction, self.weight_decay = reduction, weight_decay
        self.batches = Batches(examples, ranks, backpropagation.d, backpropagation.dtype, batch_size, seed, sampling)
        self.evaluations = 0.0
        self._make = REDUCTIONS[reduction]
        self._gradient = self._sum(shapes(backpropagation.d), backpropagation.dtype, tail=True)
        self._error = self._sum([1])
        self._validation = self._make(ranks, [1], len(examples.validation), examples.cut.count)
        self._test = self._make(ranks, [1], len(examples.test), examples.cut.count)

    def on(self, ranks: Ranks) -> Objective:
        """The same function, summed over other ranks, to which these examples belong as well. Local."""
        batches = self.batches
        return Objective(
            self.backpropagation,
            self.examples,
            ranks,
            self.reduction,
            self.weight_decay,
            batches.size,
            batches.seed,
            batches.sampling,
            self.terms,
        )

    @property
    def _all(self) -> tuple[Sequence[Block], Cut]:
        """All of this rank's examples to train on."""
        return self.examples.blocks, self.examples.cut

    def _sum(self, parts: Sequence[Part], dtype: DTypeLike = np.float64, tail: bool = False) -> Sum:
        """What sums a term of each block over D."""
        return self._make(self.ranks, parts, len(self.examples.blocks), self.examples.cut.count, dtype, tail)

    # What follows takes memory for |W| numbers or more, and is made when first asked for.

    @cached_property
    def decayed(self) -> np.ndarray:
        """1 for each weight that decays, 0 for those of bias nodes: float64 (|W|,)."""
        return decay_mask(self.backpropagation.d)

    @cached_property
    def groups(self) -> np.ndarray:
        """The group of each weight, int (|W|,), as `weight_groups` has them."""
        return weight_groups(self.backpropagation.d)

    @cached_property
    def _sample(self) -> Sum:
        parts, batches = shapes(self.backpropagation.d), self.batches
        return self._make(self.ranks, parts, len(batches.owned), batches.cut.count, batches.dtype, tail=True)

    @cached_property
    def _gauss_newton(self) -> Sum:
        return self._triangle(self.backpropagation.d)

    @cached_property
    def _last_layer(self) -> Sum:
        return self._triangle(self.backpropagation.d[-2:])

    def _triangle(self, d: Sequence[int]) -> Sum:
        return self._sum(range(1, weight_count(d) + 1))

    @cached_property
    def _lengths(self) -> Sum:
        return self._sum([1] * self.backpropagation.d[-1])

    @cached_property
    def _along_a_vector(self) -> Sum:
        return self._sum(shapes(self.backpropagation.d))

    def __call__(self, w: np.ndarray, shares: np.ndarray | None = None) -> Evaluation:
        """E_in(w) and its gradient, over all of D.

        shares: of squared error, here and below, what each output's square is multiplied with, (d^(L),); None for 1.
        """
        self.evaluations += 1
        self.terms.load(w, shares)
        total = self._gradient(self.terms.gradient(*self._all))
        return self._mean(w, total, self.examples.n)

    def error(self, w: np.ndarray) -> float:
        """E_in(w), without its gradient."""
        self.evaluations += 0.5
        mean = self._mean_error(w, self._error, self.examples.blocks, self.examples.n)
        return mean + self._decay(w)[0]

    def validation_error(self, w: np.ndarray) -> float:
        """E_val(w): the mean error over the examples held out, without weight decay. NaN if there are none."""
        if not self.examples.validation_n:
            return np.nan
        return self._mean_error(w, self._validation, self.examples.validation, self.examples.validation_n)

    def test_error(self, w: np.ndarray) -> float:
        """E_test(w): the same over the examples kept for the test, which nothing but the last table shall depend on."""
        if not self.examples.test_n:
            return np.nan
        return self._mean_error(w, self._test, self.examples.test, self.examples.test_n)

    def sample(self, w: np.ndarray, t: int) -> Evaluation:
        """The mean error and gradient over the examples of step t, an unbiased estimate of E_in and its gradient.

        batch_size examples, drawn by seed and t only, with replacement or in shuffled epochs; the bits do not depend on
        where D lies.
        """
        self.evaluations += self.batches.size / self.examples.rows
        blocks = self.batches(t)
        self.terms.load(w)
        total = self._sample(self.terms.gradient(blocks, self.batches.cut))
        return self._mean(w, total, self.batches.size * self.examples.n / self.examples.rows)

    @property
    def is_sum_of_squares(self) -> bool:
        """Whether the error is one, as `acceleration` needs it."""
        return isinstance(self.backpropagation.error_function, SquaredError)

    def gauss_newton_megabytes(self) -> float:
        """Memory per rank that `gauss_newton` and solving with its result take. Local."""
        return megabytes(weight_count(self.backpropagation.d))

    @property
    def n(self) -> float:
        """n, the number of examples or their Σ weights, as the table has these."""
        return math.ldexp(self.examples.n, -self.examples.exponent)

    def output_errors(self, w: np.ndarray) -> np.ndarray:
        """The mean square of each output's residual at w, float64 (d^(L),), over all of D and without decay."""
        self.evaluations += 0.5
        self.terms.load(w)
        return self._lengths(self.terms.squares(*self._all)) / self.examples.n

    @property
    def held_out_n(self) -> float:
        """As n, of the examples held out."""
        return math.ldexp(self.examples.validation_n, -self.examples.exponent)

    def held_out_errors(self, w: np.ndarray) -> np.ndarray:
        """As `output_errors`, over the examples held out, of which there must be some."""
        self.terms.load(w)
        sums = self._make(
            self.ranks, [1] * self.backpropagation.d[-1], len(self.examples.validation), self.examples.cut.count
        )
        return sums(self.terms.squares(self.examples.validation, self.examples.cut)) / self.examples.validation_n

    def output_lengths(self, w: np.ndarray, T: np.ndarray, last: bool = False) -> np.ndarray:
        """The mean of |T g|² of each output over D, g being its gradient by the weights at w: float64 (d^(L),).

        T: float64 (|W|, |W|); last: by those of the last layer alone. For squared error.
        """
        self.evaluations += 1
        self.terms.load(w)
        return self._lengths(self.terms.lengths(*self._all, T, last)) / self.examples.n

    def gauss_newton(self, w: np.ndarray, shares: np.ndarray | None = None, last: bool = False) -> np.ndarray:
        """The Gauss-Newton approximation (2/n) Σ JᵀJ of ∇²E_in at w, and the decay's 2λ: (|W|, |W|) float64, symmetric.

        Of cross-entropy (1/n) Σ JᵀΛJ, Λ being its curvature by the signals s^(L), and J their Jacobian. last: its part
        for the weights of the last layer alone. J is never held as a whole.
        """
        self.evaluations += 1
        reduction = self._last_layer if last else self._gauss_newton
        self.terms.load(w, shares)
        lower = reduction(self.terms.gauss_newton(*self._all, last))
        size = weight_count(self.backpropagation.d[-2:] if last else self.backpropagation.d)
        A = symmetric(self._mean_curvature(lower), size)
        if self.weight_decay:
            A[np.diag_indices_from(A)] += 2 * self.weight_decay * self.decayed[-size:]
        return A

    def curvature_megabytes(self, most: float) -> float:
        """Memory per rank that `curvature` and solving with its result take. Local."""
        return self._choice.cost(most).memory / 1e6

    def curvature(self, w: np.ndarray, most: float) -> SymmetricMatrix:
        """`gauss_newton` at w, with the same bits; shared out over the ranks where that is faster, or where it would
        take more than `most` MB on each else.
        """
        if not self._choice.is_shared_out(most):
            return Dense(self.gauss_newton(w))
        self.evaluations += 1
        self.terms.load(w)
        A = self._curvature(self._mean_curvature)
        if self.weight_decay:
            A.add_to_diagonal(2 * self.weight_decay * self.decayed)
        return A

    def _mean_curvature(self, total: np.ndarray) -> np.ndarray:
        """(2/n) Σ JᵀJ, or (1/n) Σ JᵀΛJ, from the numbers of the sum, in their memory."""
        total *= 2 if self.is_sum_of_squares else 1
        total /= self.examples.n
        return total

    @cached_property
    def _choice(self) -> Choice:
        d, cut, size = self.backpropagation.d, self.examples.cut, self.ranks.size
        rows = cut.rows * -(-cut.count // size) * d[-1]
        return Choice(weight_count(d), rows, size, can_be_shared_out(self.terms, self._make))

    @cached_property
    def _curvature(self) -> Curvature:
        return Curvature(self.terms, self.examples, self.ranks)

    def acceleration(self, w: np.ndarray, v: np.ndarray, shares: np.ndarray | None = None) -> np.ndarray:
        """(2/n) Σ Jᵀ ∂²x^(L)/∂v², how the outputs at w bend along v: float64 (|W|,). Counts as two evaluations.

        ValueError unless the error is squared. The decay, a sum of squares of w itself, does not bend.
        """
        self.evaluations += 2
        self.terms.load(w, shares)
        return 2 * self._along_a_vector(self.terms.acceleration(*self._all, v)) / self.examples.n

    def hessian_product(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²E_in(w) v, the exact Hessian times a vector, float64 (|W|,). Counts as two evaluations, which it costs."""
        self.evaluations += 2
        self.terms.load(w)
        Hv = self._along_a_vector(self.terms.hessian_product(*self._all, v)) / self.examples.n
        if self.weight_decay:
            Hv += 2 * self.weight_decay * self.decayed * v
        return Hv

    def _mean(self, w: np.ndarray, total: np.ndarray, n: float) -> Evaluation:
        total /= n
        E, G = float(total[-1]), total[:-1]
        if self.weight_decay:
            penalty, gradient = self._decay(w)
            E += penalty
            G += gradient
        return Evaluation(E, G)

    def _mean_error(self, w: np.ndarray, sums: Sum, blocks: Sequence[Block], n: float) -> float:
        self.terms.load(w)
        return float(sums(self.terms.error(blocks, self.examples.cut))[0]) / n

    def _decay(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        if not self.weight_decay:
            return 0.0, w[:0]
        decayed = np.where(self.decayed, w, 0.0)  # a bias of ∞ times 0 would be no number
        return self.weight_decay * dot(decayed, decayed), 2 * self.weight_decay * decayed
