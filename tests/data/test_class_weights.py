"""Weights of classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tables import assembled, words, write_csv
from threaded_ranks import on_ranks

from distnn import load_model
from distnn.data.class_weights import factors
from distnn.data.classes import Classes
from distnn.errors import UserError
from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate
from distnn.inference.options import ApplyOptions
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import OneRank, Ranks
from distnn.train import main as train


def test_balanced_classes_weigh_the_same() -> None:
    X, Y = words(90)
    held = np.array([np.count_nonzero(name == Y) for name in np.unique(Y)])
    assert len(set(held)) > 1
    by_hand = assembled(OneRank(), X, Y, (90 / (3 * held))[np.unique(Y, return_inverse=True)[1]])

    def work(ranks: Ranks) -> tuple[list[float], float, float]:
        assembly = assembled(ranks, X, Y, counts=[90 // ranks.size] * ranks.size, class_weights=("balanced",))
        w = assembly.model.network.w
        return assembly.objective(w).G.tolist(), assembly.objective.error(w), assembly.examples.n

    for size in (1, 3):
        for G, E, n in on_ranks(size, work):
            expected = by_hand.objective(by_hand.model.network.w)
            np.testing.assert_allclose(G, expected.G, rtol=1e-12, atol=1e-15)
            assert pytest.approx(expected.E, rel=1e-13) == E
            assert n == pytest.approx(by_hand.examples.n)


def test_a_table_of_weights() -> None:
    classes, none = Classes(("a", "b=c", "d"), "softmax"), Cut(0, 1, 0)
    assert factors(["b=c=2.5", "a=0.1"], classes, [], none, OneRank()).tolist() == [0.1, 2.5, 1]
    for wanted, sentence in [
        (["a=0"], "--class-weights a=0: give balanced alone, or CLASS=WEIGHT with a weight above 0"),
        (["balanced", "a=1"], "--class-weights balanced: give balanced alone"),
        (["q=1"], "there is no class 'q'; the classes are a, b=c, d"),
    ]:
        with pytest.raises(UserError, match=sentence):
            factors(wanted, classes, [], none, OneRank())
    X, _ = words(20)
    with pytest.raises(UserError, match="--class-weights needs a target of classes"):
        assembled(OneRank(), X, X[:, 0], class_weights=("balanced",))


@pytest.mark.parametrize("wanted", [("balanced",), ("apple=3e200", "plum=0.125")])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_evaluate_has_the_error_of_the_training(wanted: tuple[str, ...], dtype: str, tmp_path: Path) -> None:
    """To the bit; what is counted beside it, is counted by rows."""
    X, Y = words(400)
    table = write_csv(tmp_path / "a.csv", {"a": X[:, 0], "b": X[:, 1], "w": np.arange(400) % 7 * 1.1, "y": Y})
    arguments = ["--data", str(table), "--hidden", "3", "--max-iterations", "4", "--validation", "0.3", "--quiet"]
    arguments += ["--weights", "w", "--dtype", dtype, "--out", str(tmp_path / "run"), "--fit-exactly"]
    arguments += ["--class-weights", *wanted]
    assert train(OneRank(), arguments) == 0
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    options = ApplyOptions(model=str(tmp_path / "run"), data=str(table))
    for rows, name in (("trained", "E_in"), ("held-out", "E_val")):
        for size in (1, 3):

            def work(ranks: Ranks, rows: str = rows) -> dict:
                return evaluate(Application(options, ranks, with_targets=True), rows)

            for found in on_ranks(size, work):
                assert found["E"] == result[name]
                assert sum(map(sum, found["confusion"])) == pytest.approx(found["n"])
    known = load_model(tmp_path / "run").preparation.classes
    assert known is not None and len(known.weights) == 3
    if wanted[0] != "balanced":
        assert known.weights == (3e200, 1.0, 0.125)
