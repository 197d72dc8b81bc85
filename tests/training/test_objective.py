"""E_in, G, E_val and samples: the oracle's values, and the same bits however D is cut over ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import oracles
import pytest
from tables import assembled, regression, words
from threaded_ranks import on_ranks

from distnn.data.sampling import for_test, held_out, picks
from distnn.parallel.ranks import OneRank, Ranks

PLAIN = {"standardise": False, "standardise_targets": False, "hidden": (4,), "output_theta": "identity"}
NAMES = ("tanh", "squared", "identity")


def everything(ranks: Ranks, X: Any, Y: Any, weights: Any = None, **options: Any) -> list[Any]:
    """All that an objective says at the initial weights, as comparable bits."""
    assembly = assembled(ranks, X, Y, weights, **options)
    objective, w = assembly.objective, assembly.model.network.w
    E, G = objective(w)
    sampled = objective.sample(w, 5)
    return [E, G.tobytes(), objective.error(w), objective.validation_error(w), sampled.E, sampled.G.tobytes()]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_oracle(weighted: bool, small_blocks: None) -> None:
    X, Y = regression(10, d=2, m=2)
    weights = np.random.default_rng(0).random(10) if weighted else None
    assembly = assembled(OneRank(), X, Y, weights, **PLAIN)
    w = assembly.model.network.w
    E, G = assembly.objective(w)
    data = (assembly.model.network.d, X, Y, NAMES, weights)
    assert pytest.approx(complex(oracles.E_in(w.tolist(), *data)).real, rel=1e-12) == E
    np.testing.assert_allclose(G, oracles.mean_gradient(w.tolist(), *data), rtol=1e-10, atol=1e-12)
    assert assembly.objective.error(w) == E


def test_shares_of_outputs_in_a_sum_of_squares(small_blocks: None) -> None:
    """What an output's square is multiplied with: E, G, JᵀJ and the bend are linear in it, and it is forgotten."""
    X, Y = regression(30, m=2)
    weights = np.random.default_rng(0).random(30)
    assembly = assembled(OneRank(), X, Y, weights, hidden=(4,), output_theta="tanh", standardise_targets=True)
    objective, w = assembly.objective, assembly.model.network.w
    v, shares, first, second = w[::-1].copy(), np.array([2.0, 0.25]), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    plain = objective(w)
    E, G = objective(w, shares)
    errors = objective.output_errors(w)
    assert pytest.approx(shares @ errors, rel=1e-13) == E
    assert pytest.approx(errors.sum(), rel=1e-13) == plain.E
    for of in (
        lambda shares: objective(w, shares).G,
        lambda shares: objective.gauss_newton(w, shares),
        lambda shares: objective.acceleration(w, v, shares),
    ):
        np.testing.assert_allclose(of(shares), 2 * of(first) + 0.25 * of(second), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(of(None), of(first) + of(second), rtol=1e-11, atol=1e-13)
    h = 1e-6
    slope = (objective(w + h * v, shares).E - objective(w - h * v, shares).E) / (2 * h)
    assert float(G @ v) == pytest.approx(slope, rel=1e-7)
    assert objective(w).E == plain.E
    np.testing.assert_array_equal(objective(w).G, plain.G)


def test_lengths_of_the_outputs_gradients(small_blocks: None) -> None:
    """The mean of |T g|² is tr T (Jᵀ J / n) Tᵀ; with weights, and n as the table has it."""
    X, Y = regression(30, m=2)
    weights = np.random.default_rng(0).random(30) * 100
    objective = assembled(OneRank(), X, Y, weights, hidden=(4,)).objective
    w = np.random.default_rng(1).normal(size=len(objective.decayed))
    T = np.random.default_rng(2).normal(size=(len(w), len(w)))
    halves = [objective.gauss_newton(w, shares) / 2 for shares in np.eye(2)]
    expected = [np.trace(T @ half @ T.T) for half in halves]
    np.testing.assert_allclose(objective.output_lengths(w, T), expected, rtol=1e-11)
    assert objective.n == pytest.approx(weights.sum(), rel=1e-13)


# Rows of each rank: uneven, some with none, more ranks than blocks, more ranks than rows.
SPLITS = {
    "uneven": [1, 9, 1],
    "empty last": [11, 0, 0],
    "empty between": [5, 0, 6],
    "more ranks than rows": [0, 1, 2, 0, 0, 3, 0, 1, 1, 1, 0, 2, 0],
}
TASKS: dict[str, dict[str, Any]] = {
    "regression": {"validation": 0.3, "weight_decay": 0.01, "hidden": (4, 3)},
    "float32": {"validation": 0.3, "dtype": "float32"},
    "batch": {"batch_size": 7, "hidden": ()},
    "classes": {"hidden": (3,), "validation": 0.2},
}


@pytest.mark.parametrize(("task", "weighted"), [("regression", False), *((task, True) for task in TASKS)])
def test_the_same_bits_for_every_cut(task: str, weighted: bool, small_blocks: None) -> None:
    X, Y = words(11) if task == "classes" else regression(11, m=2)
    weights = np.random.default_rng(4).random(11) if weighted else None
    expected = everything(OneRank(), X, Y, weights, **TASKS[task])
    for counts in SPLITS.values():

        def work(ranks: Ranks, counts: Sequence[int] = counts) -> list[Any]:
            return everything(ranks, X, Y, weights, counts=counts, **TASKS[task])

        for found in on_ranks(len(counts), work):
            np.testing.assert_equal(found, expected, str(counts))


def test_the_sum_of_weights_has_the_same_bits(small_blocks: None) -> None:
    """Many blocks, whose sums of weights are rounded: what E_in and G are divided by."""
    X, Y = regression(500)
    weights = np.random.default_rng(4).random(500)

    def sums(ranks: Ranks) -> tuple[float, float]:
        examples = assembled(ranks, X, Y, weights, validation=0.3).examples
        return examples.n, examples.validation_n

    expected = sums(OneRank())
    for size in (2, 3, 5, 8):
        assert on_ranks(size, sums) == [expected] * size


def test_errors_beyond_the_range_of_float32(small_blocks: None) -> None:
    """Where the gradient is finite in float32, all errors are float64's: each, their sums, E_val, a sample's."""
    X, Y = regression(40, m=2)
    options = {**PLAIN, "validation": 0.3, "batch_size": 7}

    def errors(dtype: str) -> tuple[list[float], np.ndarray]:
        assembly = assembled(OneRank(), X, Y * 2e18, np.linspace(1, 2, 40), dtype=dtype, **options)
        objective, w = assembly.objective, assembly.model.network.w.copy()
        w[-10:-8] = 9e19  # the bias of the outputs
        E, G = objective(w)
        return [E, objective.error(w), objective.validation_error(w), objective.sample(w, 3).E], G

    single, double = errors("float32"), errors("float64")
    assert min(single[0]) > 1e39
    np.testing.assert_allclose(single[0], double[0], rtol=1e-5)
    np.testing.assert_allclose(single[1], double[1], rtol=1e-4, atol=1e-4 * np.abs(double[1]).max())


def test_a_column_far_below_another_keeps_its_digits(small_blocks: None) -> None:
    """The sum over blocks of an unstandardised column beside one of 1e16 times its size, against math.fsum."""
    X, Y = regression(200, d=3)
    X[:, 0] *= 1e16
    X[:, 2] *= 1e-3
    assembly = assembled(OneRank(), X, Y, **PLAIN)
    objective, w = assembly.objective, assembly.model.network.w
    w[4:8] *= 1e-16
    _, G = objective(w)
    out = np.empty(len(w))
    terms = []
    for block in assembly.examples.blocks:
        objective.backpropagation.gradient(block, out)
        terms.append(out.copy())
    exact = np.array([math.fsum(column) for column in np.transpose(terms)]) / 200
    size = np.abs(terms).sum(axis=0) / 200
    assert size[8:12].max() < 1e-15 * size[4:8].max() and len(terms) == 40
    assert (np.abs(G - exact) / size).max() < 1e-10


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("task", TASKS)
def test_the_same_bits_under_MPI(task: str, ranks: Any, small_blocks: None) -> None:
    X, Y = words(11) if task == "classes" else regression(11, m=2)
    weights = np.random.default_rng(4).random(11)
    expected = everything(OneRank(), X, Y, weights, **TASKS[task])
    for trial in range(4):
        edges = np.sort(np.random.default_rng(trial).integers(0, 12, ranks.size - 1))
        counts = np.diff([0, *edges, 11]).tolist()
        np.testing.assert_equal(everything(ranks, X, Y, weights, counts=counts, **TASKS[task]), expected)


def test_a_plain_sum_is_close(small_blocks: None) -> None:
    X, Y = regression(20)
    exact = everything(OneRank(), X, Y)
    found = on_ranks(3, lambda ranks: everything(ranks, X, Y, counts=[5, 9, 6], reduction="plain"))[1]
    assert found[0] == pytest.approx(exact[0], rel=1e-13)
    np.testing.assert_allclose(np.frombuffer(found[1]), np.frombuffer(exact[1]), rtol=1e-10, atol=1e-14)


def test_weights_are_repeated_rows(small_blocks: None) -> None:
    X, Y = regression(8)
    weights = np.array([0, 1, 2, 3, 0, 1, 1, 2])
    options = {**PLAIN, "weight_decay": 0.1}
    weighted = assembled(OneRank(), X, Y, weights.astype(float), **options)
    repeated = assembled(OneRank(), np.repeat(X, weights, 0), np.repeat(Y, weights, 0), **options)
    w = weighted.model.network.w
    assert weighted.examples.n == 10 / 16  # scaled as the weights are
    assert pytest.approx(repeated.objective(w).E, rel=1e-13) == weighted.objective(w).E
    np.testing.assert_allclose(weighted.objective(w).G, repeated.objective(w).G, rtol=1e-11, atol=1e-13)


def test_weight_decay_leaves_the_bias_rows_out() -> None:
    X, Y = regression(10)
    bare = assembled(OneRank(), X, Y, hidden=(4, 2))
    decayed = assembled(OneRank(), X, Y, hidden=(4, 2), weight_decay=0.25)
    network = bare.model.network
    w = network.w
    penalty = sum(value**2 for W in network.W for row in W[1:].tolist() for value in row)
    assert pytest.approx(bare.objective(w).E + 0.25 * penalty, rel=1e-13) == decayed.objective(w).E
    assert decayed.objective.error(w) == decayed.objective(w).E
    expected = np.concatenate([np.vstack([0 * W[:1], 0.5 * W[1:]]).ravel() for W in network.W])
    np.testing.assert_allclose(decayed.objective(w).G - bare.objective(w).G, expected, atol=1e-12)
    w = w.copy()
    w[0] = np.inf  # a bias, of which tanh is 1
    assert pytest.approx(bare.objective(w).E + 0.25 * penalty, rel=1e-13) == decayed.objective(w).E
    np.testing.assert_allclose(decayed.objective(w).G - bare.objective(w).G, expected, atol=1e-12)


def test_a_sample_is_the_mean_over_its_picks(small_blocks: None) -> None:
    X, Y = regression(9, d=2)
    weights = np.arange(1.0, 10)
    assembly = assembled(OneRank(), X, Y, weights, batch_size=4, seed=3, **PLAIN)
    w = assembly.model.network.w
    chosen = picks(3, 17, 9, 4)
    data = (assembly.model.network.d, X[chosen], Y[chosen], NAMES)
    E, G = assembly.objective.sample(w, 17)
    # Each example counts with its weight over the mean weight, so that the mean over all picks is E_in.
    share = weights[chosen].sum() / (4 * weights.mean())
    assert pytest.approx(share * complex(oracles.E_in(w.tolist(), *data, weights[chosen])).real, rel=1e-12) == E
    expected = share * oracles.mean_gradient(w.tolist(), *data, weights[chosen])
    np.testing.assert_allclose(G, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_samples_are_unbiased(weighted: bool) -> None:
    X, Y = regression(5)
    assembly = assembled(OneRank(), X, Y, np.arange(1.0, 6) if weighted else None, batch_size=50, hidden=(2,))
    w = assembly.model.network.w
    E, G = assembly.objective(w)
    samples = [assembly.objective.sample(w, t) for t in range(400)]
    spread = np.std([sample.E for sample in samples]) / 20
    assert np.mean([sample.E for sample in samples]) == pytest.approx(E, abs=4 * spread)
    spreads = np.std([sample.G for sample in samples], axis=0) / 20
    assert (np.abs(np.mean([sample.G for sample in samples], axis=0) - G) < 5 * spreads + 1e-15).all()


def test_E_val_is_the_error_of_the_rows_held_out(small_blocks: None) -> None:
    X, Y = regression(40, d=2)
    weights = np.linspace(1, 2, 40)
    options = {**PLAIN, "validation": 0.4, "seed": 8, "weight_decay": 0.1}
    assembly = assembled(OneRank(), X, Y, weights, **options)
    w, out = assembly.model.network.w, held_out(8, 0.4, np.arange(0, 40))
    assert 5 < out.sum() < 30
    assert (assembly.examples.validation_rows, assembly.examples.rows) == (out.sum(), (~out).sum())
    data = (assembly.model.network.d, X[out], Y[out], NAMES, weights[out])
    E_val = assembly.objective.validation_error(w)
    assert E_val == pytest.approx(complex(oracles.E_in(w.tolist(), *data)).real, rel=1e-12)
    without = assembled(OneRank(), X[~out], Y[~out], weights[~out], **PLAIN, weight_decay=0.1)
    assert pytest.approx(without.objective(w).E, rel=1e-13) == assembly.objective(w).E
    assert np.isnan(without.objective.validation_error(w))


@pytest.mark.parametrize("size", [1, 3])
def test_E_test_is_the_error_of_rows_that_nothing_else_depends_on(size: int, small_blocks: None) -> None:
    X, Y = regression(60, d=2)
    weights = np.linspace(1, 2, 60)
    options = {**PLAIN, "validation": 0.3, "seed": 8}
    test, held = for_test(8, 0.25, np.arange(60)), held_out(8, 0.3, np.arange(60))
    assert 5 < test.sum() < 30

    def work(ranks: Any) -> tuple[float, float, float]:
        objective = assembled(ranks, X, Y, weights, counts=[60 // size] * size, **options, test=0.25).objective
        w = np.linspace(-1, 1, objective.decayed.size)
        examples = objective.examples
        assert (examples.test_rows, examples.validation_rows) == (test.sum(), held.sum())
        return objective.test_error(w), objective.validation_error(w), objective(w).E

    (E_test, E_val, E_in), *others = on_ranks(size, work)
    assert all(found == (E_test, E_val, E_in) for found in others)
    for found, mask in ((E_test, test), (E_val, held), (E_in, ~test & ~held)):
        alone = assembled(OneRank(), X[mask], Y[mask], weights[mask], **PLAIN).objective
        assert found == pytest.approx(alone(np.linspace(-1, 1, alone.decayed.size)).E, rel=1e-13)
    spoilt = Y + np.where(test, 1e3, 0)[:, None]  # only E_test sees them
    objective = assembled(OneRank(), X, spoilt, weights, **options, test=0.25).objective
    w = np.linspace(-1, 1, objective.decayed.size)
    assert (objective.validation_error(w), objective(w).E) == (E_val, E_in)
    assert objective.test_error(w) > 100 * E_test


def test_evaluations_count_passes_over_D() -> None:
    X, Y = regression(20)
    assembly = assembled(OneRank(), X, Y, batch_size=5)
    objective, w = assembly.objective, assembly.model.network.w
    objective(w)
    objective.sample(w, 0)
    assert objective.evaluations == 1.25
