"""The comparison of the estimators: a line for each, and what it says."""

from __future__ import annotations

import pytest

from distnn import UserError
from distnn.bench.estimators import Outcome, main, row
from distnn.parallel.ranks import OneRank


def test_a_line_for_each_estimator(capsys: pytest.CaptureFixture) -> None:
    assert main(OneRank(), ["--table", "linnerud", "wine", "--folds", "2", "--iterations", "3"]) == 0
    lines = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    names = ["scikit-learn, adam", "scikit-learn, lbfgs", "distnn"]
    assert [line[:2] for line in lines] == [
        [f"| {table}", name] for table in ("linnerud, 20 × 3", "wine, 178 × 13") for name in names
    ]
    assert [line[3] for line in lines[::3]] == ["3", "3"], "epochs"
    assert all(int(line[3]) >= 3 for line in lines), "evaluations"
    assert all(line[5] == "0 of 2 |" for line in lines)


def test_a_line() -> None:
    outcomes = [Outcome(0.5, 10, 0.125, True), Outcome(1.0, 30, 0.25, False), Outcome(0.9, 20, 3.0, True)]
    expected = "| t, 1,000 × 2 | who | 0.800 (0.500 to 1.000) | 20 | 0.25 | 2 of 3 |"
    assert row("t", (1000, 2), "who", outcomes) == expected


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--table", "wines"], "--table wines: there is no such table"),
        (["--folds", "1"], "--folds is at least 2"),
        (["--alpha", "nan"], "--alpha at least 0"),
    ],
)
def test_bad_options(arguments: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        main(OneRank(), arguments)
