"""Bayesian regularisation: against scikit-learn's linear one, its equations by hand, its ends, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge
from tables import assembled, regression
from threaded_ranks import on_ranks

import distnn
from distnn.errors import UserError
from distnn.optimizers import bayesian
from distnn.optimizers.bayesian import Bayesian, BayesianState, Penalised
from distnn.parallel.ranks import OneRank, Ranks
from distnn.training.progress import Progress

RAW = {"standardise": False, "standardise_targets": False}


def trained(ranks: Ranks, X: Any, Y: Any, weights: Any = None, **options: Any) -> Progress:
    """The progress at the end of a training; every rank has some of the rows."""
    counts = [len(X) // ranks.size + (rank < len(X) % ranks.size) for rank in range(ranks.size)]
    assembly = assembled(ranks, X, Y, weights, counts, **{"optimizer": "bayesian", "max_iterations": 500, **options})
    progress = assembly.begin()
    for _ in assembly.iterations(progress):
        pass
    return progress


def state_of(*arguments: Any, **options: Any) -> BayesianState:
    found = trained(OneRank(), *arguments, **options).state
    assert isinstance(found, BayesianState)
    return found


def wavy(n: int, noise: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    X = generator.uniform(-1, 1, (n, 2))
    return X, (np.sin(3 * X[:, 0]) * X[:, 1] + noise * generator.normal(size=n))[:, None]


@pytest.mark.parametrize("weighted", [False, True])
def test_without_hidden_layers_it_is_bayesian_ridge_regression(weighted: bool) -> None:
    """Of scikit-learn, its hyperpriors off, on a column of ones beside the inputs: w, α, β, evidence."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(60, 3))
    y = X @ [1, -2, 0.3] + 1 + 0.2 * generator.normal(size=60)
    weights = generator.uniform(0.5, 2, 60) if weighted else None
    found = state_of(X, y[:, None], weights, hidden=(), tolerance=1e-14, **RAW)
    flat = {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}
    theirs = BayesianRidge(max_iter=10_000, tol=1e-14, fit_intercept=False, compute_score=True, **flat)
    theirs.fit(np.column_stack([np.ones(60), X]), y, sample_weight=weights)
    np.testing.assert_allclose(found.w, theirs.coef_, rtol=1e-8)
    np.testing.assert_allclose([found.alpha[0], *found.beta], [theirs.lambda_, theirs.alpha_], rtol=1e-8)
    assert found.stuck
    if not weighted:  # whose score differs between versions of scikit-learn
        assert found.evidence == pytest.approx(theirs.scores_[-1], rel=1e-8)


