"""What the columns of a table hold, over all of its rows: numbers, words, gaps. Each rank looks at its own rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from distnn.data.encoding import BOOLEANS
from distnn.data.tables import Source
from distnn.data.tables.source import Kind, Missing
from distnn.errors import UserError
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import Ranks

CHUNK = 8192  # rows read at a time
HEAD = 200  # rows that are enough for a guess
# show(rows, values): rows by number, (r,); values by column, (r,) float64, NaN where one is missing.
Show = Callable[[np.ndarray, dict[int, np.ndarray]], None]
MOST_WORDS = 10_000  # different words of a column that are kept; a column with more is none of categories


@dataclass
class Found:
    """What a column holds. Local until `together`, then replicated.

    kind: what the file says; None: nothing, it is text. numbers, missing, words: how many values are what. different:
    the words, and the numbers that a column with words also holds, with how often they occur; first: the row of the
    first word that is no number. overflow: there were more than MOST_WORDS different ones.
    """

    kind: Kind | None
    numbers: int = 0
    missing: int = 0
    words: int = 0
    different: Counter[str] = field(default_factory=Counter)
    first: tuple[int, str] | None = None
    overflow: bool = False

    @property
    def values(self) -> int:
        return self.numbers + self.words

    @property
    def is_true_or_false(self) -> bool:
        """Are all values that are there words for true and false?"""
        return self.words > 0 and set(self.different) <= set(BOOLEANS) and not self.overflow

    def add(self, other: Found) -> None:
        """Put what another one, of later rows, has found to this."""
        self.numbers += other.numbers
        self.missing += other.missing
        self.words += other.words
        self.first = self.first or other.first
        self.different.update(other.different)
        self.overflow |= other.overflow
        self.forget()

    def forget(self) -> None:
        """Keep no more different words than are of use."""
        if len(self.different) > MOST_WORDS:
            self.overflow, self.different = True, Counter(dict(self.different.most_common(MOST_WORDS)))

    @property
    def all_are_listed(self) -> bool:
        """Are all values among the different ones?"""
        return self.overflow or sum(self.different.values()) == self.values


@dataclass
class Survey:
    """Replicated. found: by column. complete: all rows were looked at, not only the first ones. fills: by column, the
    mean or median, where one is asked for; NaN where there is no number.
    """

    found: dict[int, Found]
    complete: bool = True
    fills: dict[int, float] = field(default_factory=dict)


def chunks(n: int) -> Cut:
    """The rows that are looked at together; they depend on n only, and so do the bits of sums over them."""
    return Cut(n, CHUNK, -(-n // CHUNK))


def head(
    source: Source,
    columns: Sequence[int],
    missing: Missing,
    ranks: Ranks,
    words: Sequence[int] = (),
    weight: int | None = None,
) -> Survey:
    """What the first rows hold, where the file itself does not say: a guess at the others. Collective, replicated.

    weight: the column of weights; rows where it is 0 tell nothing, and if all first rows are such, nothing is known.
    """
    text = [column for column in columns if source.kind(column) is None]
    found = {column: Found(source.kind(column)) for column in columns}
    if text:
        mine: dict[int, Found] = {}
        source.prepare(0, min(HEAD, source.n) if ranks.rank == 0 else 0)
        with ranks.sharing_errors():
            if ranks.rank == 0:
                mine = _look(source, text, missing, np.arange(min(HEAD, source.n)), weight, set(words))
        found |= ranks.broadcast(mine)
    return Survey(found, complete=False)


def survey(
    source: Source,
    columns: Sequence[int],
    missing: Missing,
    ranks: Ranks,
    *,
    weight: int | None = None,
    words: Sequence[int] = (),
    show: Show | None = None,
) -> Survey:
    """What all rows hold whose weight is not 0. Collective.

    weight: the column of weights; words: columns that are read as words, whatever they hold. show: is called with
    the numbers of each chunk of this rank's rows.
    """
    cut = chunks(source.n)
    source.prepare(*cut.rows_owned(ranks.rank, ranks.size))
    mine = {column: Found(source.kind(column)) for column in columns}
    spelled = set(words)
    with ranks.sharing_errors():
        for chunk in cut.owned(ranks.rank, ranks.size):
            rows = np.arange(*cut.bounds(chunk))
            found = _look(source, columns, missing, rows, weight, spelled, show)
            for column in columns:
                mine[column].add(found[column])
                if mine[column].words:
                    spelled.add(column)  # it would be tried as a column of numbers in vain
    together = _together(source, mine, ranks)
    half_known = [c for c in columns if c not in words and together[c].words and not together[c].all_are_listed]
    if half_known:  # where some rows hold words, and others nothing but numbers: these are words too
        again = survey(source, half_known, missing, ranks, weight=weight, words=half_known)
        together |= again.found
    return Survey(together)


def _together(source: Source, mine: dict[int, Found], ranks: Ranks) -> dict[int, Found]:
    """What all ranks have found. Counts are summed; words are sent where there are some. Collective, replicated."""
    counts = np.array([[f.numbers, f.missing, f.words, len(f.different)] for f in mine.values()], np.int64)
    ranks.sum(counts)
    together = {}
    for column, (numbers, missing, words, _) in zip(mine, counts.tolist(), strict=True):
        together[column] = Found(source.kind(column), numbers, missing, words)
    spelled = [column for column, count in zip(mine, counts[:, 3], strict=True) if count]
    if spelled:
        own = [replace(mine[c], kind=None, numbers=0, missing=0, words=0) for c in spelled]
        everyones = ranks.merged(own, _add_all)
        for column, found in zip(spelled, everyones, strict=True):
            together[column].add(found)
    return together


def _add_all(mine: list[Found], others: list[Found]) -> list[Found]:
    for own, other in zip(mine, others, strict=True):
        own.add(other)
    return mine


def _look(
    source: Source,
    columns: Sequence[int],
    missing: Missing,
    rows: np.ndarray,
    weight: int | None,
    spelled: set[int],
    show: Show | None = None,
) -> dict[int, Found]:
    """What consecutive rows hold. Local. Numbers are tried first, which is fast."""
    start, stop = int(rows[0]), int(rows[-1]) + 1
    keep = None
    if weight is not None:
        keep = source.read(start, stop, [weight], missing=missing)[0][:, 0] > 0
        if not keep.any():
            return {column: Found(source.kind(column)) for column in columns}
        rows = rows[keep]
    found = {column: Found(source.kind(column)) for column in columns}
    numbers = [c for c in columns if c not in spelled and found[c].kind != "words"]
    words = [c for c in columns if c not in numbers]
    try:
        table, texts = source.read(start, stop, numbers, words, keep, missing)
    except UserError:  # some hold words, the others do not
        untyped = [c for c in numbers if found[c].kind is None]
        _, held = source.read(start, stop, [], untyped, keep, missing)
        held = held if keep is None else [text[keep] for text in held]
        words += [c for c, text in zip(untyped, held, strict=True) if not _are_numbers(source, text)]
        numbers = [c for c in numbers if c not in words]
        table, texts = source.read(start, stop, numbers, words, keep, missing)
    table = table if keep is None else table[keep]
    gaps = np.isnan(table)
    for i, column in enumerate(numbers):
        found[column].missing = int(gaps[:, i].sum())
        found[column].numbers = len(rows) - found[column].missing
    for column, text in zip(words, texts, strict=True):
        _count(source, found[column], text if keep is None else text[keep], missing, rows)
    if show is not None:
        show(rows, {column: table[:, i] for i, column in enumerate(numbers)})
    return found


def _are_numbers(source: Source, text: np.ndarray) -> bool:
    """Are all words numbers, but for missing ones? Local."""
    return all(word == "" or source.number(word) is not None for word in set(text.tolist()))


def _count(source: Source, found: Found, text: np.ndarray, missing: Missing, rows: np.ndarray) -> None:
    """Count the words (r,) of a column in rows of these numbers."""
    names, firsts, counts = np.unique(text, return_index=True, return_counts=True)
    for name, first, count in zip(names.tolist(), firsts.tolist(), counts.tolist(), strict=True):
        number = None if found.kind == "words" else source.number(name)
        if name == "" or (number is not None and number in missing.numbers):
            found.missing += count
            continue
        found.different[name] += count
        if number is not None:
            found.numbers += count
            continue
        found.words += count
        if found.first is None or rows[first] < found.first[0]:
            found.first = int(rows[first]), name
    found.forget()
