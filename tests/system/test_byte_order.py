"""Numbers in big-endian order, as old files and instruments have them, are the same numbers to every function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from trainings import trained

import distnn
from distnn import sklearn
from distnn.data.fingerprints import hash_rows
from distnn.data.rows import Rows

generator = np.random.default_rng(0)
X = generator.normal(size=(60, 3))
INTEGERS = generator.integers(-5, 5, (60, 3))
Y = X[:, 0] * X[:, 1]
LABELS = np.where(Y > 0, "yes", "no")
WEIGHTS = generator.random(60) + 0.5
MASKED = np.ma.masked_array(X, X > 2)
TABLES: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray | None]] = {
    "float64": (X, Y, WEIGHTS),
    "float32": (X.astype(np.float32), Y.astype(np.float32), None),
    "float16": (X.astype(np.float16), Y, None),
    "int16": (INTEGERS.astype(np.int16), (Y * 1000 + 5000).astype(np.uint32), INTEGERS[:, 1] + 6),
    "int64": (INTEGERS * 2**55 + INTEGERS, Y, None),
    "words": (X, LABELS, WEIGHTS),
    "masked": (MASKED, Y, None),
}
FEW = {"hidden": (4,), "max_iterations": 5, "impute": "median"}
Order = Callable[[Any], Any]


def big(a: np.ndarray) -> np.ndarray:
    swapped = a.astype(a.dtype.newbyteorder(">"))
    assert not swapped.dtype.isnative
    return swapped


def same(a: np.ndarray) -> np.ndarray:
    return a


@pytest.fixture(scope="module")
def models() -> dict[str, distnn.Model]:
    options: Any = {**FEW, "intervals": "all"}
    return {"numbers": distnn.fit(X, Y, **options).model, "words": distnn.fit(X, LABELS, **options).model}


def weights_of(table: str, order: Order, comm: Any = None, ranks: int = 1, rank: int = 0) -> bytes:
    own = slice(60 * rank // ranks, 60 * (rank + 1) // ranks)
    x, y, weights = (None if array is None else order(array[own]) for array in TABLES[table])
    options: Any = FEW
    crossed = distnn.cross_validate(x, y, 2, weights=weights, comm=comm, **options)
    model = distnn.fit(x, y, weights=weights, comm=comm, **options).model
    return model.network.w.tobytes() + np.asarray(crossed.predictions).tobytes()


@pytest.mark.parametrize("table", TABLES)
def test_training(table: str) -> None:
    assert weights_of(table, big) == weights_of(table, same)


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("table", TABLES)
def test_training_on_ranks(table: str, comm: Any) -> None:
    """Rows go from rank to rank; the last one's have the other order."""
    mixed = big if comm.rank == comm.size - 1 else same
    found = weights_of(table, mixed, comm, comm.size, comm.rank)
    assert found == weights_of(table, same, comm, comm.size, comm.rank)


@pytest.mark.parametrize("x", [X, X.astype(np.float32), INTEGERS, X.astype(str)], ids=["f8", "f4", "i8", "U"])
@pytest.mark.parametrize("of", ["numbers", "words"])
def test_models(of: str, x: np.ndarray, models: dict[str, distnn.Model]) -> None:
    model = models[of]
    common = ("__call__", "predict", "bounds", "derivative")
    for method in (*common, "deviations") if of == "numbers" else (*common, "predict_proba", "probabilities"):
        of_rows = getattr(model, method)
        assert np.asarray(of_rows(big(x))).tobytes() == np.asarray(of_rows(x)).tobytes(), method
    y = Y if of == "numbers" else LABELS
    assert model.score(big(x), big(y)) == model.score(x, y)


def test_networks(tmp_path: Path) -> None:
    """Weights that are assigned become those of W, too, and what is saved is read again."""
    network, w = distnn.Network([3, 4, 1], output_theta="identity"), np.arange(1, 22) / 20
    network.w = big(w)
    np.testing.assert_array_equal(np.concatenate([W.ravel() for W in network.W]), w)
    np.testing.assert_array_equal(network(big(X)), network(X))
    fit = distnn.fit(X, Y, network, max_iterations=3)
    fit.save(tmp_path / "a")
    np.testing.assert_array_equal(distnn.load_model(tmp_path / "a")(big(X)), fit(X))


def test_frames_and_estimators() -> None:
    def frame(order: Order) -> pd.DataFrame:
        return pd.DataFrame({name: order(column) for name, column in zip("abc", X.T, strict=True)})

    options: Any = FEW
    weights = [distnn.fit(frame(order), pd.Series(order(Y)), **options).model.network.w for order in (big, same)]
    np.testing.assert_array_equal(*weights)
    for kind, y in ((sklearn.MLPRegressor, Y), (sklearn.MLPClassifier, LABELS)):
        made = [kind(hidden_layer_sizes=(4,), random_state=0).fit(order(X), order(y)) for order in (big, same)]
        np.testing.assert_array_equal(made[0].predict(big(X)), made[1].predict(X))


@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_files(ending: str, tmp_path: Path) -> None:
    """The same run, to the fingerprint of its data."""
    for name, order in (("big", big), ("same", same)):
        path = tmp_path / f"{name}{ending}"
        if ending == ".npy":
            np.save(path, order(np.column_stack([X, Y])))
        else:
            np.savez(path, X=order(X), Y=order(Y), weights=order(WEIGHTS))
        trained(tmp_path / name, "--data", path, "--hidden", "3", "--max-iterations", "3", "--quiet")
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("big", "same")]
    assert files[0] == files[1]


def test_a_fingerprint_is_that_of_any_machine() -> None:
    rows = replace(Rows.of_inputs(X), numbers=np.arange(0, 120, 2))
    other = replace(rows, numbers=big(rows.numbers), inputs=big(X), targets=big(rows.targets))
    assert hash_rows(other) == hash_rows(rows)
