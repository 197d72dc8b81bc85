"""What is noticed about numbers while they are read: values that may stand for missing ones, targets of 0 and 1, rows
that stand there more than once, and inputs that may be no quantities, such as dates and numbers of rows."""

from __future__ import annotations

from collections import Counter

import numpy as np

from distnn.data.rows import Rows
from distnn.parallel.ranks import Ranks

# Numbers that instruments, models and agencies write where there is none. The last is netCDF's, in float32 too.
SENTINELS = np.array([-999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0, -32768.0, 1e20, -1e20, 1e30, -1e30, 1e36])
HUGE = 1e30
OFTEN = 1000  # of so many rows at least one, and at least two
FEW = 20  # fewer rows tell little about a column
DATES = 19000101, 21001231  # YYYYMMDD
WHOLE, IDS = 2.0**53, 2.0**64  # up to which float64, and integers of 64 bits, have all whole numbers
EARLY = 30_000  # rows among which such are looked for that stand there more than once
# What may be wrong with a column of inputs that are whole numbers.
COUNTS, DIFFERENT, DATED, BEYOND = "counts", "different", "dates", "beyond"


class Hints:
    """m inputs and targets, of which rows are shown to `look`; `share` makes the result that of all ranks.

    suspects: by column, the inputs first, a number that may stand for a missing value, and how often it occurs. binary:
    are all targets 0 or 1? copies: share of rows that are the same as one before, of the first ones. doubts: by column,
    what may make these inputs no quantities: they are COUNTS of the rows (1, 2, 3 …), all DIFFERENT in each block,
    DATED (YYYYMMDD), or go BEYOND what float64 tells apart.
    """

    def __init__(self, inputs: int, targets: int):
        self.suspects: dict[int, tuple[float, int]] = {}
        self.binary = targets > 0
        self.copies = 0.0
        self.doubts: dict[int, str] = {}
        self._counts: dict[tuple[int, float], int] = {}
        self._most = np.full((7, inputs + targets), -np.inf)  # what all ranks have the greatest of:
        self._extremes = self._most[:2]  # -x and x,
        self._steps = self._most[2:4, :inputs]  # the same of x less the row's number,
        self._never = self._most[4:, :inputs]  # and 1 for what are not all different, nor dates, nor beyond float64
        self._rows = 0
        self._digests: list[np.ndarray] = []

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
            if values is rows.inputs:
                self._doubt(rows, *ends)
            first += width
        self.binary = self.binary and bool(((rows.targets == 0) | (rows.targets == 1)).all())
        self._rows += len(rows)
        if self._most.shape[1] > rows.inputs.shape[1] and rows.numbers[0] < EARLY:
            self._digests.append(_digests(rows))

    def _doubt(self, rows: Rows, least: np.ndarray, most: np.ndarray) -> None:
        """What these inputs, between these, cannot be. Most columns are known by now, and cost nothing more. Local."""
        self._never[0, ~(most - least >= len(rows) - 1)] = 1
        self._never[1, ~((least >= DATES[0]) & (most <= DATES[1]))] = 1
        self._never[2, ~((least >= 0) & (most >= WHOLE) & (most < IDS))] = 1
        possible = self._never < 1
        for column in np.flatnonzero(possible.any(axis=0)):
            x = rows.inputs[:, column]
            different, dated, beyond = possible[:, column] & (x == np.rint(x)).all()
            if different:
                step = x - rows.numbers
                np.maximum(self._steps[:, column], [-step.min(), step.max()], out=self._steps[:, column])
                different = len(np.unique(x)) == len(x)
            if dated:
                month, day = x // 100 % 100, x % 100
                dated = ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all()
            if beyond:
                beyond = 2 * np.count_nonzero(x % 1000) > len(x)  # numbers of physics have fewer digits than ids
            self._never[:, column] = not different, not dated, not beyond

    def share(self, ranks: Ranks) -> None:
        """Put together what all ranks have seen. Collective, replicated."""
        ranks.maximum(self._most)
        seen = Counter(self._counts), self.binary, self._rows, self._digests
        counts, self.binary, rows, digests = ranks.merged(seen, _together)
        often = max(2, rows // OFTEN)
        least, most = -self._extremes[0], self._extremes[1]
        for (column, value), count in sorted(counts.items()):
            if count >= often and value in (least[column], most[column]) and least[column] < most[column]:
                self.suspects[column] = value, count
        if rows >= FEW:
            if digests:
                found = np.concatenate(digests)
                self.copies = 1 - len(np.unique(found)) / len(found)
            several = self._never.shape[1] > 1  # an only input is a quantity, if it is a count of rows
            for column in np.flatnonzero((self._never < 1).any(axis=0)).tolist():
                different, dated, beyond = self._never[:, column] < 1
                counts = different and self._steps[:, column].sum() == 0
                if (dated or beyond or several) and least[column] < most[column]:
                    what = DATED if dated else BEYOND if beyond else COUNTS if counts else DIFFERENT
                    self.doubts[column] = what

    def spread(self, shift: np.ndarray) -> np.ndarray:
        """How far the values of each column, of all ranks, lie from `shift`, a number for each. Local."""
        with np.errstate(over="ignore"):
            return np.maximum(self._extremes[0] + shift, self._extremes[1] - shift)


def _digests(rows: Rows) -> np.ndarray:
    """A number for each row, uint64, which for different rows is hardly ever the same. Local."""
    values = np.hstack([rows.inputs, rows.targets]) + 0.0  # -0 is 0
    factors = 2 * np.random.default_rng(0).integers(2**63, size=values.shape[1], dtype=np.uint64) + np.uint64(1)
    bits = values.view(np.uint64)
    mixed = (bits ^ (bits >> np.uint64(32))) * factors
    found: np.ndarray = ((mixed ^ (mixed >> np.uint64(29))) * factors).sum(axis=1)
    return found


Seen = tuple[Counter[tuple[int, float]], bool, int, list[np.ndarray]]


def _together(a: Seen, b: Seen) -> Seen:
    """What two ranks have seen: how often which numbers, whether all targets are 0 or 1, rows, and what they are."""
    a[0].update(b[0])
    return a[0], a[1] and b[1], a[2] + b[2], a[3] + b[3]
