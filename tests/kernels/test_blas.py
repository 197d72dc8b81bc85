"""The BLAS of numpy, also beside another one, and its threads."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from distnn.kernels import blas


def test_it_is_the_one_that_numpy_brought() -> None:
    pytest.importorskip("scipy.linalg", reason="scipy, which brings a BLAS of its own, is not installed")
    np.ones((2, 2)) @ np.ones((2, 2))
    found = blas.library()
    assert found["user_api"] == "blas" and "numpy" in found["filepath"]


def test_threads_are_limited_until_told_otherwise() -> None:
    before = blas.library()["num_threads"]
    try:
        for threads in (1, 2):
            blas.limit_threads(threads)
            assert blas.library()["num_threads"] == threads
    finally:
        threadpool_limits(before, user_api="blas")


def test_threads_are_given_back() -> None:
    before = blas.library()["num_threads"]
    for threads in (1, 2):
        with blas.limited_threads(threads):
            assert blas.library()["num_threads"] == threads
            blas.limit_threads(3 - threads)
        assert blas.library()["num_threads"] == before


def test_where_no_blas_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "threadpool_info", lambda: [{"user_api": "openmp", "filepath": "numpy"}])
    assert blas.library() == {}
