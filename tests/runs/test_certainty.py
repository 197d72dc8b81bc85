"""Learning how sure a model is: the same bits on any number of ranks, what is refused, and what is said instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression, rows_of, words, write_csv
from threaded_ranks import on_ranks

import distnn
from distnn import UserError, load_model
from distnn.data.tables import ArraySource
from distnn.inference.ensemble import Ensemble
from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs import certainty
from distnn.runs.assembly import assemble
from distnn.runs.options import Options
from distnn.train import main

X, Y = regression(50, d=2, m=2)
NAMES = np.array(["few", "some", "many"])[np.digitize(Y[:, 0], np.quantile(Y[:, 0], [0.3, 0.7]))]
WEIGHTS = np.random.default_rng(0).uniform(0.5, 2, 50)
WAYS: dict[str, dict[str, Any]] = {
    "bayesian": {"optimizer": "bayesian", "max_iterations": 4},
    "decay": {"optimizer": "lbfgs", "weight_decay": 0.01, "max_iterations": 5},
    "last": {"optimizer": "lbfgs", "weight_decay": 0.01, "max_iterations": 20, "intervals": "last"},
    "held out": {"optimizer": "lbfgs", "validation": 0.2, "max_iterations": 20, "intervals": "last"},
    "classes": {"optimizer": "lbfgs", "max_iterations": 5},
    "logistic": {"optimizer": "lbfgs", "max_iterations": 5, "output_theta": "logistic", "weight_decay": 0.01},
}

LAST: dict[str, Any] = {"hidden": (3,), **WAYS["last"]}


def learnt(ranks: Ranks, way: str) -> tuple[bytes, bytes]:
    """The bits of T and of the noise; every rank has some of the rows."""
    counts = [50 // ranks.size + (rank < 50 % ranks.size) for rank in range(ranks.size)]
    own = rows_of(ranks.rank, counts)
    options = {"hidden": (3,), "intervals": "all", **WAYS[way]}
    targets = NAMES if way in ("classes", "logistic") else Y
    found = distnn.fit(X[own], targets[own], weights=WEIGHTS[own], comm=ranks, **options).model.certainty
    assert found is not None
    return found.T.tobytes(), found.noise.tobytes()


@pytest.mark.parametrize("way", WAYS)
def test_the_same_bits_on_any_number_of_ranks(way: str, small_blocks: None) -> None:
    assert on_ranks(5, lambda ranks: learnt(ranks, way)) == [learnt(OneRank(), way)] * 5


@pytest.mark.mpi(min_size=2)
def test_the_same_bits_under_mpi(small_blocks: None, ranks: Ranks) -> None:
    for way in ("bayesian", "classes"):
        assert learnt(ranks, way) == learnt(OneRank(), way)


def test_it_does_not_count_as_training() -> None:
    given: dict[str, Any] = {"hidden": (3,), **WAYS["bayesian"]}
    fits = [distnn.fit(X, Y, **given, intervals=way) for way in (None, "all")]
    assert fits[0].records[-1].evaluations == fits[1].records[-1].evaluations
    assert fits[0].model.network.w.tobytes() == fits[1].model.network.w.tobytes()


def test_what_cannot_have_intervals_is_refused_before_the_training() -> None:
    sentence = "for numbers with --error squared and for classes with --error cross-entropy: choose so, or leave it"
    with pytest.raises(UserError, match=sentence):
        assembled(OneRank(), *words(20), intervals="all", error="squared")
    with pytest.raises(UserError, match=sentence):
        assembled(OneRank(), X, np.where(X > 5, 1.0, 0.0), intervals="all", error="cross-entropy", classes=False)
    with pytest.raises(UserError, match=r"6,\d{3} weights are more than the 5,000 .*: give --intervals last.* smaller"):
        assembled(OneRank(), X, Y, hidden=(75, 75), intervals="all")
    with pytest.raises(UserError, match=r"12,002 weights are more than the 5,000 that it can do with: take a smaller"):
        assembled(OneRank(), X, Y, hidden=(6000,), intervals="last")
    assembled(OneRank(), X, Y, hidden=(75, 75), intervals="last")


def test_too_few_rows_are_a_warning_and_a_model_without() -> None:
    """For all weights; for the noise; and where no residual is left."""
    for options, sentence in (
        ({"hidden": (30,), "max_iterations": 3}, "do not determine all 152 weights: the model is without intervals"),
        (
            {"hidden": (), "weights": WEIGHTS * 1e-3},
            r"n = 0.0\d+, and .* use up 3 of that: .* no counts, such as 1/σ², .* sum of 50",
        ),
    ):
        with pytest.warns(UserWarning, match=sentence):
            fit = distnn.fit(X, Y, optimizer="levenberg-marquardt", intervals="all", **options)  # type: ignore[arg-type]
        assert fit.model.certainty is None
    assembly = assembled(OneRank(), X, Y, hidden=(), optimizer="levenberg-marquardt", intervals="all")
    progress = assembly.begin()
    for _ in assembly.iterations(progress):
        pass
    for block in assembly.objective.examples.blocks:
        block.x[:], block.y[:] = 0, 0
    assert "The residuals are as good as 0" in str(assembly.learn_certainty(progress))


def test_learnt_to_the_last_digit_the_residuals_are_named_not_the_weights() -> None:
    """A function without noise: nothing is said of weights that use up its rows."""
    with pytest.warns(UserWarning, match="The residuals are as good as 0: the targets have no noise, or the network"):
        fit = distnn.fit(X, X @ [1.0, 2.0], hidden=(), optimizer="bayesian", intervals="all")
    assert fit.model.certainty is None


def test_a_model_that_could_not_have_it_says_why_instead_of_what_to_train_with(tmp_path: Path) -> None:
    """Also an ensemble of such models."""
    with pytest.warns(UserWarning, match="do not determine all"):
        fit = distnn.fit(X, Y, hidden=(30,), optimizer="levenberg-marquardt", intervals="all", max_iterations=3)
    fit.model.save(tmp_path / "model.safetensors")
    found = load_model(tmp_path / "model.safetensors")
    for model in (found, Ensemble.of([found, found])):
        with pytest.raises(UserError, match=r"does not hold how sure it is: The rows do not determine all 152 weights"):
            model.bounds(X)


@pytest.mark.parametrize("optimizer", [None, "bayesian"])  # None: ridge regression is chosen
def test_few_rows_beyond_the_weights_do_not_tell_the_noise(
    optimizer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a straight line; with one more of them they do, as far as Student's t goes."""
    monkeypatch.setattr("distnn.runs.network_search.ITERATIONS", 10)
    generator = np.random.default_rng(5)
    x = generator.normal(size=(7, 4))
    y = x @ [1.0, -2.0, 0.5, 1.0] + 0.1 * generator.normal(size=7)
    options = {} if optimizer is None else {"hidden": (), "optimizer": optimizer, "intervals": "all"}
    with pytest.warns(
        UserWarning,
        match=r"count for n = 5, and the network's weights use up [45]\.?\d* of that: what is left does not",
    ):
        fit = distnn.fit(x[:5], y[:5], **options)  # type: ignore[arg-type]
    assert fit.model.certainty is None
    certainty = distnn.fit(x, y, **options).model.certainty  # type: ignore[arg-type]
    assert certainty is not None and 1 < certainty.freedom[0] < 4


