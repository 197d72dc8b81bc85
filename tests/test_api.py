"""`distnn.fit`: each rank its own rows, the same bits for every split, and what the command line gives too."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from tables import regression, rows_of, words, write_csv
from threaded_ranks import on_ranks, outcomes

import distnn
from distnn import Network, UserError, fit, load_model
from distnn.data.sampling import for_test
from distnn.parallel.ranks import OneRank, Ranks
from distnn.train import main as train_main
from distnn.training.termination import Record

X, Y = regression(1500)
WEIGHTS = np.random.default_rng(2).random(1500)
FAST = {"hidden": (4,), "optimizer": "gradient-descent", "max_iterations": 4, "validation": 0.2}


def split(ranks: Ranks, counts: Sequence[int], Y: Any = Y, weights: Any = None, **options: Any) -> tuple:
    own = rows_of(ranks.rank, counts)
    result = fit(X[own], Y[own], weights=None if weights is None else weights[own], comm=ranks, **{**FAST, **options})
    last = result.records[-1]
    return result.model.network.w.tobytes(), last.E_in, last.E_val, last.gradient_norm, result.reason


def test_five_lines() -> None:
    """Those of the package's docstring."""
    network = distnn.Network([3, 8, 1], output_theta="identity")
    model = distnn.fit(X, Y, network, comm=None, eta=0.1, max_iterations=50).model
    predictions = model(X)
    assert predictions.shape == Y.shape
    assert np.mean((predictions - Y) ** 2) < 0.9 * Y.var()
    assert model.network is network
    assert "distnn.fit(X, Y, network, comm=comm, eta=0.1" in str(distnn.__doc__)


SPLITS = ([750, 750], [0, 1500], [1499, 1], [400, 0, 1100], [100, 200, 300, 400, 500, 0, 0])


@pytest.mark.parametrize(
    ("options", "weighted"),
    [({}, False), ({}, True), ({"optimizer": "sgd", "batch_size": 50}, True), ({"dtype": "float32"}, True)],
)
def test_the_same_bits_for_every_split(options: dict[str, Any], weighted: bool) -> None:
    weights = WEIGHTS if weighted else None
    expected = split(OneRank(), [1500], weights=weights, **options)
    for counts in SPLITS:

        def work(ranks: Ranks, counts: Sequence[int] = counts) -> tuple:
            return split(ranks, counts, weights=weights, **options)

        assert on_ranks(len(counts), work) == [expected] * len(counts), counts


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_bits_under_MPI(weighted: bool, comm: Any) -> None:
    weights = WEIGHTS if weighted else None
    expected = split(OneRank(), [1500], weights=weights)
    for seed in range(3):
        edges = np.sort(np.random.default_rng(seed).integers(0, 1501, comm.size - 1))
        counts = np.diff([0, *edges, 1500]).tolist()
        own = rows_of(comm.rank, counts)
        result = fit(X[own], Y[own], weights=None if weights is None else weights[own], comm=comm, **FAST)
        assert result.model.network.w.tobytes() == expected[0]
        assert result.records[-1].E_in == expected[1]


@pytest.mark.mpi(min_size=2)
def test_a_communicator_of_some_processes_only(comm: Any) -> None:
    half = comm.Split(comm.rank % 2, comm.rank)
    result = fit(X[:100], Y[:100], comm=half, **FAST)
    half.Free()
    assert result.records[-1].t == 4


def test_the_command_line_gives_the_same(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "a.csv", {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "w": WEIGHTS, "y": Y[:, 0]})
    arguments = ["--data", str(table), "--weights", "w", "--hidden", "4", "--max-iterations", "4", "--quiet"]
    arguments += ["--validation", "0.2", "--optimizer", "gradient-descent", "--out", str(tmp_path / "run")]
    assert train_main(OneRank(), arguments) == 0
    model = load_model(tmp_path / "run")
    assert split(OneRank(), [1500], weights=WEIGHTS)[0] == model.network.w.tobytes()
    assert model.preparation.weight == "w"


