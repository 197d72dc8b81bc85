"""ROC curves against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from distnn.report.figures.roc import area, roc


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("digits", [1, 6])  # with many equal scores, and with few
def test_against_scikit_learn(digits: int, weighted: bool) -> None:
    generator = np.random.default_rng(digits)
    true = generator.random(500) < 0.3
    scores = np.clip(0.3 * true + 0.7 * generator.random(500), 0, 1).round(digits)
    weights = generator.integers(1, 5, 500).astype(float) if weighted else None
    false_share, true_share = roc(true, scores, weights)
    expected = roc_curve(true, scores, sample_weight=weights, drop_intermediate=False)
    assert area(false_share, true_share) == pytest.approx(roc_auc_score(true, scores, sample_weight=weights), rel=1e-12)
    points = set(zip(false_share.round(12).tolist(), true_share.round(12).tolist(), strict=True))
    assert points <= set(zip(expected[0].round(12).tolist(), expected[1].round(12).tolist(), strict=True))
    assert digits == 1 or len(points) < len(expected[0])
    assert points >= {(0.0, 0.0), (1.0, 1.0)}


def test_one_class_alone_has_no_curve() -> None:
    false_share, _ = roc(np.ones(5, bool), np.arange(5.0))
    assert not np.isfinite(false_share).all()
