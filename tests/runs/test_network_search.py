"""The network where nobody chose one: by what, on which rows, and how the search for it ends."""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from left_open import assembled, wavy
from sklearn.linear_model import RidgeCV
from threaded_ranks import on_ranks

from distnn.data.tables import ArraySource
from distnn.errors import DONE, STOPPED
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import OneRank
from distnn.runs.assembly import Assembly
from distnn.runs.defaults import DECAY, assemble
from distnn.runs.network_search import FIFTH, NOTHING, Trial, _ridge, _straight_line, bayesian
from distnn.runs.options import Options
from distnn.runs.trials import ITERATIONS, Stopped
from distnn.training.interruption import STOP_FILE, TIME_LIMIT, TIME_USED


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials of few iterations: they tell networks from each other as trials that settle do."""
    monkeypatch.setattr("distnn.runs.network_search.ITERATIONS", 15)


def test_the_evidence_chooses_the_network(short: None) -> None:
    X, y = wavy(60)
    made = assembled(X, y)
    assert made.options.optimizer == "bayesian"
    assert made.options.decays == "groups"
    assert made.options.hidden in ((2,), (4,))
    assert "hidden units, by the errors of rows left out (ridge regression 0." in str(made.why)
    assert "; no hidden units 0." in str(made.why) and ", log evidence -" in str(made.why)
    assert made.options.intervals == "all"
    assert assembled(X, y, min_gradient=1.0, max_iterations=2).options.hidden == made.options.hidden
    straight = assembled(X, X @ [1.0, 2.0] + 0.1 * np.random.default_rng(1).normal(size=60))
    assert (straight.options.hidden, straight.options.optimizer) == ((), "levenberg-marquardt")
    decay = straight.options.weight_decay
    assert decay and f"no hidden units and --weight-decay {decay:.3g}, ridge regression, by" in str(straight.why)


def test_it_says_where_a_straight_line_finds_next_to_nothing_in_the_inputs(short: None) -> None:
    """Whatever is taken; the mean is that of the targets, and the rows left out have their share in it."""
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 1, (90, 2))
    for said, y in (
        (True, generator.normal(size=90)),
        (True, np.prod(X, axis=1) + 0.01 * generator.normal(size=90)),
        (False, X[:, 0] + 0.5 * generator.normal(size=90)),
    ):
        assert ("ridge regression that is not clearly better than the mean" in str(assembled(X, y).why)) is said


def test_what_is_learnt_with_the_largest_decay_is_the_mean() -> None:
    made = assembled(X := np.random.default_rng(0).normal(size=(40, 2)), 5 + X[:, 0], weight_decay=0.0, hidden=())
    errors = _straight_line(Options(), made, NOTHING, str).errors
    assert errors is not None
    expected = np.square(X[:, 0] - X[:, 0].mean()) / X[:, 0].var() / (1 - 1 / 40) ** 2
    np.testing.assert_allclose(np.concatenate(errors), expected, rtol=1e-4)


def test_ridge_regression_has_the_decay_that_scikit_learn_gives_it() -> None:
    """Of 10⁻⁴ … 10⁴, ten to the quarter apart, which are not all tried: powers of one input want a small one."""
    generator = np.random.default_rng(0)
    t, decays = generator.uniform(0, 1, 50), []
    for X in (np.column_stack([t, t**2, t**3, t**4]), generator.normal(size=(50, 8))):
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        y = np.sin(6 * t) + X[:, 0] + 0.3 * generator.normal(size=50)
        chosen = _ridge(Options(), assembled(X, y, weight_decay=0.0, hidden=()), str).options
        decays.append(RidgeCV(np.logspace(-4, 4, 33)).fit(X, y).alpha_)
        assert chosen.weight_decay == pytest.approx(decays[-1] / 50)
    assert decays == pytest.approx([10**-2.25, 10**0.25])


def test_networks_whose_blocks_are_others_are_judged_row_by_row(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And by other ranks than trained with these rows."""
    monkeypatch.setattr("distnn.runs.network_search.COSTLY", 200 * 17**2)  # at most 4 hidden units
    monkeypatch.setattr("distnn.runs.network_search.DECAYS", [0.1, 1.0])
    monkeypatch.setattr(
        "distnn.runs.plan.cut", lambda n, d, dtype, squares: Cut(n, rows := 30 + 7 * d[-1], -(-n // rows))
    )
    X, y = wavy(200)
    alone = assembled(X, y)
    assert "2 hidden units 0." in str(alone.why) and alone.options.hidden != ()
    assert [made.why for made in on_ranks(3, lambda ranks: assembled(X, y, ranks=ranks))] == [alone.why] * 3


def test_heavy_tails_do_not_mislead_it(short: None) -> None:
    """The evidence, which takes the noise for normal, would bend networks to the largest targets."""
    generator = np.random.default_rng(5)
    X = generator.normal(size=(120, 6))
    y = np.exp(1.5 * generator.normal(size=120)) + 0.3 * X[:, 0]
    made = assembled(X, y)
    assert (made.options.hidden, made.options.optimizer) == ((), "levenberg-marquardt")
    without, two = (float(evidence) for evidence in re.findall(r"log evidence (-[\d.]+)", str(made.why))[:2])
    assert two > without + 1


def test_many_inputs_for_few_rows_do_not_mislead_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 units have clearly smaller errors of rows left out, since the decays know all rows; without a fifth none."""
    monkeypatch.setattr("distnn.runs.network_search.COSTLY", 60 * 289**2)  # at most 16 hidden units
    generator = np.random.default_rng(21)
    X = generator.normal(size=(60, 16))
    y = X @ generator.normal(size=16) + 2 * generator.normal(size=60)
    made = assembled(X, y)
    assert (made.options.hidden, made.options.optimizer) == ((), "levenberg-marquardt")
    again = str(made.why).partition(", and in trainings without a fifth of the rows (")[2]
    assert re.findall(r"(\d+) hidden units 0.7\d+, where ridge regression has 0.702", again) == ["16", "8", "4", "2"]


def test_what_is_clear_after_a_fifth_takes_no_more_trainings() -> None:
    X, y = wavy(200, noise=0.01)
    source, words = ArraySource(X, y, None, OneRank()), []
    made = assemble(Options(), source, OneRank(), look=words.append)
    assert made.options.hidden not in ((), None)
    began = [i for i, word in enumerate(words) if word.endswith(FIFTH) and " 0 " not in word]
    assert words[began[0] :] == [f"the network: trying {made.options.hidden[0]} hidden units{FIFTH}"] * len(began)
    assert len(began) == ITERATIONS + 1  # of one training
    own, ridge = map(float, re.findall(r"units (\S+), where ridge regression has ([\d.]+)", str(made.why))[0])
    assert 0 < own < 0.1 * ridge


def test_a_target_that_is_a_straight_line_does_not_keep_others_from_hidden_units(short: None) -> None:
    """Without noise, too: its evidence falls by far more than that of the others rises."""
    generator = np.random.default_rng(0)
    a, b = X = generator.uniform(-1, 1, (2, 120))
    made = assembled(X.T, np.column_stack([np.sin(3 * a), a * b, a - b]))
    assert made.options.hidden not in ((), None)


def test_two_networks_in_a_row_without_a_gain_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def trials(options: Options, *rest: object) -> Iterator[Trial]:
        for evidence in (-10.0, -5.0, -5.0, -3.0, -3.0, -2.5, 100.0):
            seen.append(evidence)
            yield Trial(bayesian(options, (2,)), "2 hidden units", evidence, None, math.inf)

    monkeypatch.setattr("distnn.runs.network_search._bayesian_trials", trials)
    assert "ridge regression, by" in str(assembled(*wavy(40)).why)
    assert seen == [-10, -5, -5, -3, -3, -2.5]


def test_fewer_units_than_targets_do_not_end_the_search(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two units cannot bend three targets, each in its own way; four can."""
    monkeypatch.setattr("distnn.runs.network_search.PATIENCE", 1)
    generator = np.random.default_rng(400)
    a, b, c, d = X = generator.uniform(-1, 1, (4, 200))
    Y = np.column_stack([np.sin(3 * a) * b + c, 2 * d, np.exp(a)])
    made = assembled(X.T, Y + [0.1, 0.3, 0.2] * generator.normal(size=Y.shape))
    assert "; 4 hidden units 0." in str(made.why)


def test_a_search_is_stopped_as_a_training_is() -> None:
    """What asks to stop raises `stop_request`: then nothing is chosen; where time is used up, the best so far is."""
    X, y = wavy(50)

    def stopped(request: int, at: int) -> Assembly:
        ranks = OneRank()
        source = ArraySource(X, y, None, ranks)

        def look(words: str) -> None:
            if words == f"the network: trying {at} hidden units":
                ranks.stop_request = request

        return assemble(Options(), source, ranks, look=look)

    for request, code in ((signal.SIGTERM, STOPPED), (TIME_LIMIT, STOPPED), (STOP_FILE, DONE)):
        with pytest.raises(Stopped) as error:
            stopped(request, 0)
        assert error.value.reason.code == code
    assert "no hidden units, as far as there was time" in str(stopped(TIME_USED, 0).why)
    assert ", as far as there was time; --fit-exactly" in str(stopped(TIME_USED, 2).why)


def test_a_network_that_costs_too_much_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = wavy(50)
    monkeypatch.setattr("distnn.runs.network_search.COSTLY", 50 * 3**2)  # no hidden units, with 3 weights
    made = assembled(X, y)
    assert made.options.hidden == ()
    assert "2: " not in str(made.why)
    monkeypatch.setattr("distnn.runs.network_search.COSTLY", 50 * 3**2 - 1)
    assert assembled(X, y).options.weight_decay == DECAY / 50