def test_rows_beyond_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in a file in the folder that is named."""
    opened: list[str] = []
    file = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *a, **o: opened.append(str(o.get("dir"))) or file(*a, **o))
    assert split(OneRank(), [1500], memory="1K", scratch=str(tmp_path)) == split(OneRank(), [1500])
    assert opened == [str(tmp_path)]


@pytest.mark.parametrize("counts", [[1500], [200, 0, 1300]])
def test_rows_kept_for_a_test(counts: list[int]) -> None:
    def work(ranks: Ranks) -> Any:
        own = rows_of(ranks.rank, counts)
        return fit(X[own], Y[own], comm=ranks, **FAST, test=0.15)

    test = for_test(0, 0.15, np.arange(1500))
    for found in on_ranks(len(counts), work):
        expected = np.mean((found(X[test]) - Y[test]) ** 2) / found.model.preparation.target_scaling.deviation[0] ** 2
        assert found.E_test == pytest.approx(expected, rel=1e-9)
    assert fit(X, Y, **FAST).E_test is None


def test_words_are_classes() -> None:
    X, Z = words(300)
    model = fit(X, Z, hidden=(16,), optimizer="lbfgs", max_iterations=60).model
    assert model.preparation.classes is not None
    assert model.preparation.classes.names == ("apple", "pear", "plum")
    assert np.mean(model.classify(X) == Z) > 0.8
    np.testing.assert_allclose(model(X).sum(axis=1), 1)
    with pytest.raises(UserError, match="trained on numbers, not on classes"):
        fit(X, X[:, 0], hidden=(), max_iterations=1).model.classify(X)


def test_categories_of_numbers_are_classes() -> None:
    X, codes = np.arange(60.0)[:, None], pandas.Series(pandas.Categorical(np.arange(60) % 3 + 7), name="k")
    model = fit(pandas.DataFrame(X, columns=["a"]), codes, max_iterations=2).model
    assert model.preparation.classes is not None and set(model.predict(X)) <= {7, 8, 9}
    assert fit(X, codes, types={"k": "numbers"}, max_iterations=2).model.preparation.classes is None


def test_pairs_may_be_a_dictionary() -> None:
    X, codes = np.column_stack([np.arange(60) / 7, np.arange(60) % 4]), np.arange(60) % 3
    found = [
        fit(X, codes + 1.0, classes=True, class_weights=weights, transform=log, types=types, max_iterations=2).model
        for weights, log, types in (
            ({1.0: 2, 3: 0.5}, {"x1": "log1p"}, {"x2": "words"}),
            ({np.float32(1): 2, np.float64(3): 0.5}, {"x1": "log1p"}, {"x2": "words"}),
            (("1=2", "3=0.5"), "x1=log1p", "x2=words"),
        )
    ]
    assert found[0].metadata() == found[1].metadata() == found[2].metadata()
    assert found[0].network.w.tobytes() == found[1].network.w.tobytes() == found[2].network.w.tobytes()
    assert found[0].preparation.classes is not None and found[0].preparation.classes.weights == (2.0, 1.0, 0.5)


def test_a_network_that_goes_on() -> None:
    """Two trainings of two steps are one of four; the network that is given is changed in place."""
    network = Network([3, 4, 1], output_theta="identity")
    for _ in range(2):
        result = fit(X, Y, network, optimizer="gradient-descent", max_iterations=2)
        assert result.model.network is network
    four = fit(X, Y, hidden=(4,), optimizer="gradient-descent", max_iterations=4)
    np.testing.assert_array_equal(network.w, four.model.network.w)
    assert [record.t for record in four.records] == [0, 1, 2, 3, 4]
    assert four.reason.text == "t >= 4"
    np.testing.assert_array_equal(four(X[:3]), four.model(X[:3]))


def test_a_model_to_start_with() -> None:
    """It is not changed. On the same table two trainings of two steps are one of four."""
    two = {"optimizer": "gradient-descent", "max_iterations": 2, "hidden": (4,)}
    first = fit(X, Y, **two).model
    before = first.network.w.copy()
    second = fit(X, Y, start=first, **two).model
    four = fit(X, Y, **{**two, "max_iterations": 4})
    np.testing.assert_array_equal(second.network.w, four.model.network.w)
    np.testing.assert_array_equal(first.network.w, before)
    none = fit(X * 3 - 1, Y * 2, start=first, hidden=(4,), max_iterations=0)
    np.testing.assert_allclose(none(X * 3 - 1), first(X * 3 - 1), rtol=1e-12)
    with pytest.raises(UserError, match="start: that model has the architecture"):
        fit(X, Y, start=first, hidden=(5,))


@pytest.mark.parametrize(("size", "hearing"), [(1, 1), (3, 3), (3, 1)])
def test_a_function_that_sees_every_iteration_and_stops(size: int, hearing: int) -> None:
    """On all ranks or on the first alone; all stop together where one of them says so; what one raises, all raise."""

    def work(ranks: Ranks, error: bool = False) -> Any:
        seen: list[Record] = []

        def see(record: Record) -> bool:
            seen.append(record)
            if error and ranks.rank == 0:
                raise UserError("enough")
            return ranks.rank == 0 and record.t == 2

        hears = see if ranks.rank < hearing else None
        found = fit(X, Y, comm=ranks, on_iteration=hears, **{**FAST, "max_iterations": 9})
        assert seen == (found.records if hears else [])
        return [record.t for record in found.records], found.reason.text

    expected = ([0, 1, 2], "on_iteration said so")
    assert on_ranks(size, work) == [expected] * size
    for found in outcomes(size, lambda ranks: work(ranks, error=True)):
        assert isinstance(found, UserError) and str(found) == "enough"


def test_lists_and_one_dimensional_targets() -> None:
    flat, column = (fit(X.tolist(), y, **FAST).model.network.w for y in (Y[:, 0].tolist(), Y))
    np.testing.assert_array_equal(flat, column)


BAD: list[tuple[tuple, dict[str, Any], str]] = [
    ((X, Y), {"etta": 1}, r"fit: there is no option etta; did you mean eta\?"),
    ((X, Y), {"hidden": (-1,)}, "^hidden=-1: every layer needs"),
    ((X, Y), {"optimizer": "adamw"}, "^optimizer='adamw': choose from"),
    ((X, Y), {"hidden": 5.5}, "^hidden=5.5 is of the wrong kind: give a sequence of int or None"),
    ((X, Y), {"eta": "fast"}, "^eta='fast' is of the wrong kind: give float or None"),
    ((X, Y), {"on_iteration": 3}, "^on_iteration=3: give a function, which gets each record"),
    ((X, Y), {"out": "run"}, "fit: out"),
    ((X, Y), {"resume": True, "out": "run"}, "fit: "),
    ((X, Y), {"max_iterations": 10.5}, "^max_iterations=10.5 is of the wrong kind: give int"),
    ((X, Y), {"validation": True}, "^validation=True is of the wrong kind: give float"),
    ((X, None), {}, "nothing to learn without targets"),
    ((X, Y[1:]), {}, "X has 1500, Y has 1499"),
    ((X, Y, Network([2, 3, 1])), {}, r"architecture \[2, 3, 1\], but the data needs \[3, 3, 1\]"),
    ((X, Y, Network([3, 3, 2])), {}, r"architecture \[3, 3, 2\], but the data needs \[3, 3, 1\]"),
    ((X, Y, Network([3, 3, 1], theta="sign")), {}, "sign has no derivative"),
    ((X, Y, Network([3, 3, 1])), {"hidden": 4}, r"fit: the network has hidden=\(3,\): leave out hidden=\(4,\)"),
    ((X, Y, Network([3, 3, 1])), {"start": Network([3, 3, 1])}, "^start and network both say what weights"),
    ((X * np.nan, Y), {}, "row 0, column x1: nan is not a finite number"),
    ((X, Y * 0), {}, "the target column y is constant"),
    ((X.astype(object), Y), {}, "X holds Python objects"),
]


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("arguments", "options", "sentence"), BAD, ids=[sentence for _, _, sentence in BAD])
def test_bad_input(arguments: tuple, options: dict[str, Any], sentence: str, size: int) -> None:
    """On all ranks; what is wrong with the rows, on the last one only."""

    def work(ranks: Ranks) -> Any:
        X_, Y_, *rest = arguments
        if ranks.rank < ranks.size - 1 and Y_ is not None:
            X_, Y_ = X[:0], Y[:0]
        return fit(X_, Y_, *rest, comm=ranks, **options)

    errors = outcomes(size, work) if size > 1 else []
    if size == 1:
        with pytest.raises(UserError, match=sentence):
            work(OneRank())
    assert [type(error) for error in errors] == [UserError] * len(errors), errors
    for error in errors:
        with pytest.raises(UserError, match=sentence):
            raise error


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        ({"eta": 0.2}, "eta differs over the ranks: 0.1 on rank 0, 0.2 on rank 2"),
        ({"seed": 1}, "seed differs over the ranks: 0 on rank 0, 1 on rank 2"),
        ({"hidden": (4, 4)}, r"hidden differs over the ranks: \(4,\) on rank 0, \(4, 4\) on rank 2"),
        ({"network": Network([3, 4, 1])}, r"network differs over the ranks: None on rank 0, \(.*\) on rank 2"),
        ({"hidden": (-1,)}, "^hidden=-1: every layer needs a width"),
        ({"start": None}, r"start differs over the ranks: \(.*\) on rank 0, None on rank 2"),
    ],
)
def test_what_differs_over_ranks(last: dict[str, Any], sentence: str) -> None:
    """Is said on all of them, at once."""
    given: dict[str, Any] = {**FAST, "eta": 0.1}
    if "start" in last:
        given["start"] = fit(X, Y, **FAST).model

    def work(ranks: Ranks) -> Any:
        return fit(X[ranks.rank :: 3], Y[ranks.rank :: 3], comm=ranks, **(given | last if ranks.rank == 2 else given))

    for error in outcomes(3, work):
        assert isinstance(error, UserError)
        with pytest.raises(UserError, match=sentence):
            raise error
