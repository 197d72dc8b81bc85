"""Random numbers that depend on (seed, purpose, counter) only: the same on every rank, for every P, after every resume.

Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) is a function of a key and a
counter, so nothing has to be stored, sent or drawn in order.
"""

from __future__ import annotations

import numpy as np

PURPOSES = ("weights", "picks", "validation", "epochs", "report", "folds", "bootstrap", "search")


def stream(seed: int, purpose: str, counter: int = 0) -> np.random.Generator:
    """The generator for draw number `counter` of this purpose. Replicated if its arguments are."""
    key = np.array([seed, PURPOSES.index(purpose)], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, counter, 0], np.uint64)))
