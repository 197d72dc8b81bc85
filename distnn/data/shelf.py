"""Where a rank keeps its rows: in memory, and in a scratch file what is more than that may hold.

Rows are kept block by block as tuples of arrays. Those in the file lie there as they would in memory, and passes go
over them in order: while one block is computed, the system reads the next ones. The results are the same to the bit.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

import numpy as np

from distnn.errors import TooLittleRoom, UserError
from distnn.kernels.memory import LINE, amount, vector

AHEAD = 4 << 20  # bytes that the system is to read before they are asked for,
REQUEST = 1 << 20  # of which it takes no more than about so many at once
GROWTH = 64 << 20  # bytes by which the file grows where more is written than was foreseen

T = TypeVar("T", bound=tuple)


class Place(NamedTuple):
    """Where an array lies in the file: its first byte, shape, elements from one row to the next, and dtype."""

    offset: int
    shape: tuple[int, ...]
    stride: int
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Bytes."""
        return prod(self.shape[:-1]) * self.stride * self.dtype.itemsize

    def of(self, memory: np.ndarray) -> np.ndarray:
        """The array in the first bytes of `memory`, uint8."""
        flat = memory[: self.size].view(self.dtype)
        return flat if len(self.shape) == 1 else flat.reshape(-1, self.stride)[:, : self.shape[1]]


