"""The whole matrix on every rank; the one that is shared out is tested by parallel/test_symmetric.py."""

from __future__ import annotations

import numpy as np

from distnn.optimizers.matrix import Dense


def test_a_dense_matrix() -> None:
    J = np.random.default_rng(0).standard_normal((5, 9))
    A, b = J @ J.T, np.arange(5.0)
    matrix = Dense(A.copy())
    for mu in (0.0, 2.0, 0.5):
        factor = matrix.factor(mu)
        assert factor is not None
        np.testing.assert_allclose((A + mu * np.eye(5)) @ factor.solve(b), b, atol=1e-10)
    np.testing.assert_array_equal(matrix.diagonal(), A.diagonal())
    np.testing.assert_allclose(matrix.times(b), A @ b)
    assert matrix.factor(-2 * A.max()) is None and matrix.factor(1.0) is not None
