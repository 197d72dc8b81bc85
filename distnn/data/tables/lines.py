"""Where the records of a large text file begin, known without having stored it for every record.

The file is cut into segments. Each rank counts the line breaks of its own segments; together they know how many records
begin before each segment, and one is found by looking at one segment only. A record ends at a line break, but for those
in quotes and those before a comment: a comment line belongs to the record before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np

from distnn.errors import UserError

SEGMENT = 1 << 22  # bytes
PIECE = 1 << 20  # bytes of text parsed at a time
AHEAD = 1 << 22  # bytes, where the rows after those asked for will be, too: less takes a tenth longer
LONGEST_LINE = 1 << 26  # bytes
CHUNK = 1 << 18  # bytes looked at at a time: they stay in the second-level cache
BREAK = ord("\n")
# What Excel writes in a field that it could not compute: a line that begins so is no comment.
EXCEL = re.compile(rb"#(?:N/A|DIV/0|VALUE!|REF!|NAME\?|NUM!|NULL!)")
LOOK = 256  # bytes after a line break or a quote that say whether a comment or, behind blanks, a delimiter follows
BLANKS = LOOK - 8


class Segment(NamedTuple):
    """What one segment holds."""

    breaks: int
    ends: int  # of records, where quotes do not matter
    outside: int  # of records, if it begins outside of quotes
    inside: int  # of records, if it begins inside of quotes
    quotes: int  # odd where quotes are open at one of its ends
    encoded: bool  # is it UTF-8?


@dataclass(frozen=True)
class Marks:
    """What besides line breaks decides where records end.

    quote: b'"' or b"'"; edges: what may stand beside a quote. comment: a byte that comment lines begin with, or b"".
    """

    quote: bytes = b'"'
    edges: bytes = b',\n\r"'
    comment: bytes = b"#"

    def ends(self, data: bytes | bytearray, low: int, high: int, inside: bool | None) -> np.ndarray:
        """The places in data[low:high] of line breaks that end a record, in `data`. Local.

        inside: whether quotes are open at `low`; None: they do not matter.
        """
        view = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(view[low:high] == BREAK) + low
        if inside is not None and len(quotes := self.quotes(data, low, high)):
            ends = ends[(np.searchsorted(quotes, ends) + inside) % 2 == 0]
        elif inside:
            ends = ends[:0]
        return ends[~self._before_comments(data, ends)] if self._may_comment(data) else ends

    def is_comment(self, line: bytes) -> bool:
        """Is this line a comment? Local."""
        return bool(self.comment) and line.startswith(self.comment) and not EXCEL.match(line)

    def _may_comment(self, data: bytes | bytearray) -> bool:
        return bool(self.comment) and b"\n" + self.comment in data

    def _before_comments(self, data: bytes | bytearray, breaks: np.ndarray) -> np.ndarray:
        """Which of the line breaks at these places in `data` a comment line follows: bool."""
        view = np.frombuffer(data, np.uint8)
        found = view[np.minimum(breaks + 1, len(view) - 1)] == ord(self.comment)
        if b"\n#" in data:
            found[found] = [EXCEL.match(data, place + 1) is None for place in breaks[found].tolist()]
        return found

    def quotes(self, data: bytes | bytearray, low: int, high: int) -> np.ndarray:
        """The places in data[low:high] of quotes that open or close a field: those beside a delimiter. Local."""
        if data.find(self.quote, low, high) < 0:
            return np.empty(0, np.int64)
        view = np.frombuffer(data, np.uint8)
        places = np.flatnonzero(view[low:high] == ord(self.quote)) + low
        edge = np.zeros(256, bool)
        edge[list(self.edges)] = True
        before = (places == 0) | edge[view[places - 1]]
        follows = places + 1
        for _ in range(BLANKS):  # which may stand between a quote and a delimiter
            what = view[np.minimum(follows, len(view) - 1)]
            blank = ((what == ord(" ")) | (what == ord("\t"))) & ~edge[what] & (follows < len(view))
            if not blank.any():
                break
            follows += blank
        after = (follows == len(view)) | edge[view[np.minimum(follows, len(view) - 1)]]
        return places[before | after]

    def without_comments(self, data: bytes, inside: bool | None) -> bytes:
        """Records, without the comment lines among and after them. Local."""
        if not self._may_comment(data):
            return data
        view = np.frombuffer(data, np.uint8)
        breaks = np.flatnonzero(view == BREAK)
        if inside is not None:
            breaks = breaks[np.searchsorted(self.quotes(data, 0, len(data)), breaks) % 2 == 0]
        starts = breaks[self._before_comments(data, breaks)]
        kept, position = [], 0
        for start in starts.tolist():
            kept.append(data[position:start])
            found = data.find(b"\n", start + 1)
            position = found if found >= 0 else len(data)
        return b"".join([*kept, data[position:]])


def look(stream: BinaryIO, start: int, stop: int, marks: Marks, rank: int, size: int) -> list[Segment]:
    """What is in each of this rank's segments of the bytes [start, stop). Local."""
    segments = -(-(stop - start) // SEGMENT)
    found = []
    buffer = bytearray(CHUNK)
    for segment in range(rank * segments // size, (rank + 1) * segments // size):
        low = start + segment * SEGMENT
        high = min(low + SEGMENT, stop)
        breaks = _plain_breaks(stream, low, high, marks, buffer)
        if breaks is not None:
            found.append(Segment(breaks, breaks, breaks, 0, 0, True))
            continue
        before = segment > 0  # and some bytes on either side, to see what stands beside the first and the last one
        stream.seek(low - before)
        found.append(_segment(stream.read(high - low + before + LOOK), int(before), high - low + before, marks))
    return found


def _plain_breaks(stream: BinaryIO, low: int, high: int, marks: Marks, buffer: bytearray) -> int | None:
    """The line breaks in the bytes [low, high) where nothing but these matters; None otherwise. Local."""
    breaks = 0
    stream.seek(low)
    for position in range(low, high, len(buffer)):
        got = stream.readinto(memoryview(buffer)[: high - position])  # type: ignore[attr-defined]
        piece = buffer if got == len(buffer) else buffer[:got]
        if marks.quote in piece or (marks.comment and marks.comment in piece) or not piece.isascii():
            return None
        breaks += int(np.count_nonzero(np.frombuffer(piece, np.uint8) == BREAK))
    return breaks


def _segment(data: bytes | bytearray, low: int, high: int, marks: Marks) -> Segment:
    view = np.frombuffer(data, np.uint8)
    breaks = int(np.count_nonzero(view[low:high] == BREAK))
    ends, outside, inside, quotes = breaks, breaks, 0, 0
    if marks.quote in data:
        quotes = len(marks.quotes(data, low, high))
        ends = len(marks.ends(data, low, high, None))
        outside, inside = (len(marks.ends(data, low, high, state)) for state in (False, True))
    elif marks.comment and marks.comment in data:
        ends = outside = len(marks.ends(data, low, high, None))
    return Segment(breaks, ends, outside, inside, quotes, is_utf8(data, low))


def is_utf8(data: bytes | bytearray, low: int) -> bool:
    """Is it UTF-8, but for characters that are cut at its ends?"""
    if data.isascii():
        return True
    first = next((i for i in range(4) if data[i : i + 1] and data[i] & 0xC0 != 0x80), 0) if low else 0
    try:
        data[first:].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.end >= len(data) - first
    return True


class LineIndex:
    """The records of a text file, in the bytes [start, stop), of which `stop` ends the last one.

    segments: all of them, replicated. All methods are local.
    """

    def __init__(self, path: str, start: int, stop: int, segments: list[Segment], marks: Marks):
        self.path, self.start, self.stop, self.marks = path, start, stop, marks
        odd = np.cumsum([0, *(segment.quotes for segment in segments)]) % 2
        ends = [segment.ends for segment in segments]
        outside = [segment.inside if odd[i] else segment.outside for i, segment in enumerate(segments)]
        # Quotes that are never closed are not what they seem; the row that has them is refused when it is read.
        self.quoted = not odd[-1] and outside != ends
        if self.quoted:
            ends = outside
        self._inside = odd
        self.ends_before = np.cumsum([0, *ends])
        self.breaks_before = np.cumsum([0, *(segment.breaks for segment in segments)])
        self.n = int(self.ends_before[-1]) + 1
        self.comments = 0 if self.quoted else int(self.breaks_before[-1]) - sum(ends)  # lines
        self._next = (0, start)  # a row and the byte where it begins: reading on needs no search

    @property
    def plain(self) -> bool:
        """Is each line a record?"""
        return not self.quoted and not self.comments

    @property
    def mean(self) -> int:
        """Bytes of a record, on average, with its line break."""
        return (self.stop - self.start) // self.n + 1

    def pieces(self, stream: BinaryIO, start: int, stop: int) -> Iterator[tuple[int, list[bytes]]]:
        """Rows [start, stop) in pieces: the number of the first row, and the records without comments."""
        row, position = start, self.find(stream, start)
        while row < stop:
            size = min(PIECE, 4096 + self.mean * (stop - row) * 9 // 8)
            data, ends = self._lines(stream, row, position, size)
            ends = ends[: stop - row]
            starts = [0, *(ends[:-1] + 1).tolist()]
            state = False if self.quoted else None
            records = [data[low:high] for low, high in zip(starts, ends.tolist(), strict=True)]
            if self.marks.comment:
                records = [self.marks.without_comments(record, state) for record in records]
            first, row = row, row + len(ends)
            position += int(ends[-1]) + 1
            self.remember(row, position)
            yield first, records

    def remember(self, row: int, position: int) -> None:
        """That a row begins at a byte."""
        self._next = (row, position)

    def find(self, stream: BinaryIO, row: int) -> int:
        """The byte where a row begins; that after its line break for the row after the last."""
        if row == 0:
            return self.start
        if row == self.n:
            return self.stop + 1
        if row == self._next[0]:
            return self._next[1]
        return self._search(stream, row)[0]

    def line(self, stream: BinaryIO, row: int) -> int:
        """How many line breaks are before a row, from the first row on. For messages."""
        if row == 0:
            return 0
        position, segment = self._search(stream, row)
        low = self.start + segment * SEGMENT
        stream.seek(low)
        return int(self.breaks_before[segment]) + stream.read(position - low).count(b"\n")

    def _search(self, stream: BinaryIO, row: int) -> tuple[int, int]:
        """The byte where a row > 0 begins, and the segment of the line break before it."""
        segment = int(np.searchsorted(self.ends_before, row)) - 1
        low = self.start + segment * SEGMENT
        before = segment > 0
        stream.seek(low - before)
        data = stream.read(min(SEGMENT, self.stop - low) + before + LOOK)
        inside = bool(self._inside[segment]) if self.quoted else None
        ends = self.marks.ends(data, int(before), min(len(data), SEGMENT + before), inside)
        found = row - int(self.ends_before[segment]) - 1
        if found >= len(ends):
            raise UserError(f"{self.path} was changed while it was being read.")
        return low - before + int(ends[found]) + 1, segment

    def _lines(self, stream: BinaryIO, row: int, position: int, size: int) -> tuple[bytes, np.ndarray]:
        """Some `size` bytes from `position`, more if needed for one record, and where records end in them."""
        while True:
            stream.seek(position)
            last = position + size >= self.stop
            data = stream.read(self.stop - position if last else size + LOOK)
            ends = self.marks.ends(data, 0, len(data) if last else size, False if self.quoted else None)
            if last:
                ends = np.append(ends, len(data))
            if len(ends):
                return data, ends
            if size >= LONGEST_LINE:
                raise UserError(f"{self.path}: row {row} is longer than {size >> 20} MiB.")
            size *= 4
