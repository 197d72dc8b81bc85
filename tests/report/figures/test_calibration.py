"""Calibration curves against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from distnn.report.figures.calibration import BINS, calibration


def test_against_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    scores = np.concatenate([generator.random(700) ** 2, np.linspace(0, 1, BINS + 1)])
    true = generator.random(len(scores)) < scores
    said, is_so, weight = calibration(true, scores)
    expected_share, expected_mean = calibration_curve(true, scores, n_bins=BINS, strategy="uniform")
    np.testing.assert_allclose(said, expected_mean, rtol=1e-12)
    np.testing.assert_allclose(is_so, expected_share, rtol=1e-12)
    assert weight.sum() == len(scores)


def test_an_example_counts_as_its_weight() -> None:
    scores, true = np.array([0.12, 0.18, 0.95]), np.array([True, False, True])
    twice = calibration(np.repeat(true, [3, 1, 2]), np.repeat(scores, [3, 1, 2]))
    once = calibration(true, scores, np.array([3.0, 1.0, 2.0]))
    for a, b in zip(once, twice, strict=True):
        assert a.tolist() == pytest.approx(b.tolist())
