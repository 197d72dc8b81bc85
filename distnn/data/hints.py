"""What is noticed about numbers while they are read: values that may stand for missing ones, targets of 0 and 1."""

from __future__ import annotations

from collections import Counter

import numpy as np

from distnn.data.rows import Rows
from distnn.parallel.ranks import Ranks

# Numbers that instruments, models and agencies write where there is none. The last is netCDF's, in float32 too.
SENTINELS = np.array([-999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0, -32768.0, 1e20, -1e20, 1e30, -1e30, 1e36])
HUGE = 1e30
OFTEN = 1000  # of so many rows at least one, and at least two


class Hints:
    """m inputs and targets, of which rows are shown to `look`; `share` makes the result that of all ranks.

    suspects: by column, the inputs first, a number that may stand for a missing value, and how often it occurs.
    binary: are all targets 0 or 1?
    """

    def __init__(self, inputs: int, targets: int):
        self.suspects: dict[int, tuple[float, int]] = {}
        self.binary = targets > 0
        self._counts: dict[tuple[int, float], int] = {}
        self._extremes = np.full((2, inputs + targets), -np.inf)  # of -x and x
        self._rows = 0

    def look(self, rows: Rows) -> None:
        """Look at some rows of this rank. Local."""
        first = 0
        for values in (rows.inputs, rows.targets):
            width = values.shape[1]
            ends = np.stack([values.min(axis=0), values.max(axis=0)])
            known = self._extremes[:, first : first + width]
            np.maximum(known, ends * [[-1], [1]], out=known)
            for end, column in np.argwhere((ends[..., None] == SENTINELS).any(axis=-1) | (np.abs(ends) >= HUGE)):
                key = (first + int(column), float(ends[end, column]))
                self._counts[key] = self._counts.get(key, 0) + int((values[:, column] == key[1]).sum())
            first += width
        self.binary = self.binary and bool(((rows.targets == 0) | (rows.targets == 1)).all())
        self._rows += len(rows)

    def share(self, ranks: Ranks) -> None:
        """Put together what all ranks have seen. Collective, replicated."""
        ranks.maximum(self._extremes)
        counts, self.binary, rows = ranks.merged((Counter(self._counts), self.binary, self._rows), _together)
        often = max(2, rows // OFTEN)
        least, most = -self._extremes[0], self._extremes[1]
        for (column, value), count in sorted(counts.items()):
            if count >= often and value in (least[column], most[column]) and least[column] < most[column]:
                self.suspects[column] = value, count


Seen = tuple[Counter[tuple[int, float]], bool, int]


def _together(a: Seen, b: Seen) -> Seen:
    """What two ranks have seen: how often which numbers, whether all targets are 0 or 1, and rows."""
    a[0].update(b[0])
    return a[0], a[1] and b[1], a[2] + b[2]
