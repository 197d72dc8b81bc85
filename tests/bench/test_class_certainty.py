"""Calibration of classes is counted right, where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from distnn.bench import class_certainty
from distnn.bench.class_certainty import BINS, calibration_error, distance, probabilities, reliability, said


def test_what_is_true_is_calibrated_and_what_is_too_sure_is_not() -> None:
    true = probabilities(np.random.default_rng(0).uniform(-1.5, 1.5, (4000, 2)))
    np.testing.assert_allclose(true.sum(axis=1), 1)
    assert calibration_error(true, true) < 1e-12 and distance(true, true) == 0
    sure = true**3 / (true**3).sum(axis=1, keepdims=True)
    assert calibration_error(sure, true) > 0.1
    assert distance(sure, true) == pytest.approx(np.linalg.norm(sure - true) / np.sqrt(sure.size))


def test_it_is_what_observed_classes_come_to() -> None:
    """Against scikit-learn, which counts them."""
    generator = np.random.default_rng(1)
    true = probabilities(generator.uniform(-1.5, 1.5, (60_000, 2)))
    given = true**2 / (true**2).sum(axis=1, keepdims=True)
    observed = generator.random(true.shape) < true
    means, so, share = reliability(given, true)
    expected, expected_means = calibration_curve(observed.ravel(), given.ravel(), n_bins=BINS)
    np.testing.assert_allclose(means, expected_means, rtol=1e-12)
    np.testing.assert_allclose(so, expected, atol=0.02)
    assert share.sum() == pytest.approx(1)


def test_models_of_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_certainty, "NEW", 50)
    found = said("no decay, 20 iterations", 2)
    assert found.plain.shape == found.averaged.shape == found.true.shape == (100, 3)
    assert distance(found.plain, found.true) < 0.3 and (found.plain != found.averaged).all()