def test_with_hidden_layers_more_rows_have_to_be_left() -> None:
    """Of two units on 5 rows, 95 % bounds would hold a sixth of new observations."""
    generator = np.random.default_rng(5)
    x = generator.uniform(-1, 1, (5, 4))
    with pytest.warns(UserWarning, match=r"not tell how large the noise is, which takes 5: the model is without"):
        fit = distnn.fit(x, np.sin(3 * x[:, 0]) + x[:, 1], hidden=(2,), optimizer="bayesian", intervals="all")
    assert fit.model.certainty is None


def test_one_noise_level_for_all_targets_is_known_by_the_residuals_of_all() -> None:
    each, one = (
        distnn.fit(X, Y, hidden=(), optimizer="bayesian", noise=noise, intervals="all").model.certainty
        for noise in ("each", "one")
    )
    assert each is not None and one is not None
    np.testing.assert_allclose(each.freedom, 47, atol=0.5)  # 50 rows, 3 weights
    np.testing.assert_allclose(one.freedom, 94, atol=1)


def test_of_the_last_layer_alone_rows_held_out_tell_the_noise() -> None:
    fit = distnn.fit(X, Y[:, 0], **LAST, validation=0.2)
    certainty = fit.model.certainty
    assert certainty is not None
    assert 5 <= certainty.freedom[0] == int(certainty.freedom[0]) <= 20
    assert certainty.noise[0] == pytest.approx(min(record.E_val for record in fit.records), rel=1e-12)


