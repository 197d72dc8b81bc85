""".npy and .npz: every slice equals what NumPy reads; a bad file is one sentence, and takes no memory."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from archives import npy
from hypothesis import given
from sources import (
    arrays,
    check_slices,
    opened,
    quick,
)

from distnn.errors import UserError


@quick
@given(array=arrays, fortran=st.booleans())
def test_npy_reads_like_numpy(array: np.ndarray, fortran: bool, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(array) if fortran else array)
    expected = np.load(tmp_path / "a.npy").astype(np.float64).reshape(len(array), -1)
    check_slices(opened(tmp_path / "a.npy"), expected, [])


@pytest.mark.parametrize("order", "<>")
def test_words_that_are_not_unicode_are_refused(order: str, tmp_path: Path) -> None:
    good = [0x64, 0x10FFFF, 0xD7FF, 0xE000]
    for bad in (0xD800, 0xDFFF, 0x110000, 0xFFFFFFFF):
        codes = np.array([*good, bad], f"{order}u4")
        path = tmp_path / "a.npy"
        source = opened(path, npy((5, 1), f"{order}U1", data=codes.tobytes()))
        assert list(source.read(0, 4, [], [0])[1][0]) == list(map(chr, good))
        with pytest.raises(UserError, match=r"row 4 holds text that is not Unicode"):
            source.read(1, 5, [], [0])


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.array([[1, "a", None]], dtype=object), "holds Python objects"),
        (np.eye(2) * 1j, "holds complex numbers"),
        (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), "holds records"),
        (np.array([b"a"]), "holds bytes"),
        (np.array(["2026-01-01"], dtype="M8[D]"), r"holds the type datetime64\[D\]"),
        (np.array(1.0), "has 0 dimensions; it must have two: rows and columns"),
        (np.ones((2, 2, 2)), "has 3 dimensions"),
        (np.ones((0, 3)), "has no rows"),
        (np.ones((3, 0)), "has no columns"),
    ],
)
def test_bad_npy_is_one_sentence(array: np.ndarray, sentence: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(UserError, match=sentence):
        opened(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "content",
    [
        npy((10**12, 10)),
        npy((2**62, 2**62)),
        npy((9, 1)),
        npy((-1, -1)),
        npy((-4, 2)),
        npy((8, 1), "<U0"),
        npy((8, 1), "<U1000000000"),
        npy((8, 1))[:-1],
        npy((8, 1))[:60],
        npy((8, 1))[:7],
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{" * 1000,
        b"\x93NUMPY\x09\x00" + b"{" * 1000,
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000,
        b"1,2\n3,4\n",
    ],
)
@pytest.mark.parametrize("member", [None, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_lying_headers_are_errors_and_take_no_memory(content: bytes, member: int | None, tmp_path: Path) -> None:
    path = tmp_path / ("a.npy" if member is None else "a.npz")
    if member is None:
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w", member) as archive:
            archive.writestr("X.npy", content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"is damaged|has no columns|has no rows|holds words"):
            opened(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
