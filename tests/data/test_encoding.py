"""What becomes of a column: words, gaps, transforms."""

from __future__ import annotations

import json

import numpy as np
import pytest

from distnn.data.encoding import PLAIN, TRANSFORMS, Encoding, encode, truth, widths

NAN = np.nan


def test_columns_side_by_side() -> None:
    encodings = (
        Encoding(fill=0.5, indicator=True),
        Encoding("words", ("fir", "oak"), fill=0.0, indicator=True),
        Encoding(transform="log1p", fill=3.0),
        PLAIN,
    )
    columns = [np.array([1, NAN]), np.array(["oak", ""]), np.array([1.0, NAN]), np.array([7.0, 8.0])]
    assert widths(encodings) == 7
    expected = [[1, 0, 0, 1, 0, np.log1p(1), 7], [0.5, 1, 0, 0, 1, np.log1p(3), 8]]
    np.testing.assert_array_equal(encode(encodings, columns), expected)
    assert [encoding.names("c") for encoding in encodings] == [
        ("c", "c missing"),
        ("c=fir", "c=oak", "c missing"),
        ("c",),
        ("c",),
    ]
    assert [Encoding.restore(json.loads(json.dumps(encoding.metadata()))) for encoding in encodings] == [*encodings]


@pytest.mark.parametrize(
    "change", [{"kind": "dates"}, {"categories": [1]}, {"fill": "1"}, {"fill": NAN}, {"transform": "sine"}, {"x": 1}]
)
def test_what_is_no_encoding(change: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Encoding.restore({**PLAIN.metadata(), **change})


def test_true_and_false() -> None:
    values, wrong = truth(np.array(["True", "false", "", "1", "oak", "F"]))
    np.testing.assert_array_equal(values, [1, 0, NAN, 1, NAN, 0])
    assert wrong.tolist() == [False, False, False, False, True, False]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_undone(name: str) -> None:
    transform = TRANSFORMS[name]
    x = transform.above + np.array([1e-3, 0.5, 1.0, 1e6])
    np.testing.assert_allclose(transform.inverse(transform.forward(x)), x, rtol=1e-12)
    with np.errstate(divide="ignore"):
        assert not np.isfinite(transform.forward(np.array([transform.above]))).any()
