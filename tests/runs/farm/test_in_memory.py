"""Cross-validation and ensembles from Python: what the commands come to, on any number of ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from threaded_ranks import on_ranks

import distnn
from distnn.inference.ensemble import Ensemble
from distnn.inference.stored import load_model
from distnn.parallel.ranks import OneRank, Ranks
from distnn.train import main

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(90, 2))
Y = np.sin(X[:, 0]) * X[:, 1] + 0.1 * GENERATOR.normal(size=90)
SMALL = {"hidden": 3, "max_iterations": 8}
FLAGS = ("--hidden", "3", "--max-iterations", "8", "--quiet")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("table") / "table.npz"
    np.savez(path, X=X, Y=Y)
    return str(path)


def test_folds_are_those_of_the_command(table: str, tmp_path: Path) -> None:
    found = distnn.cross_validate(X, Y, folds=3, **SMALL)
    assert main(OneRank(), ["--data", table, "--folds", "3", *FLAGS, "--out", str(tmp_path / "cv")]) == 0
    for k, fit in enumerate(found.fits):
        model = load_model(tmp_path / "cv" / f"fold-00{k}")
        np.testing.assert_array_equal(fit.model.network.w, model.network.w)
        own = found.folds == k
        np.testing.assert_array_equal(found.predictions[own], fit.model(X[own])[:, 0])
        np.testing.assert_allclose(found.scores["rmse"][k], np.sqrt(np.mean((found.predictions - Y)[own] ** 2)))
        assert fit.E_test == pytest.approx(found.scores["E"][k], rel=1e-14)
    assert found.rows.tolist() == list(range(90))
    assert found.mean["rmse"] == found.scores["rmse"].mean()
    assert found.deviation["rmse"] == found.scores["rmse"].std(ddof=1)
    assert "3 folds of 90 rows" in repr(found)


def test_classes_and_groups() -> None:
    kinds, sites = np.where(Y > 0, "up", "down"), GENERATOR.integers(0, 7, 90)
    found = distnn.cross_validate(np.column_stack([X, sites]), kinds, folds=3, folds_by="2", **SMALL)
    assert all(len(set(found.folds[sites == site])) == 1 for site in range(7))
    right = [np.mean((found.predictions == kinds)[found.folds == k]) for k in range(3)]
    np.testing.assert_allclose(found.scores["right"], right)
    assert found.fits[0].model.network.d[0] == 2  # the site is no input


def test_rows_of_weight_0_are_in_no_fold() -> None:
    weights = (np.arange(90) % 4 > 0).astype(float)
    found = distnn.cross_validate(X, Y, folds=3, weights=weights, **SMALL)
    assert found.rows.tolist() == np.flatnonzero(weights).tolist()


@pytest.mark.parametrize("bootstrap", [False, True])
def test_members_are_those_of_the_command(bootstrap: bool, table: str, tmp_path: Path) -> None:
    fit = distnn.fit(X, Y, members=3, bootstrap=bootstrap, **SMALL)
    given = ["--data", table, "--members", "3", *["--bootstrap"] * bootstrap, *FLAGS, "--out", str(tmp_path / "run")]
    assert main(OneRank(), given) == 0
    assert isinstance(fit.model, Ensemble) and len(fit.members) == 3
    np.testing.assert_array_equal(fit.model(X), load_model(tmp_path / "run")(X))
    assert len({own.model.network.w.tobytes() for own in fit.members}) == 3


def test_the_bits_do_not_depend_on_the_number_of_ranks() -> None:
    def work(ranks: Ranks) -> tuple[bytes, ...]:
        own = np.array_split(np.arange(90), ranks.size)[ranks.rank]
        folds = distnn.cross_validate(X[own], Y[own], folds=3, comm=ranks, **SMALL)
        fit = distnn.fit(X[own], Y[own], members=2, bootstrap=True, comm=ranks, **SMALL)
        return folds.predictions.tobytes(), folds.folds.tobytes(), fit.model(X).tobytes()

    assert len({*on_ranks(1, work), *on_ranks(3, work)}) == 1


def test_what_cannot_be_is_said_in_the_words_of_python() -> None:
    for given, why in (
        ({"folds": 91}, "90 rows are too few for folds=91"),
        ({"folds": 1}, "folds=1: give a number of at least 2"),
        ({"folds": 3, "members": 2}, "do not go together"),
        ({"folds": 3, "folds_by": "x9"}, "has no column 'x9'"),
        ({"fold": 3}, "cross_validate: there is no option fold"),
        ({"out": "run"}, "cross_validate: out is an option of the command line, not of cross_validate"),
    ):
        with pytest.raises(distnn.UserError, match=why):
            distnn.cross_validate(X, Y, **given)
    with pytest.raises(distnn.UserError, match="leave out network"):
        distnn.fit(X, Y, distnn.Network([2, 3, 1], output_theta="identity"), members=2)
