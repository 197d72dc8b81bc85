"""Predictions as CSV."""

from __future__ import annotations

import csv
import io

import numpy as np

from distnn.inference.predictions import Field
from distnn.inference.writers.text import CSV


def test_words_are_quoted_and_numbers_read_back() -> None:
    fields = [Field('a "name", quoted', "words"), Field("x", "numbers")]
    values = np.array([0.1, -1e-320, np.nan])
    file = io.BytesIO()
    sink = CSV.open(file, fields, 3)
    sink.add(CSV.encode(fields, [np.array(["x, y", "", "ä\nb"]), values]))
    sink.close()
    header, *lines = csv.reader(io.StringIO(file.getvalue().decode(), newline=""))
    assert header == [field.name for field in fields]
    assert [word for word, _ in lines] == ["x, y", "", "ä\nb"]
    np.testing.assert_array_equal(np.array([float(x) for _, x in lines]), values)
