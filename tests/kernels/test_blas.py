"""The BLAS of numpy, also beside another one, and its threads."""

from __future__ import annotations

import numpy as np
import pytest
from mpi_runner import python
from threadpoolctl import ThreadpoolController, threadpool_limits

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


@pytest.mark.job
def test_one_that_comes_later_is_limited_too() -> None:
    """In a process of its own, in which distnn has looked for libraries before scipy comes."""
    pytest.importorskip("scipy.linalg", reason="scipy, which brings a BLAS of its own, is not installed")
    program = """
import numpy
from distnn.kernels import blas
blas.limit_threads(2)
import scipy.linalg
from threadpoolctl import threadpool_info
with blas.limited_threads(1):
    print(*(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"))
"""
    assert python("-c", program).stdout.split() == ["1", "1"]


def test_where_no_blas_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_loaded", lambda modules: ThreadpoolController().select(user_api="none"))
    assert blas.library() == {}
