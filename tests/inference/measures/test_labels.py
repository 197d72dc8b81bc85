"""Scores of labels: scikit-learn's, also of labels that no row has or is given."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import multilabel_confusion_matrix, precision_recall_fscore_support

from distnn.inference.measures.labels import SCORES, scores


@pytest.mark.parametrize("there", [True, False])
def test_precision_recall_and_f1(there: bool) -> None:
    generator = np.random.default_rng(0)
    true, given = generator.random((2, 400, 4)) < [0.3, 0.5, 0.8, 0.1]
    true[:, 3] = given[:, 2] = False
    true &= there
    weights = generator.random(400)
    found, means = scores(multilabel_confusion_matrix(true, given, sample_weight=weights))
    expected = precision_recall_fscore_support(true, given, sample_weight=weights, zero_division=0)
    np.testing.assert_allclose(found, np.stack(expected[:3], axis=1), rtol=1e-12)
    for name in ("micro", "macro", "weighted"):
        mean = precision_recall_fscore_support(true, given, average=name, sample_weight=weights, zero_division=0)
        assert list(means[name].values()) == pytest.approx(mean[:3], rel=1e-12)
        assert tuple(means[name]) == SCORES
