"""Predictions as HDF5: types, and names that HDF5 does not know."""

from __future__ import annotations

import errno
import gc
import io
from typing import IO, Any

import h5py
import numpy as np
import pytest

from distnn import UserError
from distnn.inference.predictions import Field
from distnn.inference.writers.hdf import HDF5


def test_types_and_names() -> None:
    fields = [Field("d y / d x", "numbers"), Field("w", "words"), Field("k", "integers"), Field("b", "booleans")]
    columns = [np.array([0.5, np.nan]), np.array(["ä", ""]), np.array([2**60 + 1, -3]), np.array([True, False])]
    file = io.BytesIO()
    sink = HDF5.open(file, fields, 4)
    for _ in range(2):
        sink.add(HDF5.encode(fields, columns))
    sink.close()
    with h5py.File(file) as found:
        np.testing.assert_array_equal(found["d y _ d x"][:], [0.5, np.nan] * 2)
        assert found["w"].asstr()[:].tolist() == ["ä", ""] * 2
        assert found["k"][:].tolist() == [2**60 + 1, -3] * 2 and found["k"].dtype == np.int64
        assert found["b"][:].tolist() == [True, False] * 2 and found["b"].dtype == bool


def test_what_it_cannot_hold() -> None:
    with pytest.raises(UserError, match="Column k lacks values, which HDF5 cannot say of integers"):
        HDF5.encode([Field("k", "integers")], [np.ma.masked_array([1, 2], [True, False])])
    with pytest.raises(UserError, match="Column w holds words with null characters, which HDF5 has not"):
        HDF5.encode([Field("w", "words")], [np.array(["a", "b\0c"])])
    with pytest.raises(UserError, match="Two columns would be called 'a_b' in HDF5"):
        HDF5.open(io.BytesIO(), [Field("a/b", "numbers"), Field("a_b", "numbers")], 2)


@pytest.mark.parametrize("room", [0, 1000, 20_000])
def test_a_full_disk_is_an_error_and_nothing_more(room: int) -> None:
    """HDF5 writes until it is closed, and would end the process where that fails again."""

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            if self.tell() + len(data) > room:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    file = Full()
    with pytest.raises(OSError, match="No space left on device"):
        _write(file)
    file.close()
    gc.collect()  # h5py lets go of what it has not written


def _write(file: IO[bytes]) -> None:
    sink = HDF5.open(file, [Field("y", "numbers")], 10_000)
    sink.add([np.arange(10_000.0)])
    sink.close()
