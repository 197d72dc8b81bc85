"""Predictions as an array: no number is changed without a word."""

from __future__ import annotations

import io

import numpy as np
import pytest

from distnn import UserError
from distnn.inference.predictions import Field
from distnn.inference.writers.npy import NPY


def test_numbers_of_all_kinds() -> None:
    fields = [Field("x", "numbers"), Field("k", "integers"), Field("b", "booleans")]
    whole = np.ma.masked_array(np.array([1 << 53, 5]), [False, True])
    file = io.BytesIO()
    sink = NPY.open(file, fields, 2)
    sink.add(NPY.encode(fields, [np.array([0.5, 1.5]), whole, np.array([True, False])]))
    sink.close()
    file.seek(0)
    np.testing.assert_array_equal(np.load(file), [[0.5, 2.0**53, 1], [1.5, np.nan, 0]])


def test_what_an_array_of_numbers_cannot_hold() -> None:
    with pytest.raises(UserError, match=r"Column name holds words, and \.npy numbers only"):
        NPY.open(io.BytesIO(), [Field("name", "words")], 2)
    with pytest.raises(UserError, match=r"Column k holds whole numbers beyond 2\^53"):
        NPY.encode([Field("k", "integers")], [np.array([3, -(1 << 53) - 1])])
