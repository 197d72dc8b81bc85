"""The measurement of calibration: it runs on a small table, counts right, and draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distnn.bench import certainty
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank


def test_every_problem_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(certainty, "UNITS", (2,))
    monkeypatch.setattr(certainty.chosen, "__defaults__", ((2,),))
    small = {name: problem._replace(n=40) for name, problem in certainty.PROBLEMS.items()}
    monkeypatch.setattr(certainty, "PROBLEMS", small)
    monkeypatch.setattr(certainty.class_certainty, "TRAININGS", {"short": {"max_iterations": 3}})
    monkeypatch.setattr(certainty, "SMALL", (9,))
    monkeypatch.setattr(certainty, "WAYS", {"way": certainty.WAYS["--optimizer bayesian"]})
    assert certainty.main(OneRank(), ["1"]) == 0
    printed = capsys.readouterr().out
    assert "three inputs and few rows, 10 tables" in printed and all(name in printed for name in certainty.LINES)
    assert all(name in printed for name in small)
    assert "95 % intervals" in printed and "Probabilities of three classes" in printed and "short" in printed


def test_what_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise that is never there lies within, and a function that jumps after the training outside."""
    monkeypatch.setattr(certainty.chosen, "__defaults__", ((4,),))
    smooth = certainty.PROBLEMS["smooth"]._replace(n=60)
    found = certainty.covered(smooth, 0)
    assert 0.5 < found.function <= 1
    assert 0.8 < found.observation <= 1
    far = certainty.covered(smooth._replace(f=lambda X: 1e3 * (len(X) == certainty.NEW) + X[:, 0]), 0)
    assert (far.function, far.observation) == (0, 0)


def test_tables_that_are_left_without_intervals_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certainty, "SMALL", (4, 30))
    monkeypatch.setattr(certainty, "LINES", {"line": (1.0, -2.0, 0.5)})
    monkeypatch.setattr(
        certainty, "WAYS", {"way": {"hidden": (), "optimizer": "levenberg-marquardt", "intervals": "all"}}
    )
    without, known = certainty.measured_of_few_rows(5)
    assert without == ("line", "way", "4", "", "", "5")
    assert known[:3] == ("line", "way", "30") and 85 < float(known[4].split()[0]) <= 100 and known[5] == "0"


def test_of_nothing_but_noise_intervals_hold_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certainty, "SMALL", (20,))
    monkeypatch.setattr(certainty, "LINES", {"noise": (0.0, 0.0, 0.0)})
    monkeypatch.setattr(certainty, "WAYS", {"way": certainty.WAYS["--optimizer bayesian"]})
    assert float(certainty.measured_of_few_rows(20)[0][3].split()[0]) > 80


def test_the_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certainty.chosen, "__defaults__", ((3,),))
    assert certainty.main(OneRank(), ["0", str(tmp_path / "a.svg")]) == 0
    assert "<svg" in (tmp_path / "a.svg").read_text()
    with pytest.raises(UserError, match=r"a.svg/b.svg cannot be written"):
        certainty.draw(str(tmp_path / "a.svg" / "b.svg"))
    assert np.isfinite(certainty.PROBLEMS["heavy tails"].noise(np.random.default_rng(0), 5)).all()


@pytest.mark.parametrize("arguments", [["many"], ["1", "a.svg", "b.svg"]])
def test_bad_arguments_are_one_sentence(arguments: list[str]) -> None:
    with pytest.raises(UserError, match="takes a number of tables and the name of a figure, or neither"):
        certainty.main(OneRank(), arguments)
