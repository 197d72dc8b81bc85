"""Cross-validation and ensembles from Python: what the commands come to, on any number of ranks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threaded_ranks import on_ranks, outcomes

import distnn
from distnn import api
from distnn.errors import RankError, UserError
from distnn.inference.ensemble import Ensemble
from distnn.inference.stored import load_model
from distnn.parallel.mpi import MPIRanks
from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs.farm import in_memory
from distnn.train import main

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(90, 2))
Y = np.sin(X[:, 0]) * X[:, 1] + 0.1 * GENERATOR.normal(size=90)
SMALL = {"hidden": 3, "max_iterations": 3}
FLAGS = ("--hidden", "3", "--max-iterations", "3", "--quiet")


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


def outcome(ranks: Ranks) -> tuple[bytes, ...]:
    """Bits of a cross-validation and of two ensembles, in one of which the members share their rows."""
    own = np.array_split(np.arange(90), ranks.size)[ranks.rank]
    alike = distnn.fit(X[own], Y[own], members=4, comm=ranks, **SMALL)
    return *with_rows_of_their_own(ranks, 3), *(fit.model.network.w.tobytes() for fit in alike.members)


def with_rows_of_their_own(ranks: Ranks, count: int) -> tuple[bytes, ...]:
    """Bits of a cross-validation and of an ensemble, of as many members."""
    own = np.array_split(np.arange(90), ranks.size)[ranks.rank]
    words = np.where(Y > 0, "up", "down")[own] if len(own) else []
    folds = distnn.cross_validate(X[own], words, folds=count, comm=ranks, **SMALL)
    drawn = distnn.fit(X[own], Y[own], members=count, bootstrap=True, comm=ranks, **SMALL)
    models = [fit.model for fit in (*folds.fits, *drawn.members)]
    assert [fit.records[-1].t for fit in folds.fits] == [3] * count
    return folds.predictions.tobytes(), folds.folds.tobytes(), *(model.network.w.tobytes() for model in models)


@cache
def alone() -> tuple[bytes, ...]:
    return outcome(OneRank())


@pytest.fixture
def trained_by(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of ranks that trained a member, from each rank's view."""
    sizes: list[int] = []
    fitted = api._fit_assembled

    def noted(*given: Any) -> Any:
        sizes.append(given[5].size)
        return fitted(*given)

    monkeypatch.setattr(api, "_fit_assembled", noted)
    return sizes


def in_groups_of(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "group_size", lambda *given: size)


@pytest.mark.parametrize(("ranks", "size", "groups"), [(3, 1, {1}), (3, 2, {3}), (5, 2, {2, 3})])
def test_the_bits_do_not_depend_on_ranks_and_groups(
    ranks: int, size: int, groups: set[int], trained_by: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = alone()
    trained_by.clear()
    in_groups_of(size, monkeypatch)
    assert set(on_ranks(ranks, outcome)) == {expected}
    assert set(trained_by) == groups


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_bad_row_is_called_as_where_there_are_no_groups(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    in_groups_of(size, monkeypatch)
    targets = np.exp(Y)
    targets[77] = -1  # which no look at the table before the training refuses

    def work(ranks: Ranks) -> None:
        own = np.array_split(np.arange(90), ranks.size)[ranks.rank]
        distnn.cross_validate(X[own], targets[own], folds=3, comm=ranks, transform={"y": "log"}, **SMALL)

    said = "the arrays, row 77, column y: -1 is not above 0: it has no log; leave transform=['log'] out."
    assert {str(error) for error in outcomes(4, work)} == {said}


def test_groups_are_as_large_as_their_rows_need(trained_by: list[int]) -> None:
    """Nobody's rows go round where a rank's memory does not hold them."""
    on_ranks(2, lambda ranks: distnn.fit(X, Y, members=2, comm=ranks, memory="5K", **SMALL))
    assert trained_by == [2] * 4


@pytest.mark.mpi(min_size=2)
def test_groups_under_MPI(comm: Any, trained_by: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = with_rows_of_their_own(OneRank(), 2)
    for size in (1, 2):
        trained_by.clear()
        in_groups_of(size, monkeypatch)
        assert with_rows_of_their_own(MPIRanks(comm), 2) == expected
        sizes = {own for part in comm.allgather(trained_by) for own in part}
        assert comm.size < 2 * size or max(sizes) < comm.size


@pytest.mark.parametrize(("size", "failing"), [(1, 0), (1, 2), (2, 0), (2, 1)])  # all of which begin at once
@pytest.mark.parametrize("error", [UserError("this fold is bad"), ValueError("this fold is bad")])
def test_an_error_of_one_group_is_raised_on_all_ranks(
    size: int, failing: int, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And stops the trainings of others, which have no other end."""
    fitted = api._fit_assembled

    def fails(names: Any, assembly: Any, *given: Any) -> Any:
        if assembly.options.only == failing:
            with given[3].sharing_errors():
                raise error
        return fitted(names, assembly, *given)

    monkeypatch.setattr(api, "_fit_assembled", fails)
    in_groups_of(size, monkeypatch)
    endless = {"hidden": 3, "max_iterations": 10**9, "optimizer": "gradient-descent", "eta": 1e-9}
    found = outcomes(4, lambda ranks: distnn.fit(X, Y, members=3, comm=ranks, **endless))
    assert [type(raised) for raised in found] == [UserError if isinstance(error, UserError) else RankError] * 4
    assert all("this fold is bad" in str(raised) for raised in found)


def test_who_follows_hears_of_all_members(trained_by: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """All ranks train one after another then."""
    in_groups_of(1, monkeypatch)
    heard: list[int] = []

    def work(ranks: Ranks) -> None:
        hear = (lambda record: heard.append(record.t)) if ranks.rank == 0 else None
        distnn.fit(X, Y, members=2, comm=ranks, on_iteration=hear, **SMALL)

    on_ranks(2, work)
    assert heard == [*range(4)] * 2
    assert trained_by == [2] * 4


def test_what_cannot_be_is_said_in_the_words_of_python() -> None:
    for given, why in (
        ({"folds": 91}, "90 rows are too few for folds=91"),
        ({"folds": 1}, "folds=1: give a number of at least 2"),
        ({"folds": None}, "folds=None: give a number of at least 2"),
        ({"folds": 3, "members": 2}, "do not go together"),
        ({"folds": 3, "folds_by": "x9"}, "has no column 'x9'"),
        ({"fold": 3}, "cross_validate: there is no option fold"),
        ({"out": "run"}, "cross_validate: out is an option of the command line, not of cross_validate"),
    ):
        with pytest.raises(distnn.UserError, match=why):
            distnn.cross_validate(X, Y, **given)
    with pytest.raises(distnn.UserError, match="leave out network"):
        distnn.fit(X, Y, distnn.Network([2, 3, 1], output_theta="identity"), members=2)
