"""HDF5 and NetCDF-4: which datasets are meant, hyperslabs, and what NetCDF's attributes say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sources import opened
from threaded_ranks import on_ranks

from distnn.data.tables import open_source
from distnn.data.tables.source import Missing
from distnn.errors import UserError

N = 50
X = np.random.default_rng(0).normal(size=(N, 3))
Y = np.arange(N) % 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    import h5py

    path = tmp_path / "table.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("group")
        group.create_dataset("X", data=X, chunks=(7, 2), compression="gzip", shuffle=True)
        group["Y"] = Y
        file["whole"] = X
        records = np.zeros(N, [("a", float), ("k", "S3"), ("y", "i4")])
        records["a"], records["k"], records["y"] = X[:, 0], [b"oak", b"fir"] * 25, Y
        file["records"] = records
        columns = file.create_group("columns")
        columns["b"], columns["a"], columns["c"] = X[:, 1], X[:, 0], ["oak", "fir"] * 25
        file["cube"] = np.zeros((2, 2, 2))
        file["complex"] = np.zeros(N, complex)
        file["short"] = np.zeros(3)
    return path


@pytest.mark.parametrize("size", [1, 3])
def test_columns_by_name_of_a_file_with_others(path: Path, size: int) -> None:
    import h5py

    with h5py.File(path, "a") as file:
        file["columns/cube"], file["columns/short"] = np.zeros((N, 2, 2)), np.zeros(3)
    with pytest.raises(
        UserError, match=r"say which dataset is the table.*or which are its columns, such as .*:/a,/b,/y"
    ):
        opened(f"{path}:/columns")
    with pytest.raises(UserError, match=r"/columns/short has 3\. Name those that are meant: .*table\.h5:/a,/b,/y"):
        opened(f"{path}:/columns/a,/columns/b,/columns/short")

    def read(ranks: Any) -> np.ndarray:
        source = open_source(f"{path}:/columns/a,/columns/b,/group/Y", ranks)
        assert (source.columns, source.default_targets(), source.named) == (("a", "b", "Y"), (2,), True)
        start, stop = (N * (ranks.rank + i) // ranks.size for i in (0, 1))
        return source.read(start, stop, range(3))[0]

    rows = np.concatenate(on_ranks(size, read))
    np.testing.assert_array_equal(rows, np.column_stack([X[:, 0], X[:, 1], Y]))


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    ("inside", "columns", "targets", "named"),
    [
        ("/group", ("x1", "x2", "x3", "y"), (3,), True),
        ("/group/X,/group/Y", ("x1", "x2", "x3", "y"), (3,), True),
        ("group/X", ("0", "1", "2"), (2,), False),
        ("/whole", ("0", "1", "2"), (2,), False),
    ],
)
def test_datasets(path: Path, size: int, inside: str, columns: tuple[str], targets: Any, named: bool) -> None:
    def read(ranks: Any) -> np.ndarray:
        source = open_source(f"{path}:{inside}", ranks)
        assert (source.columns, source.default_targets(), source.named) == (columns, targets, named)
        start, stop = (N * (ranks.rank + i) // ranks.size for i in (0, 1))
        return source.read(start, stop, range(len(columns)))[0]

    rows = np.concatenate(on_ranks(size, read))
    np.testing.assert_array_equal(rows, np.column_stack([X, Y])[:, : len(columns)])


def test_columns_and_records(path: Path) -> None:
    source = opened(f"{path}:/columns")
    assert source.columns == ("a", "b", "c") and [source.kind(i) for i in range(3)] == ["numbers", "numbers", None]
    values, (words,) = source.read(3, 6, [1, 0], [2])
    np.testing.assert_array_equal(values, X[3:6, [1, 0]])
    assert list(words) == ["fir", "oak", "fir"]
    source = opened(f"{path}:/records")
    assert source.columns == ("a", "k", "y") and [source.kind(i) for i in range(3)] == ["numbers", None, "integers"]
    values, (words,) = source.read(3, 6, [0, 2], [1])
    np.testing.assert_array_equal(values, np.column_stack([X[3:6, 0], Y[3:6]]))
    assert list(words) == ["fir", "oak", "fir"]


def test_x_and_y_beside_others_are_columns_or_coordinates(tmp_path: Path) -> None:
    """Of datasets x, y and flag, none is to be left out; of X, Y and ids, ids is, and that is said."""
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["points/x"], file["points/y"], file["points/flag"] = X[:, 0], X[:, 1], Y == 1
        file["two/x"], file["two/y"] = X[:, 0], Y
        file["arrays/X"], file["arrays/Y"], file["arrays/ids"] = X, Y, np.arange(N)
        file["fields/x"], file["fields/t"], file["fields/u"] = np.arange(N), X[:, 0], X[:, 1]
        file["fields/x"].make_scale("x")
        file["fields/version"] = 3
    points, two, arrays, fields = (opened(f"{tmp_path}/a.h5:/{n}") for n in ("points", "two", "arrays", "fields"))
    assert (points.columns, points.notes) == (("flag", "x", "y"), ())
    assert (two.columns, two.default_targets(), two.notes) == (("x1", "y"), (1,), ())
    assert arrays.columns == ("x1", "x2", "x3", "y") and arrays.notes == ("it also holds /arrays/ids: left out",)
    assert (fields.columns, fields.notes) == (
        ("t", "u"),
        ("its coordinates (x) are left out", "it also holds version, a single value each: left out"),
    )


def test_netcdf_3_is_no_hdf5(tmp_path: Path) -> None:
    (tmp_path / "a.nc").write_bytes(b"CDF\1" + bytes(100))
    with pytest.raises(UserError, match=r"a\.nc is NetCDF-3; make it NetCDF-4: nccopy -k nc4"):
        opened(tmp_path / "a.nc")


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        ("", r"say which dataset is the table, such as .*table\.h5:/columns/a; or which .* It holds /columns/a, .*"),
        (":/nowhere", r"has no /nowhere; it holds /columns/a, /columns/b"),
        (":/cube", "has 3 dimensions; it must have two"),
        (":/complex", "holds the type complex128; it must hold real numbers or words"),
        (":/whole,/short", "all datasets must have the same number of rows, but /whole has 50, /short has 3"),
        (":/group,/whole", "names 2 things; name a group, or datasets: one, X and Y, or"),
    ],
)
def test_what_is_no_table_is_one_sentence(path: Path, inside: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        opened(f"{path}{inside}")


@pytest.mark.parametrize("size", [1, 3])
def test_netcdf(size: int, tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "table.nc"
    stored = np.arange(N, dtype=np.int16)
    with h5py.File(path, "w") as file:
        file["time"] = np.arange(N, dtype=float)
        file["time"].make_scale("time")
        file["t"] = stored
        file["t"].attrs.update(scale_factor=np.array([0.5]), add_offset=np.array([270.0]), _FillValue=np.int16([7]))
        file["v"] = stored.astype(np.float32)
        file["v"].attrs.update(valid_range=np.float32([2, 40]), missing_value=np.float32(9))
        file["w"] = np.where(stored == 4, np.nan, stored)
        file["w"].attrs["_FillValue"] = np.nan
        for name in "tvw":
            file[name].dims[0].attach_scale(file["time"])

    def read(ranks: Any) -> np.ndarray:
        source = open_source(str(path), ranks)
        assert source.columns == ("t", "v", "w") and source.notes == ("its coordinates (time) are left out",)
        assert [source.kind(i) for i in range(3)] == ["numbers"] * 3
        start, stop = (N * (ranks.rank + i) // ranks.size for i in (0, 1))
        return source.read(start, stop, [0, 1, 2], missing=Missing())[0]

    rows = np.concatenate(on_ranks(size, read))
    number = stored.astype(float)
    np.testing.assert_array_equal(rows[:, 0], np.where(number == 7, np.nan, number * 0.5 + 270))
    np.testing.assert_array_equal(rows[:, 1], np.where((number < 2) | (number > 40) | (number == 9), np.nan, number))
    np.testing.assert_array_equal(rows[:, 2], np.where(number == 4, np.nan, number))
    with pytest.raises(UserError, match=r"table\.nc, row 7, column t: nan is not a finite number"):
        opened(path).read(5, 10, [0])


def test_without_h5py_the_command_that_installs_it_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(UserError, match=r"needs the package h5py\. Install it with: pip install 'distnn\[hdf5\]'"):
        opened(path)
