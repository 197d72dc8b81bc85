"""The weight decay where rows are held out and no more is said: whether these rows are better predicted with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from left_open import assembled, wavy
from tables import words, write_csv
from threaded_ranks import on_ranks

import distnn
from distnn.data.tables import ArraySource
from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs.decay_search import DECAYS
from distnn.runs.defaults import assemble
from distnn.runs.options import Options
from distnn.train import main
from distnn.training.interruption import TIME_USED

HELD_OUT: dict[str, Any] = {"hidden": (8,), "validation": 0.2}


def test_rows_with_noise_get_one_and_those_without_get_none() -> None:
    X, y = wavy(40, noise=1.0)
    made = assembled(X, y, **HELD_OUT)
    decay = made.options.weight_decay
    assert decay in [share / made.examples.rows for share in DECAYS[1:]]
    said = re.search(
        r"With a weight decay of (\S+), (\S+) / n, by E_val in at most 100 iterations \((.*)\);", str(made.why)
    )
    assert said is not None
    assert said[1] == f"{decay:.3g}"
    E_val = dict(part.split(" / n ") for part in said[3].split("; "))
    assert list(E_val) == ["0", "0.1", "1", "10"]
    assert min(E_val, key=lambda share: float(E_val[share])) == said[2]
    exact = assembled(*wavy(60, noise=0), **HELD_OUT)
    assert exact.options.weight_decay == 0
    assert "Without a weight decay, by E_val in at most 100 iterations (" in str(exact.why)


def test_classes_are_judged_by_it_too() -> None:
    X, y = words(80)
    shuffled = np.random.default_rng(0).permutation(y)
    assert assembled(X, shuffled, validation=0.2, max_iterations=30).options.weight_decay


@pytest.mark.parametrize("option", [{"weight_decay": 0.0}, {"fit_exactly": True}, {"goal": 1e-9}, {"eta": 0.1}])
def test_who_says_more_is_left_alone(option: dict[str, Any]) -> None:
    made = assembled(*wavy(60), **HELD_OUT, **option)
    assert made.options.weight_decay == 0
    assert "weight decay" not in str(made.why)
    assert "weight decay" not in str(assembled(*wavy(40 * 30), hidden=(8,), validation=0.2).why)  # 33 weights


def test_it_is_what_these_options_do_explicitly_on_any_number_of_ranks(small_blocks: None) -> None:
    X, y = wavy(60, noise=0.5)
    options = {**HELD_OUT, "max_iterations": 10}

    def chosen(ranks: Ranks) -> tuple[float | None, str | None]:
        made = assembled(X, y, ranks=ranks, **options)
        return made.options.weight_decay, made.why

    alone = chosen(OneRank())
    assert on_ranks(3, chosen) == [alone] * 3
    own, explicit = (distnn.fit(X, y, **options, **decay) for decay in ({}, {"weight_decay": alone[0]}))
    assert own.model.network.w.tobytes() == explicit.model.network.w.tobytes()


def test_where_time_is_used_up_there_is_none() -> None:
    X, y = wavy(60, noise=0.5)
    ranks = OneRank()

    def look(words: str) -> None:
        assert words.startswith("the weight decay: trying 0")
        ranks.stop_request = TIME_USED

    made = assemble(Options(**HELD_OUT), ArraySource(X, y, None, ranks), ranks, look=look)
    assert made.options.weight_decay == 0
    assert "Without a weight decay, as far as there was time; --fit-exactly" in str(made.why)


def test_a_dry_run_tells_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    X, y = wavy(40)
    table = write_csv(tmp_path / "a.csv", {"a": X[:, 0], "b": X[:, 1], "y": y})
    assert main(OneRank(), ["--data", str(table), "--validation", "0.2", "--dry-run"]) == 0
    assert "with the weight decay, if any, that has the lowest E_val in trainings before" in capsys.readouterr().out
