"""A model and the table that it is applied to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression, write_csv
from threaded_ranks import on_ranks

from distnn import UserError
from distnn.data.fingerprints import hash_rows
from distnn.inference.application import Application
from distnn.inference.model import Model
from distnn.inference.options import ApplyOptions
from distnn.parallel.ranks import OneRank, Ranks

X, Y = regression(3000)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model]:
    """A model of y from x1, x2, x3, and its file."""
    path = tmp_path_factory.mktemp("application") / "model.safetensors"
    found = assembled(OneRank(), X, Y).model
    found.save(path)
    return path, found


def applied(ranks: Ranks, path: Path, data: Path, with_targets: bool = False) -> Application:
    return Application(ApplyOptions(model=str(path), data=str(data)), ranks, with_targets)


def outputs_of(application: Application) -> list[np.ndarray]:
    """The network's outputs for this rank's blocks."""
    blocks = (application.block(application.rows(number)) for number in range(len(application.blocks)))
    return [application.backpropagation.outputs(block.x) for block in blocks]


@pytest.mark.parametrize("size", [1, 3, 8])
def test_each_rank_has_the_outputs_of_its_blocks(size: int, model: tuple[Path, Model], tmp_path: Path) -> None:
    path, found = model
    np.save(tmp_path / "bare.npy", X)

    def work(ranks: Ranks) -> list[np.ndarray]:
        application = applied(ranks, path, tmp_path / "bare.npy")
        assert application.cut.count > 1
        return outputs_of(application)

    parts = [part for outputs in on_ranks(size, work) for part in outputs]
    assert (
        np.concatenate(parts, axis=1).tobytes()
        == np.concatenate([found.outputs(X[start:stop]) for start, stop in bounds(parts)], axis=1).tobytes()
    )


def test_the_table_of_the_training_is_known_again(model: tuple[Path, Model], tmp_path: Path) -> None:
    """By models of older versions, too, whose fingerprints say less, or nothing; of other blocks by its length."""
    path, found = model
    for name, y in (("same", Y), ("other", Y + 1)):
        write_csv(tmp_path / f"{name}.csv", {**{f"x{j + 1}": X[:, j] for j in range(3)}, "y": y[:, 0]})
    known = found.held_out
    n, digest, _ = known["of"].split("-")
    for held_out, expected in (
        (known, (True, False)),
        (known | {"of": f"{n}-{digest}"}, (True, False)),
        (known | {"rows": known["rows"] + 1}, (True, True)),
        (known | {"rows": known["rows"] + 1, "of": f"{n}1-{digest}"}, (False, False)),
        ({"share": 0.0, "seed": 0}, (False, False)),
    ):
        replace(found, held_out=held_out).save(path)
        for name, same in zip(("same", "other"), expected, strict=True):
            application = applied(OneRank(), path, tmp_path / f"{name}.csv", with_targets=True)
            hashes = sum(int(hash_rows(application.rows(number))) for number in range(len(application.blocks)))
            assert application.is_of_training(hashes) == same, (held_out, name)
    found.save(path)


def bounds(parts: list[np.ndarray]) -> list[tuple[int, int]]:
    """First row and end of each part."""
    stops = np.cumsum([part.shape[1] for part in parts]).tolist()
    return list(zip([0, *stops], stops, strict=False))


def test_columns_are_found_by_name_or_place(model: tuple[Path, Model], tmp_path: Path) -> None:
    path, found = model
    rows = X[:5]
    write_csv(tmp_path / "named.csv", {"x3": rows[:, 2], "other": rows[:, 0], "x2": rows[:, 1], "x1": rows[:, 0]})
    np.save(tmp_path / "bare.npy", rows)
    for data in ("named.csv", "bare.npy"):
        (outputs,) = outputs_of(applied(OneRank(), path, tmp_path / data))
        np.testing.assert_array_equal(outputs, found.outputs(rows))


def test_targets_are_read_where_they_are_wanted(model: tuple[Path, Model], tmp_path: Path) -> None:
    path, found = model
    columns = {"x1": X[:9, 0], "x2": X[:9, 1], "x3": X[:9, 2]}
    write_csv(tmp_path / "with.csv", {**columns, "y": Y[:9, 0]})
    write_csv(tmp_path / "without.csv", columns)
    application = applied(OneRank(), path, tmp_path / "with.csv", with_targets=True)
    (y,) = application.block(application.rows(0)).y
    np.testing.assert_allclose(found.unscale(y[None])[0], Y[:9, 0], rtol=1e-12)
    with pytest.raises(UserError, match=r"without\.csv lacks the column y"):
        applied(OneRank(), path, tmp_path / "without.csv", with_targets=True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "--model is missing"),
        ({"model": "."}, "--data is missing: the table to apply the model to, or - for rows on stdin"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Application(ApplyOptions(**options), OneRank(), with_targets=False)


@pytest.mark.parametrize("alone", [True, False])
def test_a_table_in_the_place_of_the_model(alone: bool, model: tuple[Path, Model], tmp_path: Path) -> None:
    table, data = tmp_path / "table.csv", None if alone else str(model[0])
    table.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=rf"give the model first, then the table: {data or 'MODEL'} {table}$"):
        Application(ApplyOptions(model=str(table), data=data), OneRank(), with_targets=True)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere cannot be read: No such file or directory"):
        Application(ApplyOptions(model=str(tmp_path / "nowhere")), OneRank(), with_targets=True)