def jacobians(w: np.ndarray, X: np.ndarray, hidden: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs, n × m, and their derivatives by w, n × m × |W|, by complex steps."""

    def outputs(w: np.ndarray) -> np.ndarray:
        first, second = w[: 3 * hidden].reshape(3, hidden), w[3 * hidden :].reshape(hidden + 1, m)
        return np.tanh(X @ first[1:] + first[0]) @ second[1:] + second[0]

    steps = [outputs(w + 1e-30j * one).imag / 1e-30 for one in np.eye(len(w))]
    return outputs(w), np.stack(steps, axis=-1)


@pytest.mark.parametrize("noise", ["each", "one"])
@pytest.mark.parametrize("weighted", [False, True])
def test_its_equations_hold_at_the_end(weighted: bool, noise: str) -> None:
    """γ, α, the β_j, the evidence and the gradient of M, from a dense Jacobian, at two outputs of different noise."""
    X, first = wavy(80)
    _, second = wavy(80, 0.5, seed=3)
    Y = np.column_stack([first, X.sum(axis=1) ** 2 + second[:, 0]])
    c = np.random.default_rng(1).uniform(0.5, 2, 80) if weighted else np.ones(80)
    weights = c if weighted else None
    s = state_of(X, Y, weights, hidden=(4,), noise=noise, tolerance=1e-9, max_iterations=2000, **RAW)
    assert s.stuck == bayesian.SETTLED
    outputs, J = jacobians(s.w, X, 4, 2)
    r, n, W = outputs - Y, c.sum(), len(s.w)
    blocks = [np.einsum("i,ia,ib->ab", c, J[:, j], J[:, j]) for j in range(2)]
    H = s.alpha * np.eye(W) + sum(beta * block for beta, block in zip(s.beta, blocks, strict=True))
    inverse = np.linalg.inv(H)
    squares = (c[:, None] * r**2).sum(axis=0)
    assert s.gamma == pytest.approx(W - s.alpha[0] * np.trace(inverse), rel=1e-7)
    assert s.alpha[0] == pytest.approx(s.gamma / (s.w @ s.w), rel=1e-5)
    if noise == "one":
        np.testing.assert_allclose(s.beta, (2 * n - s.gamma) / squares.sum(), rtol=1e-6)
    else:
        own = [beta * np.trace(inverse @ block) for beta, block in zip(s.beta, blocks, strict=True)]
        assert sum(own) == pytest.approx(s.gamma, rel=1e-7)
        np.testing.assert_allclose(s.beta, (n - np.array(own)) / squares, rtol=1e-5)
    np.testing.assert_allclose(s.errors, squares / n, rtol=1e-10)
    assert pytest.approx(s.errors.sum(), rel=1e-12) == s.E
    M = 0.5 * (s.beta @ squares + s.alpha @ s.w**2)
    fits = 0.5 * (n * np.log(s.beta / (2 * np.pi)).sum() + np.log(s.alpha).sum())
    assert s.evidence == pytest.approx(fits - M - 0.5 * np.linalg.slogdet(H)[1], rel=1e-7)
    slope = np.einsum("i,ij,ijw->w", c, s.beta * r, J) + s.alpha * s.w
    assert np.abs(slope).max() < 1e-3 * np.abs(s.alpha * s.w).max()


def test_each_group_has_its_own_decay() -> None:
    """The equations again, γ and α of a group being those of its weights; an input that tells nothing fades."""
    X, Y = wavy(100)
    X = np.column_stack([X, np.random.default_rng(5).uniform(-1, 1, 100)])
    s = state_of(X, Y, hidden=(4,), decays="groups", tolerance=1e-7, max_iterations=1000, **RAW)
    first, second = s.w[:16].reshape(4, 4), s.w[16:]
    activations = np.tanh(X @ first[1:] + first[0])
    back = (1 - activations**2) * second[1:]
    inputs = np.column_stack([np.ones(100), X])
    J = np.hstack([np.einsum("ij,ik->ijk", inputs, back).reshape(100, 16), np.ones((100, 1)), activations])
    inverse = np.linalg.inv(np.diag(s.alpha) + s.beta[0] * J.T @ J)
    determined = 1 - s.alpha * inverse.diagonal()
    for group in (range(4), range(4, 8), range(8, 12), [16], range(17, 21)):
        own = list(group)
        assert np.ptp(s.alpha[own]) == 0
        expected = min(determined[own].sum() / np.square(s.w[own]).sum(), bayesian.LARGEST)
        assert s.alpha[own[0]] == pytest.approx(expected, rel=1e-3)
    assert s.gamma == pytest.approx(determined.sum(), abs=1e-3)
    assert np.abs(first[3]).max() < 1e-2 < np.abs(first[1:3]).max()
    assert state_of(X, Y, hidden=(4,), **RAW).evidence < s.evidence - 3


def test_the_same_bits_on_any_number_of_ranks(small_blocks: None) -> None:
    """With a noise level for each output, weights, and all numbers of the state."""
    X, Y = regression(50, d=2, m=2)
    weights = np.random.default_rng(0).uniform(0.5, 2, 50)

    def bits(ranks: Ranks) -> dict[str, bytes]:
        counts = [50 // ranks.size + (rank < 50 % ranks.size) for rank in range(ranks.size)]
        own = slice(sum(counts[: ranks.rank]), sum(counts[: ranks.rank + 1]))
        assert counts[ranks.rank] == len(X[own])
        state = trained(ranks, X, Y, weights, hidden=(3,), max_iterations=8, decays="groups").state
        return {name: value.tobytes() for name, value in state.tensors().items()}

    alone = bits(OneRank())
    for P in (2, 5):
        assert on_ranks(P, bits) == [alone] * P


def test_the_evidence_tells_a_network_that_is_too_small() -> None:
    X, Y = wavy(100)
    new, truth = wavy(500, 0.0, seed=1)
    fits = {units: distnn.fit(X, Y, hidden=(units,), optimizer="bayesian") for units in (1, 4)}
    errors = {units: np.square(fit(new) - truth).mean() for units, fit in fits.items()}
    assert errors[4] < 0.1 * errors[1]
    assert fits[4].records[-1].evidence > fits[1].records[-1].evidence + 10
    assert "Another seed may have a higher evidence" in fits[4].reason.advice
    assert np.isnan(fits[4].records[0].evidence)


def test_targets_without_noise_end_in_words() -> None:
    X = np.random.default_rng(0).normal(size=(40, 2))
    fitted = distnn.fit(X, X @ [1.0, 2.0], hidden=(), optimizer="bayesian")
    assert fitted.reason.text == bayesian.NO_NOISE
    assert "Without noise" in fitted.reason.advice
    assert fitted.records[-1].E_in < 1e-11


def test_a_network_that_passes_through_all_rows_ends_in_words() -> None:
    X, Y = wavy(12, 0.0)
    fitted = distnn.fit(X, Y, hidden=(8,), optimizer="bayesian")
    assert np.isfinite(fitted.records[-1].evidence)
    assert fitted.records[-1].gamma <= 12 + 1e-6
    assert fitted.reason.quantity in ("stuck", "t")


def test_targets_of_nothing_but_noise_determine_no_weight() -> None:
    generator = np.random.default_rng(2)
    fitted = distnn.fit(generator.normal(size=(60, 3)), generator.normal(size=60), hidden=(3,), optimizer="bayesian")
    assert fitted.records[-1].gamma < 0.5
    assert fitted.reason.advice.startswith("γ is 0")


def test_one_that_is_cut_short_says_how_to_go_on() -> None:
    fitted = distnn.fit(*wavy(60), hidden=(4,), optimizer="bayesian", max_iterations=3)
    assert "go on with network=fit.model.network and a higher max_iterations" in fitted.reason.advice


def test_float32_finds_what_float64_finds() -> None:
    last, reference = (
        distnn.fit(*wavy(100), hidden=(4,), optimizer="bayesian", dtype=dtype).records[-1]
        for dtype in ("float32", "float64")
    )
    assert last.gamma == pytest.approx(reference.gamma, rel=1e-2)
    assert last.evidence == pytest.approx(reference.evidence, abs=0.1)


class Stub:
    n = 10.0


def curvature_of(JJ: np.ndarray) -> bayesian.Curvature | None:
    two, one, tiny = np.ones(2), np.ones(1), np.full(2, 1e-12)
    state = BayesianState(two, 1.0, two, 0.0, 2.0, tiny, one, one, 1e-9 * one, np.nan, np.nan, False)
    return bayesian._curvature(Penalised(Stub(), tiny, one), JJ, state, np.zeros(2, int))  # type: ignore[arg-type]


def test_rounding_errors_in_the_matrix_are_answered_by_more_decay() -> None:
    """An eigenvalue of -1e-7, as float32 leaves it; and no number at all."""
    found = curvature_of(np.array([[1.0, 1.0 + 1e-7], [1.0 + 1e-7, 1.0]]))
    assert found is not None
    assert found.least > 1e-8
    assert 0 <= found.gamma < 2
    assert curvature_of(np.full((2, 2), np.nan)) is None


def test_what_does_not_fit_is_refused() -> None:
    X, Y = wavy(20)
    with pytest.raises(UserError, match=r"bayesian would need about [\d,]+ MB a rank .*max_megabytes"):
        distnn.fit(X, Y, optimizer="bayesian", max_megabytes=0.1)
    with pytest.raises(UserError, match="bayesian needs a sum of squares"):
        distnn.fit(X, np.array(["a", "b"] * 10), optimizer="bayesian")
    with pytest.raises(UserError, match=r"rows count for n = 0.02, which is too few for .*: give larger weights"):
        distnn.fit(X, Y, weights=np.full(20, 1e-3), optimizer="bayesian", hidden=(4,))
    objective = assembled(OneRank(), X, Y, optimizer="bayesian", **RAW).objective
    for block in objective.examples.blocks:
        block.y[:] = 0
    with pytest.raises(UserError, match="nothing to learn: all values of target 1 are 0"):
        Bayesian().start(objective, np.ones(len(objective.decayed)))
    with pytest.raises(UserError, match="--noise some: choose from each, one"):
        Bayesian(noise="some")  # type: ignore[arg-type]
