"""Passes by tiles, of wide layers."""

from __future__ import annotations

import pytest
from passing import DTYPES, WIDE, compare


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", WIDE, ids=str)
def test_wide_as_numpy(d: tuple[int, ...], dtype: str, of: str) -> None:
    compare(d, dtype, "tiled", of, (700, 1, 33, 270), factor=4)