class Room:
    """The memory that a rank's rows may take, in bytes (None: any), and a folder for a file with the rest. Local.

    memory_used, file_used: bytes so far. TooLittleRoom where the folder cannot take what is needed.
    """

    def __init__(self, memory: int | None = None, folder: str | None = None):
        self.memory, self.folder = memory, folder or tempfile.gettempdir()
        self.memory_used = self.file_used = 0
        self._allocated, self._expected = 0, 0
        self._file: BinaryIO | None = None

    def expect(self, size: int) -> None:
        """Say how many bytes will be kept, so that a folder without room for them is found out now."""
        self._expected = size
        if self.memory is not None and size > self.memory:
            self._allocate(size - self.memory)

    def fits(self, size: int) -> bool:
        """Is there memory for so many bytes more?"""
        return self.memory is None or self.memory_used + size <= self.memory

    def place(self, array: np.ndarray) -> Place:
        """A place in the file for an array of one or two dimensions."""
        columns = array.shape[-1]
        in_lines = array.ndim == 2 and len(array) > 1 and array.strides[1] == array.itemsize
        stride = max(columns, array.strides[0] // array.itemsize if in_lines else columns)
        place = Place(self.file_used, array.shape, stride, array.dtype)
        self.file_used += _in_lines(place)
        if self.file_used > self._allocated:
            self._allocate(self.file_used + GROWTH)
        return place

    def write(self, place: Place, array: np.ndarray) -> None:
        """Write an array to its place."""
        memory = np.zeros(place.size, np.uint8)
        place.of(memory)[...] = array
        data, done = memory.data, 0
        try:
            while done < place.size:
                done += os.pwrite(self._descriptor(), data[done:], place.offset + done)
        except OSError as error:
            raise TooLittleRoom(
                f"The scratch file in {self.folder} cannot be written: {error.strerror}. Give --scratch another folder."
            ) from error

    def announce(self, place: Place) -> None:
        """Say that the array at a place will be read soon."""
        for start in range(0, place.size, REQUEST):
            size = min(REQUEST, place.size - start)
            os.posix_fadvise(self._descriptor(), place.offset + start, size, os.POSIX_FADV_WILLNEED)

    def read(self, place: Place, memory: np.ndarray) -> np.ndarray:
        """The array at a place, read into `memory`, uint8."""
        data, done = memory.data[: place.size], 0
        try:
            while done < place.size:
                got = os.preadv(self._descriptor(), [data[done:]], place.offset + done)
                if not got:
                    raise OSError("it is shorter than what was written")
                done += got
        except OSError as error:
            raise UserError(
                f"The scratch file in {self.folder} cannot be read back: {error.strerror or error}. Look after that "
                "disk, or give --scratch another folder."
            ) from error
        return place.of(memory)

    def _descriptor(self) -> int:
        if self._file is None:
            try:
                self._file = tempfile.TemporaryFile(  # noqa: SIM115 - without a name, so that no crash leaves it
                    dir=self.folder, buffering=0
                )
                weakref.finalize(self, self._file.close)  # Python warns of files that are left to it
            except OSError as error:
                raise TooLittleRoom(
                    f"{self.folder} takes no scratch file: {error.strerror}. Give --scratch a folder on a disk."
                ) from error
        return self._file.fileno()

    def _allocate(self, size: int) -> None:
        """See that the file has `size` bytes on the disk."""
        descriptor = self._descriptor()
        free = shutil.disk_usage(self.folder).free
        try:
            if hasattr(os, "posix_fallocate"):  # macOS has none
                os.posix_fallocate(descriptor, 0, size)
            else:
                os.ftruncate(descriptor, size)
        except OSError as error:
            raise self._no_room(size, error, free) from error
        self._allocated = size

    def _no_room(self, size: int, error: OSError, free: int) -> TooLittleRoom:
        free += self._allocated
        return TooLittleRoom(
            f"The rows of a rank take {amount(max(self._expected, size))}, of which {amount(self.memory or 0)} may be "
            f"in memory; the rest, {amount(size)}, does not go into {self.folder}, where {amount(free)} are free "
            f"({error.strerror}). Give --scratch a folder with more room, or raise --memory, or take more nodes."
        )


class Shelf:
    """Items of a rank: named tuples of arrays, or None, each item kept in memory or in the file of its room. Local."""

    def __init__(self, room: Room):
        self.room = room
        self.items: list[dict[str, Any]] = []  # arrays by name; those in the file as a Place

    def __len__(self) -> int:
        return len(self.items)

    def append(self, item: tuple) -> None:
        """Keep an item, a named tuple. TooLittleRoom where there is no room."""
        self.items.append({})
        self.update(len(self) - 1, **item._asdict())  # type: ignore[attr-defined]

    def update(self, j: int, **arrays: np.ndarray | None) -> None:
        """Keep these arrays, by name, as those of item j; what is as large as before takes its place."""
        old, room = self.items[j], self.room
        inside = not _in_file(old)
        if inside:
            merged = {**old, **arrays}
            before, now = (sum(_size(array) for array in item.values()) for item in (old, merged))
            if room.fits(now - before):
                room.memory_used += now - before
                self.items[j] = merged
                return
            room.memory_used -= before
            arrays = merged
        for name, array in arrays.items():
            place = old.get(name)
            if array is not None:
                if not isinstance(place, Place) or (place.shape, place.dtype) != (array.shape, array.dtype):
                    place = room.place(array)
                room.write(place, array)
            old[name] = None if array is None else place

    def lacks(self, name: str) -> bool:
        """Has no item an array of this name?"""
        return all(item.get(name) is None for item in self.items)

    def view(self, kind: type[T]) -> View[T]:
        """The items as named tuples of this kind; arrays that these do not have are not read."""
        return View(self, kind)

    def whole(self, kind: type[T]) -> Sequence[T]:
        """The items as `view` gives them, in a list if all of them are in memory."""
        view = self.view(kind)
        return view if any(map(_in_file, self.items)) else list(view)

    @property
    def widths(self) -> list[int]:
        """The number of rows of each item."""
        return [item["x"].shape[1] for item in self.items]


class View(Sequence[T], Generic[T]):
    """What a shelf holds, as named tuples of a kind. An item is good until the next one is asked for.

    Items in the file are read when they are asked for. In a pass in order those that follow are announced, and at its
    end the first ones for the next pass.
    """

    def __init__(self, shelf: Shelf, kind: type[T]):
        self.shelf = shelf
        self._make: Callable[..., T] = kind
        self._names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
        self._memory = vector(0, np.uint8)  # that items are read into
        self._last = -1

    def __len__(self) -> int:
        return len(self.shelf)

    def __getitem__(self, j: Any) -> T:
        if not 0 <= j < len(self):
            raise IndexError(j)
        in_order, self._last = (self._last + 1) % len(self) == j, j
        item, places = self.shelf.items[j], self._places(j)
        if not places:
            return self._make(*(item.get(name) for name in self._names))
        size = sum(map(_in_lines, places))
        if in_order:
            for place in self._places((j + max(1, AHEAD // size)) % len(self)):
                self.shelf.room.announce(place)
        if len(self._memory) < size:
            self._memory = vector(size, np.uint8)
        arrays, start = {}, 0
        for name in self._names:
            place = item.get(name)
            arrays[name] = None if place is None else self.shelf.room.read(place, self._memory[start:])
            start += 0 if place is None else _in_lines(place)
        return self._make(**arrays)

    def _places(self, j: int) -> list[Place]:
        """Where the arrays of an item are, if they are in the file."""
        arrays = [self.shelf.items[j].get(name) for name in self._names]
        return [array for array in arrays if isinstance(array, Place)]


def _in_lines(place: Place) -> int:
    """Bytes of an array in whole cache lines, at one of which the next array begins."""
    return -(-place.size // LINE) * LINE


def _in_file(item: dict[str, Any]) -> bool:
    return any(isinstance(array, Place) for array in item.values())


def _size(array: np.ndarray | None) -> int:
    """Bytes of an array in memory."""
    return 0 if array is None else array.nbytes
