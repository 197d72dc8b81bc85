"""The contest of defaults: the same folds for all, scores as scikit-learn has them, and two tables printed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from distnn.bench import defaults
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank

WORDS = np.array(["a", "b", "c"])[np.arange(23) % 3]


def test_scores_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    y, predicted = generator.normal(size=(2, 30, 3))
    assert defaults.score(y, predicted) == pytest.approx(r2_score(y, predicted))
    assert defaults.score(y[:, 0], predicted[:, 0]) == pytest.approx(r2_score(y[:, 0], predicted[:, 0]))
    guessed = generator.permutation(WORDS)
    assert defaults.score(WORDS, guessed) == accuracy_score(WORDS, guessed)


@pytest.mark.parametrize("y", [WORDS, np.arange(23.0)], ids=["classes", "numbers"])
def test_each_row_is_predicted_once_by_those_of_the_other_folds(y: np.ndarray) -> None:
    rows = np.arange(23.0)[:, None]
    seen = []

    def remembering(X: np.ndarray, known: np.ndarray, new: np.ndarray) -> np.ndarray:
        seen.append(new[:, 0])
        assert sorted([*X[:, 0], *new[:, 0]]) == list(range(23))
        np.testing.assert_array_equal(known, y[X[:, 0].astype(int)])
        return y[new[:, 0].astype(int)]

    assert defaults.judged(remembering, rows, y).score == 1
    assert sorted(np.concatenate(seen)) == list(range(23))
    fold = defaults.folds(y)
    assert set(np.bincount(fold)) == {4, 5}
    if y is WORDS:  # of each class as many in each fold, but for one
        counts = [np.bincount(fold[y == name], minlength=5) for name in "abc"]
        assert all(np.ptp(count) <= 1 for count in counts)


def test_two_tables_with_medians(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(defaults, "FOLDS", 3)
    assert defaults.main(OneRank(), ["linnerud", "iris"]) == 0
    printed = capsys.readouterr().out
    assert printed.index("R² over five folds") < printed.index("linnerud, 20 × 3") < printed.index("Accuracy over")
    assert "iris, 150 × 4" in printed
    assert printed.count("median") == 2


def test_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="There is no table boston; choose from diabetes, "):
        defaults.main(OneRank(), ["boston"])
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(UserError, match=r"distnn.bench.defaults needs the package scikit-learn.*distnn\[bench\]"):
        defaults.main(OneRank(), [])
