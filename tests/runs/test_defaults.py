"""What is chosen where nobody chose: for whom, what, the same as by explicit options, and on any number of ranks."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from left_open import assembled, wavy
from tables import words, write_csv
from threaded_ranks import on_ranks

import distnn
from distnn.data.tables import ExclusiveOr
from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs.assembly import Assembly
from distnn.runs.defaults import DECAY, PLENTY, SURE, assemble
from distnn.runs.options import Options
from distnn.train import main


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few trials, of few iterations and of at most 4 hidden units, where it does not matter what is chosen."""
    monkeypatch.setattr("distnn.runs.network_search.ITERATIONS", 10)
    monkeypatch.setattr("distnn.runs.network_search.COSTLY", 50 * 17**2)
    monkeypatch.setattr("distnn.runs.network_search.DECAYS", [0.1, 1.0])


def has_chosen_nothing(made: Assembly) -> bool:
    options = made.options
    plain = (options.hidden, options.weight_decay, options.validation) == ((16, 16), 0.0, 0.0)
    return plain and options.optimizer != "bayesian" and "--fit-exactly" not in str(made.why)


@pytest.mark.parametrize(
    "options",
    [
        {"fit_exactly": True},
        {"optimizer": "lbfgs"},
        {"eta": 0.1},
        {"batch_size": 4},
        {"weight_decay": 0.0},
        {"validation": 0.0},
        {"goal": 1e-9},
    ],
)
def test_who_has_chosen_is_left_alone(options: dict[str, Any]) -> None:
    assert has_chosen_nothing(assembled(*wavy(40), **options))


def test_who_has_chosen_nothing_is_not(short: None) -> None:
    assert not has_chosen_nothing(assembled(*wavy(40)))


def test_the_exclusive_or_and_many_rows_are_fitted_exactly() -> None:
    assert has_chosen_nothing(assemble(Options(), ExclusiveOr(50, 0), OneRank()))
    n = PLENTY * 13  # weights of 2-3-1
    assert assembled(*wavy(n), hidden=(3,)).options.optimizer == "levenberg-marquardt"
    assert assembled(*wavy(n - 1), hidden=(3,)).options.optimizer == "bayesian"


def test_error_bars_are_stored_of_few_weights(short: None) -> None:
    many = (SURE // 4 + 1,)  # weights of 2-H-1: 4 H + 1
    for hidden, chosen, stored in (((3,), None, "all"), (many, None, None), ((3,), "last", "last")):
        made = assembled(*wavy(40), hidden=hidden, intervals=chosen)
        assert (made.options.optimizer, made.options.intervals) == ("bayesian", stored)


def test_it_is_what_these_options_do_explicitly(short: None) -> None:
    X, y = wavy(50)
    own = distnn.fit(X, y, max_iterations=20)
    units = own.model.network.d[1:-1]
    settings = {"optimizer": "bayesian", "decays": "groups", "tolerance": 1e-4, "max_iterations": 20}
    explicit = distnn.fit(X, y, hidden=units, **settings)
    assert own.model.network.w.tobytes() == explicit.model.network.w.tobytes()
    assert distnn.fit(X, y, hidden=(3,), max_iterations=5).records[-1].evidence < 0  # the network that was asked for


def test_the_same_choice_on_any_number_of_ranks(short: None, small_blocks: None) -> None:
    X, y = wavy(50)

    def chosen(ranks: Ranks) -> tuple[Options, str | None, bytes]:
        made = assembled(X, y, ranks=ranks)
        return made.options, made.why, made.model.network.w.tobytes()

    assert on_ranks(3, chosen) == [chosen(OneRank())] * 3


def test_classes_get_a_weight_decay() -> None:
    X, y = words(80)
    made = assembled(X, y)
    assert made.options.weight_decay == DECAY / 80 == made.objective.weight_decay
    assert (made.options.optimizer, made.options.hidden, made.options.validation) == ("lbfgs", (16, 16), 0.0)
    assert "With a weight decay of 0.0375, 3 / n; --fit-exactly leaves this out." in str(made.why)
    assert assembled(X, y, test=0.5).options.weight_decay == DECAY / assembled(X, y, test=0.5).examples.rows


def test_a_network_too_large_for_the_evidence_holds_rows_out() -> None:
    made = assembled(*wavy(200), hidden=(40, 40))
    assert (made.options.optimizer, made.options.validation) == ("lbfgs", 0.2)
    assert made.examples.validation_rows > 20
    assert "and 20 % of the rows held out" in str(made.why)
    assert assembled(*wavy(60), hidden=(40, 40)).options.validation == 0


def test_where_there_is_no_evidence_there_is_a_decay() -> None:
    """With weights that do not count rows."""
    found = assembled(*wavy(40), np.full(40, 1 / 40)).options
    assert (found.optimizer, found.weight_decay) == ("levenberg-marquardt", DECAY / 40)


def test_it_is_stored_and_a_run_goes_on_with_it(
    short: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    X, y = wavy(50)
    table = str(write_csv(tmp_path / "a.csv", {"a": X[:, 0], "b": X[:, 1], "y": y}))

    def train(*arguments: str) -> bytes:
        main(OneRank(), arguments)
        return (Path(arguments[arguments.index("--out") + 1]) / "model.safetensors").read_bytes()

    whole = train("--data", table, "--out", str(tmp_path / "whole"), "--max-iterations", "12")
    assert "--fit-exactly leaves this out" in "".join(capsys.readouterr())
    stored = tomllib.loads((tmp_path / "whole" / "options.toml").read_text())
    assert (stored["optimizer"], stored["decays"], stored["weight-decay"]) == ("bayesian", "groups", 0)
    assert stored["hidden"] == list(assembled(X, y).options.widths)
    train("--data", table, "--out", str(tmp_path / "parts"), "--max-iterations", "5")
    assert train("--resume", "--out", str(tmp_path / "parts"), "--max-iterations", "12") == whole
    capsys.readouterr()
    assert main(OneRank(), ["--data", table, "--dry-run"]) == 0
    assert "one hidden layer, its units chosen by trainings, or none" in capsys.readouterr().out
