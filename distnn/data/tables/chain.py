"""Many files as one table: a folder or a pattern, its files in the order of their names, one's rows after another's."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence

import numpy as np

from distnn.data.tables.source import Kind, Missing, NoRows, Source, check_range, listed
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

ALIKE = "All files of a table must be alike; if not all are meant, name them by a pattern in quotes, as 'folder/*.csv'."
# What lies beside tables, by how its name begins or ends.
ABOUT = (
    "readme",
    "license",
    "licence",
    "copying",
    "notice",
    "changelog",
    "manifest",
    "checksums",
    "md5sums",
    "sha256sums",
)
OTHERS = (".md", ".rst", ".pdf", ".html", ".py", ".ipynb", ".sh", ".log", ".md5", ".sha256", ".toml", ".yaml", ".yml")


class Chain(Source):
    """Tables with the same columns, one after another. Messages name the table that a row is from.

    left: names of files beside them that are no tables; empty: of those without rows.
    """

    def __init__(self, path: str, sources: Sequence[Source], left: Sequence[str] = (), empty: Sequence[str] = ()):
        first = sources[0]
        for source in sources[1:]:
            _compare(first, source)
        self.path, self.columns, self.named, self.typed = path, first.columns, first.named, first.typed
        self.aside, self.categories = first.aside, first.categories
        self._sources = sources
        self._firsts = np.cumsum([0, *(source.n for source in sources)])
        self.n = int(self._firsts[-1])
        said = dict.fromkeys(note for source in sources for note in source.notes)
        beside = f"; {listed(left)} beside them {'is' if len(left) == 1 else 'are'} left out" if left else ""
        lacking = f"; {listed(empty)} {'has' if len(empty) == 1 else 'have'} no rows" if empty else ""
        self.notes = (f"it is {_files(sources)}{lacking}{beside}", *said)

    def kind(self, column: int) -> Kind | None:
        kinds = {source.kind(column) for source in self._sources}
        return kinds.pop() if len(kinds) == 1 else "words" if "words" in kinds else "numbers"

    def number(self, field: str) -> float | None:
        return self._sources[0].number(field)

    def default_targets(self) -> tuple[int, ...]:
        return self._sources[0].default_targets()

    def default_weights(self) -> int | None:
        return self._sources[0].default_weights()

    def place(self, row: int) -> str:
        which = int(np.searchsorted(self._firsts, row, side="right")) - 1
        source = self._sources[which]
        return f"{source.path}, {source.place(row - int(self._firsts[which]))}"

    def prepare(self, start: int, stop: int) -> None:
        check_range(self, start, stop)
        for source, first in zip(self._sources, self._firsts, strict=False):
            low, high = (int(min(max(row - first, 0), source.n)) for row in (start, stop))
            source.prepare(low, high)

    def read(
        self,
        start: int,
        stop: int,
        numbers: Sequence[int],
        words: Sequence[int] = (),
        keep: np.ndarray | None = None,
        missing: Missing | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        check_range(self, start, stop)
        values = np.empty((stop - start, len(numbers)))
        found: list[list[np.ndarray]] = [[np.empty(0, "U1")] for _ in words]
        row = start
        while row < stop:
            which = int(np.searchsorted(self._firsts, row, side="right")) - 1
            first, end = int(self._firsts[which]), min(stop, int(self._firsts[which + 1]))
            kept = None if keep is None else keep[row - start : end - start]
            if kept is None or kept.any():
                some, texts = self._sources[which].read(row - first, end - first, numbers, words, kept, missing)
            else:
                some, texts = np.zeros((end - row, len(numbers))), [np.full(end - row, "-") for _ in words]
            values[row - start : end - start] = some
            for parts, text in zip(found, texts, strict=True):
                parts.append(text)
            row = end
        return values, [np.concatenate(parts) for parts in found]


def _files(sources: Sequence[Source]) -> str:
    """How many files these are, in words."""
    first, last = sources[0].path, sources[-1].path
    return f"{len(sources)} files, {first} to {last}" if len(sources) > 1 else f"the file {first}"


def _compare(first: Source, other: Source) -> None:
    """UserError unless two files have the same columns, of the same kinds."""
    _compare_names(first, other.columns, other.path)
    for column, name in enumerate(first.columns):
        kinds = {first.kind(column), other.kind(column)}
        if len(kinds) > 1 and not (kinds <= {"numbers", "integers"} or kinds == {"words", None}):
            raise UserError(
                f"{other.path}, column {name} holds {other.kind(column) or 'text'}, that of {first.path} "
                f"{first.kind(column) or 'text'}. {ALIKE}"
            )


def _compare_names(first: Source, columns: Sequence[str], path: str) -> None:
    """UserError unless these are the columns of another file, too."""
    if tuple(columns) != tuple(first.columns):
        missing = [name for name in first.columns if name not in columns]
        more = [name for name in columns if name not in first.columns]
        how = "in another order"
        if missing or more:
            how = f"it lacks {listed(missing)}" if missing else f"it has {listed(more)}, too"
        raise UserError(f"{path} has other columns than {first.path}: {how}. {ALIKE}")


def is_many(path: str) -> bool:
    """Is it a folder, or a pattern that no file is named like? Local."""
    return os.path.isdir(path) or (glob.has_magic(path) and not os.path.exists(path))


def open_many(path: str, ranks: Ranks, opener: Callable[..., Source], header: bool | None) -> Source:
    """The table in the files of a folder, or of a pattern, but for hidden ones. Collective; UserError on all ranks.

    opener: opens one of them. The first one with rows says whether they have a line of names. In a folder what is by
    its name about the table is left out, and so are files without rows, which programs write that share rows out; both
    are said.
    """
    names: list[str] | None = None
    left: list[str] = []
    void: list[str] = []
    with ranks.sharing_errors():
        if ranks.rank == 0:
            found = [os.path.join(path, name) for name in os.listdir(path)] if os.path.isdir(path) else glob.glob(path)
            visible = [name for name in found if not os.path.basename(name).startswith((".", "_"))]
            names = sorted(name for name in visible if os.path.isfile(name))
            left = [name for name in names if os.path.isdir(path) and _is_about(os.path.basename(name).lower())]
            names = [name for name in names if name not in left] or names
            void = [name for name in names if os.path.getsize(name) == 0]
            names = [name for name in names if name not in void] or names
            if not names:
                raise UserError(f"{path}: there is no file {'in it' if os.path.isdir(path) else 'of such a name'}.")
    names, left, void = ranks.broadcast((names, [os.path.basename(name) for name in left], void))
    assert names is not None
    if len(names) == 1 and not left and not void:
        return opener(names[0], ranks, header=header)
    sources: list[Source] = []
    empty: dict[str, NoRows] = {}
    for name in names:
        try:
            sources.append(opener(name, ranks, header=header))
        except NoRows as error:
            empty[name] = error
        else:
            header = sources[0].named if header is None else header
    if not sources:
        raise next(iter(empty.values()))
    with ranks.sharing_errors():
        for name, nothing in empty.items():
            if nothing.columns:
                _compare_names(sources[0], nothing.columns, name)
        return Chain(path, sources, left, [os.path.basename(name) for name in sorted([*empty, *void])])


def _is_about(name: str) -> bool:
    """Is a file of this name, in small letters, one about others?"""
    return name.startswith(ABOUT) or name.endswith(OTHERS)
