"""What users know errors by: sums over blocks and ranks, and what is made of them, by scikit-learn's definitions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from distnn.data.rows import Rows


class Seen(NamedTuple):
    """A block of r rows as evaluation sees it. Local.

    rows: as read; y: targets as the network has them, outputs: the network's, both d^(L) × r; weights: float64 (r,).
    """

    rows: Rows
    y: np.ndarray
    outputs: np.ndarray
    weights: np.ndarray
