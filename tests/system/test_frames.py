"""`distnn.fit` and models on frames: as the same table in a file, whatever the library."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from scipy import sparse
from tables import regression
from threaded_ranks import on_ranks, outcomes

from distnn import UserError, fit, load_model
from distnn.parallel.ranks import OneRank, Ranks
from distnn.train import main as train_main

X, Y = regression(100)
FAST = {"hidden": (4,), "optimizer": "gradient-descent", "max_iterations": 4}


def frame(n: int = 300) -> pandas.DataFrame:
    """A table with every kind of column, with gaps in most of them; the last one is the target."""
    draw = np.random.default_rng(1)
    table = pandas.DataFrame(
        {
            "girth": draw.uniform(0.5, 3, n).round(4),
            "kind": draw.choice(["oak", "fir", "elm"], n),
            "alive": draw.random(n) < 0.9,
            "rings": pandas.array(draw.integers(1, 99, n), "Int64"),
            "zone": pandas.Categorical(draw.choice(["a", "b"], n)),
            "height": draw.normal(size=n).round(3),
        }
    )
    table.loc[::10, "height"], table.loc[3::17, "rings"], table.loc[5::40, "kind"] = np.nan, pandas.NA, None
    table["volume"] = (table["girth"] ** 3).round(3) + (table["kind"] == "oak")
    return table


GAPS = {"impute": "median", "indicator": True, "validation": 0.2}
FRAMES = {"pandas": lambda table: table, "polars": polars.from_pandas, "pyarrow": pyarrow.Table.from_pandas}


def test_a_frame_trains_as_the_same_table_in_a_file(tmp_path: Path) -> None:
    """To the bit, for any number of ranks and any library; each model predicts from all of them."""
    table = frame()
    inputs = table.drop(columns="volume")
    table.to_csv(tmp_path / "table.csv", index=False)
    table.to_parquet(tmp_path / "table.parquet", index=False)
    models = []
    for file in ("table.csv", "table.parquet"):
        arguments = ["--data", str(tmp_path / file), "--hidden", "4", "--max-iterations", "4", "--quiet", "--indicator"]
        arguments += ["--optimizer", "gradient-descent", "--validation", "0.2", "--impute", "median"]
        assert train_main(OneRank(), [*arguments, "--out", str(tmp_path / f"{file}.run")]) == 0
        models.append(load_model(tmp_path / f"{file}.run"))
    models.append(fit(inputs, table["volume"], **{**FAST, **GAPS}).model)
    for library, cuts in zip(FRAMES.values(), ((0, 0, 120, 300), (0, 6, 7, 300), (0, 299, 300, 300)), strict=True):

        def work(ranks: Ranks, library: Any = library, cuts: Any = cuts) -> Any:
            own = table.iloc[cuts[ranks.rank] : cuts[ranks.rank + 1]]
            X, Y = library(own.drop(columns="volume")), library(own[["volume"]])
            return fit(X, Y, comm=ranks, **{**FAST, **GAPS}).model

        models += on_ranks(3, work)
    expected = models[0](inputs)
    assert np.isfinite(expected).all()
    for model in models:
        assert model.preparation.metadata() == models[0].preparation.metadata()
        assert model.network.w.tobytes() == models[0].network.w.tobytes()
        for library in FRAMES.values():
            np.testing.assert_array_equal(model(library(inputs[inputs.columns[::-1]])), expected)


def test_columns_of_a_frame_that_are_missing_or_too_many() -> None:
    table = frame()
    model = fit(table[["girth"]], table["volume"], **FAST).model
    with pytest.raises(UserError, match="The inputs lack the column girth; their columns are kind, alive"):
        model(table.drop(columns="girth"))
    with pytest.warns(UserWarning, match="The model does not use the columns kind, alive, rings, zone, height."):
        model(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(table[["volume", "girth"]])
    with pytest.raises(UserError, match="The inputs, column girth: it holds dates"):
        model(pandas.DataFrame({"girth": pandas.to_datetime(["2020-01-01"])}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"day": pandas.Timestamp("2020-01-01")}, "the frame: the column day holds dates.*: turn it into a number"),
        ({"word": [f"w{i}" for i in range(300)]}, "the frame: the column word holds another word in each row"),
        ({"dirty": ["3.5"] * 299 + ["?!"]}, "row 299, column dirty.*: (it|the column) holds 299 numbers and 1 word"),
        ({"none": pandas.Series([None] * 300, dtype=object)}, "the column none holds nothing but missing values"),
        ({"gap": [1.0] * 299 + [np.nan]}, "row 299, column gap: .*train with impute="),
        ({"mixed": pandas.Series([1, "a"] * 150, dtype=object)}, "X, column mixed, row 1: 'a' is a word, but row 0"),
    ],
)
def test_columns_of_frames_that_are_refused(change: dict[str, Any], sentence: str) -> None:
    table = frame()[["girth", "volume"]].assign(**change)

    def work(ranks: Ranks) -> Any:
        own = table.iloc[:0] if ranks.rank == 0 and ranks.size > 1 else table
        return fit(own.drop(columns="volume"), own["volume"], comm=ranks, **FAST)

    for error in outcomes(1, work) + outcomes(2, work):
        assert isinstance(error, UserError)
        assert re.search(sentence, str(error)), error


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (pandas.Series(["1", "2"] * 150), str),
        (pandas.Series([True, False] * 150), bool),
        (pandas.Series(pandas.Categorical([30, 4] * 150)), int),
        (pandas.Series(["no", "yes"] * 150, dtype="category"), str),
        (polars.Series("y", [1, 2] * 150), int),
    ],
    ids=str,
)
def test_labels_keep_their_type(labels: Any, kind: type) -> None:
    table = frame()
    model = fit(table[["girth"]], labels, classes=True, **FAST).model
    found = model.classify(table[["girth"]]).tolist()
    assert {type(label) for label in found} == {kind} and set(found) <= set(labels.to_list())


def test_sparse_inputs_are_refused() -> None:
    with pytest.raises(UserError, match=r"X is sparse, and every value is computed with: pass X.toarray\(\)"):
        fit(sparse.csr_matrix(X), Y, **FAST)
    with pytest.raises(UserError, match="X is sparse"):
        fit(X, Y, **FAST).model(sparse.csr_matrix(X))


def test_masked_values_of_new_inputs_are_missing() -> None:
    model = fit(X, Y, **FAST).model
    with pytest.raises(UserError, match="nan in row 0, column 0"):
        model(np.ma.masked_array(X, np.arange(X.size).reshape(X.shape) == 0))
