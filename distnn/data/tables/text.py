"""Text tables: one record a row, with or without a header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from distnn.data.tables import lines
from distnn.data.tables.fields import parse_fields
from distnn.data.tables.files import open_file
from distnn.data.tables.forms import Opens, plain
from distnn.data.tables.layout import Layout, find_layout
from distnn.data.tables.lines import LineIndex, Segment, look
from distnn.data.tables.parse import Parser, Unfit, Values, Wanted
from distnn.data.tables.source import Missing, NoRows, Source, check_range
from distnn.data.tables.written import AS_IT_LOOKS, Written
from distnn.parallel.ranks import Ranks

NOTHING: tuple[None, int, Values] = (None, 0, (np.empty((0, 0)), []))


def open_text(path: str, ranks: Ranks, *, header: bool | None = None, written: Written = AS_IT_LOOKS) -> TextSource:
    """The text table at `path`. Collective: each rank counts the lines of its share of the bytes.

    header: whether the first line holds names; None: judged by its look. written: what is known of its delimiter,
    decimal mark and encoding. All else (quotes, comments, row names, units) is found from the first lines. UserError on
    all ranks.
    """
    return text_table(open_file(path, ranks), ranks, header, written)


def text_table(original: Opens, ranks: Ranks, header: bool | None, written: Written) -> TextSource:
    """The text table in a file that all ranks have; the rest as for `open_text`. Collective; UserError on all ranks."""
    path = original.path
    file, notes = plain(original, ranks, written=written)
    layout, segments = _look_through(file, path, ranks, header, written)
    if written.encoding is None and not all(segment.encoded for segment in segments):  # its head did not say so
        file, notes = plain(original, ranks, "latin-1")
        layout, segments = _look_through(file, path, ranks, header, written)
    index = LineIndex(path, layout.start, layout.stop, segments, layout.marks)
    if index.comments:
        one = index.comments == 1
        said = "line that begins" if one else "lines that begin", "is" if one else "are"
        notes += (f"{index.comments} {said[0]} with {layout.dialect.comment} {said[1]} left out",)
    return TextSource(path, file, layout, index, (*notes, *layout.notes))


def _look_through(
    file: Opens, path: str, ranks: Ranks, header: bool | None, written: Written
) -> tuple[Layout, list[Segment]]:
    """The layout of a text table, and what is in each of its segments. Collective, replicated."""
    layout: Any = None
    with ranks.sharing_errors():
        if ranks.rank == 0:
            with file.open() as stream:
                try:
                    layout = find_layout(stream, path, header, written)
                except NoRows as error:
                    layout = error
    layout = ranks.broadcast(layout)
    if isinstance(layout, NoRows):
        raise layout
    with ranks.sharing_errors(), file.open() as stream:
        mine = look(stream, layout.start, layout.stop, layout.marks, ranks.rank, ranks.size)
    return layout, [segment for found in ranks.gather(mine) for segment in found]


class TextSource(Source):
    """A text table, of which any rows are read without reading the others."""

    def __init__(self, path: str, file: Opens, layout: Layout, index: LineIndex, notes: tuple[str, ...]):
        self.path, self.columns, self.n = path, layout.columns, index.n
        self.named, self.notes = layout.named, notes
        self._file, self._layout, self._index = file, layout, index
        self._parser = Parser(layout.dialect, len(layout.columns), index.quoted)
        self._prepared = range(0)
        self._end: int | None = None  # the byte after the last of the prepared rows
        self._ahead: tuple[Wanted | None, int, Values] = NOTHING  # of which rows from which one on
        self._buffer = bytearray()  # memory that is new each time costs as much as reading into it
        self._unfit = 0  # the byte up to which they are not to be parsed ahead

    def number(self, field: str) -> float | None:
        return self._layout.dialect.number(field)

    def place(self, row: int) -> str:
        with self._file.open() as stream:
            return self._place(stream, row)

    def _place(self, stream: BinaryIO, row: int) -> str:
        return f"line {self._layout.first_line + self._index.line(stream, row)} (row {row})"

    def prepare(self, start: int, stop: int) -> None:
        check_range(self, start, stop)
        self._prepared, self._end, self._ahead = range(start, stop), None, NOTHING
        self._unfit = 0

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
        wanted = Wanted(tuple(numbers), tuple(words), missing)
        known, first, (values, texts) = self._ahead
        if known == wanted and keep is None and first <= start and stop <= first + len(values):
            return values[start - first : stop - first].copy(), [text[start - first : stop - first] for text in texts]
        values = np.empty((stop - start, len(numbers)))
        found: list[list[np.ndarray]] = [[np.empty(0, "U1")] for _ in words]
        row = start
        with self._file.open() as stream:
            while row < stop:
                some, texts = self._rows(stream, row, stop, wanted, None if keep is None else keep[row - start :])
                values[row - start : row - start + len(some)] = some
                for parts, text in zip(found, texts, strict=True):
                    parts.append(text)
                row += len(some)
        return values, [np.concatenate(parts) for parts in found]

    def _rows(self, stream: BinaryIO, row: int, stop: int, wanted: Wanted, keep: np.ndarray | None) -> Values:
        """Some rows from `row` on, not beyond `stop`."""
        if keep is None and self._read_ahead(stream, row, wanted):
            _, first, (values, texts) = self._ahead
            chosen = slice(row - first, stop - first)
            return values[chosen], [text[chosen] for text in texts]
        _, records = next(self._index.pieces(stream, row, stop))
        if keep is not None:
            keep = keep[: len(records)]
            if not keep.any():
                return np.zeros((len(records), len(wanted.numbers))), [np.full(len(records), "-") for _ in wanted.words]
            records = _without(records, keep)
        try:
            found = self._parser(b"\n".join(records), wanted)
            if len(found[0]) == len(records):
                return found
        except Unfit:
            pass

        def where(i: int) -> str:
            return f"{self.path}, {self._place(stream, row + i)}"

        return parse_fields(records, self._layout.dialect, self.columns, wanted, where)

    def _read_ahead(self, stream: BinaryIO, row: int, wanted: Wanted) -> bool:
        """Have rows from `row` on parsed, as many as go in one piece; False where they are unusual, or not prepared."""
        known, first, (values, _) = self._ahead
        if known == wanted and first <= row < first + len(values):
            return True
        if row not in self._prepared or not self._index.plain:
            return False
        self._ahead = NOTHING
        if self._end is None:
            self._end = self._index.find(stream, self._prepared.stop) - 1
        position = self._index.find(stream, row)
        if position < self._unfit:
            return False
        stream.seek(position)
        size = min(lines.AHEAD, self._end - position)
        if len(self._buffer) < size:
            self._buffer = bytearray(size)
        stop = stream.readinto(memoryview(self._buffer)[:size])  # type: ignore[attr-defined]
        if position + stop < self._end:
            stop = max(self._buffer.rfind(b"\n", 0, stop), 0)
        try:
            found = self._parser(self._buffer, wanted, stop)
        except Unfit:
            self._unfit = position + stop
            return False
        self._index.remember(row + len(found[0]), position + stop + 1)
        self._ahead = (wanted, row, found)
        return True


def _without(records: list[bytes], keep: np.ndarray) -> list[bytes]:
    """The records, with one that is to be kept in the place of each that is not; these cannot be wrong, then."""
    spare = records[int(np.argmax(keep))]
    return [record if kept else spare for record, kept in zip(records, keep.tolist(), strict=True)]