def test_of_the_last_layer_alone_all_weights_count_for_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are too many for a factor, as if rows determined them all."""
    all_weights, last = (distnn.fit(X, Y, **{**LAST, "intervals": way}).model.certainty for way in ("all", "last"))
    assert all_weights is not None and last is not None and len(last.T) == 8
    assert (all_weights.noise.tobytes(), all_weights.freedom.tobytes()) == (
        last.noise.tobytes(),
        last.freedom.tobytes(),
    )
    monkeypatch.setattr("distnn.runs.certainty.LARGEST", 16)  # of 2-3-2 there are 17
    many = distnn.fit(X, Y, **LAST).model.certainty
    assert many is not None
    np.testing.assert_array_equal(many.freedom, 50 - 17 / 2)
    assert (many.noise > last.noise).all()
    with pytest.warns(
        UserWarning, match=r"n = 12, and may determine all of the network's 17 weights: .* validation=0.2"
    ):
        distnn.fit(X[:12], Y[:12], **LAST)


@pytest.mark.parametrize(
    ("decay", "factor", "sentence"),
    [(0.0, 1e9, None), (1e-300, 1.0, "do not determine all 9 weights: .* Train with --weight-decay, or fewer --hid")],
)
def test_what_rows_do_not_say_of_classes(decay: float, factor: float, sentence: str | None) -> None:
    """Outputs of 0 and 1 leave what the prior says; hardly any decay, a warning: softmax has weights to spare."""
    assembly = assembled(OneRank(), *words(20), hidden=(), intervals="all", max_iterations=2, weight_decay=decay)
    progress = assembly.begin()
    for _ in assembly.iterations(progress):
        pass
    progress.best_w = progress.best_w * factor
    unknown, known = assembly.learn_certainty(progress), assembly.model.certainty
    if sentence is None:
        assert known is not None
        np.testing.assert_array_equal(known.T, np.eye(9))
    else:
        assert known is None
        assert re.search(sentence, str(unknown))


def test_a_weight_that_decays_to_0_does_not_hide_what_is_known_of_others() -> None:
    """Of what the rows say nothing the prior tells, however small beside the largest α; a pivot is judged alone."""
    objective = assembled(OneRank(), X, Y[:, 0], hidden=(1,)).objective
    w, alpha = np.zeros(5), np.array([1e-9, 1e-9, 1e-9, 1e-9, 1e8])
    T = certainty.factor(objective, w, np.array([1.0]), alpha)
    np.testing.assert_allclose(np.square(T).sum(axis=0), [1e9, 1e9, 1e9, 1 / 50, 1e-8], rtol=1e-9)


def test_a_diverged_training_has_none() -> None:
    fit = distnn.fit(X, Y, optimizer="gradient-descent", eta=1e200, intervals="all", max_iterations=9)
    assert fit.model.certainty is None


def test_a_finished_run_gets_it_by_resume(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "t.csv", {"a": X[:, 0], "b": X[:, 1], "y": Y[:, 0]})
    run = ["--out", str(tmp_path / "run"), "--quiet"]
    given = ["--data", str(table), "--optimizer", "bayesian", "--hidden", "3", "--max-iterations", "20"]
    assert main(OneRank(), [*given, *run]) == 0
    before = load_model(tmp_path / "run")
    assert before.certainty is None
    assert main(OneRank(), ["--resume", "--intervals", "all", *run]) == 0
    after = load_model(tmp_path / "run")
    assert after.certainty is not None
    assert after.network.w.tobytes() == before.network.w.tobytes()


def test_memory_grows_with_the_square_of_the_weights() -> None:
    assert certainty.memory(Options(intervals="all"), (4, 9, 1)) == 110 * 55**2
    assert certainty.memory(Options(intervals="last", validation=0.2), (4, 9, 1)) == 110 * 10**2
    assert certainty.memory(Options(intervals="last"), (4, 9, 1)) == 110 * 55**2


def test_where_single_rows_decide_a_warning_says_so(small_blocks: None) -> None:
    """One row far out, on another line than the rest: left out, it would be far from that of the others."""
    generator = np.random.default_rng(0)
    x = np.append(generator.normal(size=39), 15.0)
    y = np.append(x[:-1], -15.0) + generator.normal(size=40)
    options: dict[str, Any] = {"hidden": (), "optimizer": "bayesian", "intervals": "all"}
    model = distnn.fit(x, y, **options).model
    sure = model.certainty
    assert sure is not None
    g = np.stack([np.ones(40), (x - x.mean()) / x.std()])
    h = (g * (sure.T.T @ sure.T @ g)).sum(axis=0) / sure.noise
    r = (y - model(x[:, None])[:, 0]) / y.std() / (1 - h)

    def said(ranks: Ranks) -> str | None:
        own = rows_of(ranks.rank, [40 // ranks.size] * ranks.size)
        made = assemble(Options(**options), ArraySource(x[own], y[own], None, ranks), ranks)
        return certainty.doubt(sure, made.objective, model.network.w)

    far = np.sqrt(np.mean(np.square(r)) / sure.noise[0])
    assert f"left out, rows would be {far:.3g} times as far away as the noise" in str(said(OneRank()))
    assert on_ranks(4, said) == [said(OneRank())] * 4
    with pytest.warns(UserWarning, match=r"rows would be .* a cross-validation with those of fewer hidden units"):
        distnn.fit(x, y, **{**options, "hidden": (2,)})


@pytest.mark.filterwarnings("error")
def test_where_none_does_nothing_is_said() -> None:
    distnn.fit(X, Y, hidden=(3,), optimizer="bayesian", intervals="all")
