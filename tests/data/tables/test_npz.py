""".npz: every slice equals what NumPy reads; a bad archive is one sentence, and takes no memory."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from archives import npy
from hypothesis import given
from sources import (
    arrays,
    check_slices,
    everything,
    is_word,
    opened,
    quick,
)

from distnn.errors import UserError


@quick
@given(X=arrays, Y=arrays, fortran=st.booleans(), compressed=st.booleans(), weights=st.booleans(), small=st.booleans())
def test_npz_reads_like_numpy(
    X: np.ndarray, Y: np.ndarray, fortran: bool, compressed: bool, weights: bool, small: bool, tmp_path: Path
) -> None:
    n = min(len(X), len(Y))
    X, Y = X[:n], Y[:n]
    table: dict[str, Any] = {"x" if small else "X": np.asfortranarray(X) if fortran else X, "y" if small else "Y": Y}
    if weights:
        table["weights"] = np.arange(n)
    (np.savez_compressed if compressed else np.savez)(tmp_path / "a.npz", **table)
    expected = np.column_stack([values.astype(np.float64).reshape(n, -1) for values in table.values()])
    source = opened(tmp_path / "a.npz")
    d, k = X.reshape(n, -1).shape[1], Y.reshape(n, -1).shape[1]
    ys = ["y"] if k == 1 else [f"y{i + 1}" for i in range(k)]
    assert source.columns == (*(f"x{i + 1}" for i in range(d)), *ys, *["weights"] * weights)
    assert source.default_targets() == tuple(range(d, d + k))
    check_slices(source, expected, [])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_with_words(save: Callable, tmp_path: Path) -> None:
    X, Y = np.arange(20.0).reshape(10, 2), np.array(["cat", "dög"] * 5)
    save(tmp_path / "a.npz", X=X, Y=Y, notes=np.array("not used"))
    source = opened(tmp_path / "a.npz")
    assert source.notes == ("it also holds notes: left out",)
    assert [is_word(source, column) for column in range(3)] == [False, False, True]
    check_slices(source, X, [list(Y)])
    with pytest.raises(UserError, match=r"a\.npz, row 3, column y: 'dög' stands where a number belongs\.$"):
        source.read(3, 5, [2])
    save(tmp_path / "a.npz", X=X, Y=np.where(np.arange(10) == 7, "", Y))
    with pytest.raises(UserError, match=r"row 7, column y: the word is empty"):
        everything(opened(tmp_path / "a.npz"))


def test_npz_with_inputs_only(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.eye(3))
    source = opened(tmp_path / "a.npz")
    assert source.columns == ("x1", "x2", "x3") and source.default_targets() == ()


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"X": np.eye(3), "Y": np.ones(4)}, "all arrays must have the same number of rows, but X has 3, Y has 4"),
        ({"X": np.eye(3), "x": np.eye(3)}, "holds both X and x; leave one of them out"),
        ({"Y": np.eye(3)}, "holds the arrays 'Y'; it must hold X and Y"),
        ({"a": np.eye(3), "b": np.eye(3)}, "holds the arrays 'a', 'b'; it must hold X and Y"),
        ({}, "holds no arrays"),
        ({"X": np.eye(3), "weights": np.eye(3)}, "array weights has 3 columns; it must have one"),
        ({"X": np.array([["a"]])}, "array X holds words; it must hold real numbers"),
        ({"X": np.array([[1, None]])}, "array X holds Python objects; it must hold real numbers"),
        ({"X": np.ones((2, 2, 2))}, "array X has 3 dimensions; it must have two"),
        ({"X": np.ones((0, 2))}, "has no rows"),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_bad_npz_is_one_sentence(save: Callable, arrays: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    save(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=sentence):
        opened(tmp_path / "a.npz")


def test_a_zip_archive_of_a_csv_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train.csv", "x,y\n1,2\n")
    with pytest.raises(UserError, match=r"a\.zip is a zip archive of train\.csv: unpack it, and name what was in it\."):
        opened(tmp_path / "a.zip")


def test_an_archive_that_claims_more_than_it_holds(tmp_path: Path) -> None:
    """The directory's sizes are made to fit a lying header."""
    content = npy((10**9, 10))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", content)
    data = (tmp_path / "a.npz").read_bytes()
    small = struct.pack("<I", len(content))
    assert data.count(small) >= 2
    with pytest.raises(UserError, match=r"is damaged"):
        opened(tmp_path / "a.npz", data.replace(small, struct.pack("<I", 2**32 - 2)))
    content = npy((40, 1), data=b"\0" * 64)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", content)
    data = (tmp_path / "a.npz").read_bytes().replace(struct.pack("<I", len(content)), struct.pack("<I", 500))
    with pytest.raises(UserError, match="is damaged"):
        everything(opened(tmp_path / "a.npz", data))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_larger_than_its_file_is_refused_on_opening(method: int, tmp_path: Path) -> None:
    """Header and directory agree on 4 GB, in a file of some hundred bytes."""
    content = npy((5 * 10**7, 10))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
        archive.writestr("X.npy", content)
    data = (tmp_path / "a.npz").read_bytes().replace(struct.pack("<I", len(content)), struct.pack("<I", 2**32 - 2))
    with pytest.raises(
        UserError, match=r"array X is damaged or cut short: the file cannot hold its 4294967294 bytes\.$"
    ):
        opened(tmp_path / "a.npz", data)


def test_archives_that_numpy_does_not_write(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("X.npy", npy((8, 1)))
    with pytest.raises(
        UserError, match=r"array X is compressed in an unusual way; write it with numpy\.savez_compressed"
    ):
        opened(tmp_path / "a.npz")
    with pytest.raises(UserError, match=r"is damaged or not a \.npz file"):
        opened(tmp_path / "a.npz", b"1,2\n3,4\n")


def test_a_compressed_array_is_decompressed_once_and_never_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, d = 500_000, 8
    X = np.zeros((n, d))
    X[:, 0] = np.arange(n)
    np.savez_compressed(tmp_path / "a.npz", X=X)
    del X
    inflated = 0
    original = zipfile.ZipExtFile._read1  # type: ignore[attr-defined]

    def counting(self: zipfile.ZipExtFile, count: int) -> bytes:
        nonlocal inflated
        data: bytes = original(self, count)
        inflated += len(data)
        return data

    monkeypatch.setattr(zipfile.ZipExtFile, "_read1", counting)
    source = opened(tmp_path / "a.npz")
    opening, inflated = inflated, 0
    assert opening < 1 << 20
    tracemalloc.start()
    try:
        for start in range(300_000, 310_000, 1000):
            assert source.read(start, start + 1000, [0, 7])[0][0, 0] == start
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 << 20
    assert inflated < 311_000 * d * 8 * 1.1 + (1 << 20)
    assert source.read(5, 6, [0])[0] == [[5]]  # back again


def test_stored_arrays_are_mapped_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.zeros((300_000, 10)))
    np.save(tmp_path / "a.npy", np.zeros((300_000, 10), order="F"))
    for name in ("a.npz", "a.npy"):
        tracemalloc.start()
        try:
            opened(tmp_path / name).read(100_000, 101_000, range(10))
            assert tracemalloc.get_traced_memory()[1] < 2 << 20
        finally:
            tracemalloc.stop()
