"""Weights of examples: what a row of weight 0 holds changes no bit, and weights of any size are weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression, words, write_csv
from threaded_ranks import on_ranks

from distnn import UserError, fit
from distnn.data.tables import open_source
from distnn.evaluate import main as evaluate
from distnn.parallel.ranks import OneRank, Ranks
from distnn.storage.files import read
from distnn.train import main as train

N = 60
OPTIONS: dict[str, Any] = {"hidden": (4,), "optimizer": "gradient-descent", "max_iterations": 5, "validation": 0.2}
ARGUMENTS = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items() if name != "hidden"]
FILLS = {"1e20": 1e20, "as NetCDF fills": 9.96921e36, "not a number": np.nan, "infinite": np.inf, "zero": 0.0}


def table(fill: float, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A table in which some rows, the first and the last among them, have weight 0 and hold `fill`."""
    X, Y = (regression if kind == "numbers" else words)(N)
    weights = np.random.default_rng(3).uniform(0.5, 2, N)
    empty = np.isin(np.arange(N), [0, 1, 7, 20, 21, 22, N - 1])
    X, weights = np.where(empty[:, None], fill, X), np.where(empty, 0, weights)
    Y = np.where(empty[:, None], fill, Y) if kind == "numbers" else np.where(empty, "nothing known", Y)
    return X, Y, weights


def trained(fill: float, kind: str, ranks: Ranks, **options: Any) -> bytes:
    own = slice(N * ranks.rank // ranks.size, N * (ranks.rank + 1) // ranks.size)
    X, Y, weights = (part[own] for part in table(fill, kind))
    made = fit(X, Y, weights=weights, comm=ranks, **{**OPTIONS, **options})
    tensors = made.model.tensors()
    return b"".join(tensors[name].tobytes() for name in sorted(tensors)) + repr(made.model.metadata()).encode()


@pytest.mark.parametrize("fill", FILLS.values(), ids=FILLS.keys())
@pytest.mark.parametrize(("kind", "dtype"), [("numbers", "float32"), ("classes", "float64")])
def test_what_a_row_of_weight_0_holds_changes_no_bit(fill: float, kind: str, dtype: str, small_blocks: None) -> None:
    expected = trained(1.0, kind, OneRank(), dtype=dtype)
    assert trained(fill, kind, OneRank(), dtype=dtype) == expected
    assert set(on_ranks(3, lambda ranks: trained(fill, kind, ranks, dtype=dtype))) == {expected}


def test_without_these_rows_the_scales_are_the_same() -> None:
    X, Y, weights = table(1e20, "numbers")
    kept = weights > 0
    one = assembled(OneRank(), X, Y, weights).model.preparation.tensors()
    other = assembled(OneRank(), X[kept], Y[kept], weights[kept]).model.preparation.tensors()
    assert {name: value.tobytes() for name, value in one.items()} == {
        name: value.tobytes() for name, value in other.items()
    }


def test_in_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fields that are no numbers, too; said once; and evaluated alike."""
    said = []
    for name, fill in (("a", "nan"), ("b", "?"), ("c", "1e20"), ("d", "")):
        X, Y, weights = table(1.0, "numbers")
        columns = {"x": X[:, 0].tolist(), "z": X[:, 1].tolist(), "y": Y[:, 0].tolist()}
        for values in columns.values():
            for row in np.flatnonzero(weights == 0)[1:]:
                values[row] = fill
        path = write_csv(tmp_path / f"{name}.csv", {**columns, "weight": weights})
        run = tmp_path / name
        arguments = ["--data", str(path), "--targets", "y", "--weights", "weight", "--hidden", "4", *ARGUMENTS]
        assert train(OneRank(), [*arguments, "--out", str(run)]) == 0
        told = capsys.readouterr().out
        assert told.count("7 rows of weight 0 left out") == 1
        assert evaluate(OneRank(), ["--model", str(run), "--data", str(path), "--json"]) == 0
        said.append((read(run / "model.safetensors")[0]["w"].tobytes(), capsys.readouterr().out))
    assert len(set(said)) == 1


def test_no_row_is_left(small_blocks: None) -> None:
    X, Y = regression(N)
    for weights in (np.zeros(N), np.full(N, -0.0)):
        with pytest.raises(UserError, match="the weights in column weights are all 0"):
            fit(X, Y, weights=weights, **OPTIONS)


def test_no_row_of_a_file_is_left(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", {"x": [1.5, 2.5], "word": ["a", "b"], "weight": [0, 0], "y": ["u", "v"]})
    with pytest.raises(UserError, match="the weights in column weight are all 0"):
        train(OneRank(), ["--data", str(path), "--weights", "weight", "--out", str(tmp_path / "run")])


@pytest.mark.parametrize("factor", [2.0**-1060, 1e-300, 2.0**-8, 2.0**12, 2.0**1000])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_weights_of_any_size(factor: float, dtype: str, small_blocks: None) -> None:
    X, Y = regression(N)
    weights = np.random.default_rng(3).integers(1, 8, N).astype(float)
    expected = fit(X, Y, weights=weights, dtype=dtype, **OPTIONS)
    found = fit(X, Y, weights=weights * factor, dtype=dtype, **OPTIONS)
    exact = np.frexp(factor)[0] == 0.5
    assert found.records[-1].E_in == pytest.approx(expected.records[-1].E_in, rel=0 if exact else 1e-5)
    if exact and np.log2(factor) % 4 == 0:
        assert found.model.network.w.tobytes() == expected.model.network.w.tobytes()


@pytest.mark.parametrize("weight", [1e-320, 1e-300, 1e300])
def test_evaluated_with_weights_of_any_size(weight: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    X, Y = regression(N)
    said = []
    for each in (1.0, weight):
        path = write_csv(tmp_path / "a.csv", {"x": X[:, 0], "y": Y[:, 0], "weight": np.full(N, each)})
        run = tmp_path / f"run {each}"
        arguments = ["--data", str(path), "--targets", "y", "--weights", "weight", "--hidden", "4", *ARGUMENTS]
        assert train(OneRank(), [*arguments, "--quiet", "--out", str(run)]) == 0
        assert evaluate(OneRank(), ["--model", str(run), "--data", str(path)]) == 0
        said.append(capsys.readouterr().out.split("E  ")[1])
    assert said[0] == said[1]


def test_a_source_looks_at_the_rows_to_keep_only(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n?,nan\n3,4\n")
    source = open_source(str(tmp_path / "a.csv"), OneRank())
    values, _ = source.read(0, 3, [0, 1], keep=np.array([True, False, True]))
    assert values[[0, 2]].tolist() == [[1, 2], [3, 4]]
    with pytest.raises(UserError, match="line 3"):
        source.read(0, 3, [0, 1])
