"""Predictions in every format: what is written reads back to the bit, whatever the ranks and the windows."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression, words, write_csv
from threaded_ranks import on_ranks

from distnn import UserError
from distnn.inference import writers
from distnn.inference.application import Application
from distnn.inference.model import Model
from distnn.inference.options import ApplyOptions
from distnn.inference.predictions import Predictions
from distnn.inference.writers import WRITERS, write, writer_for
from distnn.parallel.ranks import OneRank, Ranks

N = 3000  # several blocks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, numbers.safetensors and fruit.safetensors, and tables of their inputs with a column of numbers k."""
    folder = tmp_path_factory.mktemp("writers")
    for name, (X, Y) in (("numbers", regression(N, m=2)), ("fruit", words(N))):
        assembled(OneRank(), X, Y).model.save(folder / f"{name}.safetensors")
        inputs = {f"x{j}": values for j, values in enumerate(X.T, 1)}
        write_csv(folder / f"{name}.csv", {"k": np.arange(N) + 2**60, **inputs})
    return folder


def written(folder: Path, name: str, out: Path | None, ranks: Ranks, **options: Any) -> Model:
    """Have a model's predictions for its table written; returns the model."""
    apply = ApplyOptions(model=str(folder / f"{name}.safetensors"), data=str(folder / f"{name}.csv"))
    writer = writer_for(None if out is None else str(out))
    application = Application(apply, ranks, with_targets=False)
    predictions = Predictions(application, typed=writer.typed, words=writer.words, **options)
    write(predictions, writer, None if out is None else str(out), ranks)
    return application.model


def read(path: Path) -> dict[str, list[Any]]:
    """The columns in a file by name, of .npy by number: a format that is not known here needs its line."""
    if path.suffix == ".npy":
        return {str(j): column.tolist() for j, column in enumerate(np.load(path).T)}
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pydict()
    if path.suffix in (".arrow", ".feather"):
        from pyarrow import feather

        return feather.read_table(path).to_pydict()
    if path.suffix == ".h5":
        import h5py

        with h5py.File(path) as file:
            texts = {name: file[name].dtype == object for name in file}
            return {name: (file[name].asstr() if texts[name] else file[name])[:].tolist() for name in file}
    with path.open(newline="", encoding="utf-8") as file:
        names, *lines = csv.reader(file)
    return {
        name: [field if field.isalpha() else float(field) for field in column]
        for name, column in zip(names, zip(*lines, strict=True), strict=True)
    }


@pytest.mark.parametrize("window", [1 << 24, 3000])
@pytest.mark.parametrize("name", ["numbers", "fruit"])
@pytest.mark.parametrize("ending", WRITERS)
def test_predictions_read_back_to_the_bit(
    ending: str, name: str, window: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the table goes through in several windows."""
    monkeypatch.setattr(writers, "WINDOW", window)
    X = np.loadtxt(folder / f"{name}.csv", delimiter=",", skiprows=1)[:, 1:]
    for size in (1, 3):
        model = on_ranks(size, lambda ranks: written(folder, name, tmp_path / f"{size}{ending}", ranks))[0]  # noqa: B023
        found = read(tmp_path / f"{size}{ending}")
        outputs = model(X)
        expected: dict[str, Any] = dict(zip(model.preparation.targets, outputs.T.tolist(), strict=False))
        if name == "fruit":
            names = [f"output {fruit}" for fruit in ("apple", "pear", "plum")]
            expected = {"y": model.classify(X).tolist(), **dict(zip(names, outputs.T.tolist(), strict=True))}
        if ending == ".npy":
            expected = {str(j): column.tolist() for j, column in enumerate(outputs.T)}
        assert found == expected
        assert list(found) == list(expected) or ending == ".h5"  # which has its own order
    assert read(tmp_path / f"1{ending}") == read(tmp_path / f"3{ending}")


@pytest.mark.parametrize("ending", [".csv", ".npy", ".parquet"])
def test_the_same_bytes_for_any_number_of_ranks(ending: str, folder: Path, tmp_path: Path) -> None:
    for size in (1, 2, 7):
        on_ranks(size, lambda ranks: written(folder, "numbers", tmp_path / f"{size}{ending}", ranks))  # noqa: B023
    assert len({(tmp_path / f"{size}{ending}").read_bytes() for size in (1, 2, 7)}) == 1


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("ending", WRITERS)
def test_what_cannot_be_written_is_said_on_all_ranks(ending: str, size: int, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / f"nowhere/a{ending}"
    with pytest.raises(UserError, match=rf"--out .*nowhere/a{ending} cannot be written: No such file or directory"):
        on_ranks(size, lambda ranks: written(folder, "numbers", out, ranks))


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("ending", WRITERS)
def test_a_disk_that_is_full_leaves_what_was_there(
    ending: str, size: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the middle, on rank 0 alone, is a sentence on all ranks; no file is left half."""
    out = tmp_path / f"a{ending}"
    out.write_text("old")
    writer = WRITERS[ending]

    class Full:
        def __init__(self, *arguments: Any):
            self.sink = writer.open(*arguments)

        def add(self, part: Any) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            self.sink.close()
            raise OSError(5, "Input/output error")

    monkeypatch.setitem(WRITERS, ending, writer._replace(open=Full))
    with pytest.raises(UserError, match=r"cannot be written: No space left on device"):
        on_ranks(size, lambda ranks: written(folder, "numbers", out, ranks))
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_unknown_endings() -> None:
    assert writer_for(None) is writer_for("-") is WRITERS[".csv"]
    for out in ("a.txt", "csv", ".npy"):
        with pytest.raises(UserError, match=rf"--out {out}: the name must end with .csv, .npy, .* or .h5\."):
            writer_for(out)
