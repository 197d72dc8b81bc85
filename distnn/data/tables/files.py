"""A file that must stay as it is while the ranks read it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from distnn.errors import UserError
from distnn.parallel.agreement import same
from distnn.parallel.ranks import Ranks


class DataFile:
    """A regular file as it was when it was first looked at. All methods are local.

    UserError, here and in `open`, if it is missing, unreadable, empty, not a regular file, or has changed.
    """

    def __init__(self, path: str):
        self.path = path
        try:
            state = os.stat(path)
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            raise unreadable(path, error) from error
        if not stat.S_ISREG(state.st_mode):  # a pipe would block for ever
            raise UserError(f"{path} is not a regular file.")
        if state.st_size == 0:
            raise UserError(f"{path} is empty.")
        self.size = state.st_size
        self.modified = state.st_mtime_ns

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The file, open for reading; checked before and after for changes by others."""
        try:
            with open(self.path, "rb") as stream:
                self._check(stream)
                try:
                    yield stream
                finally:  # also where the body failed: the change is the likely cause
                    self._check(stream)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _check(self, stream: BinaryIO) -> None:
        state = os.fstat(stream.fileno())
        if (state.st_size, state.st_mtime_ns) != (self.size, self.modified):
            raise UserError(f"{self.path} was changed while it was being read; start again when it is complete.")


def unreadable(path: str, error: Exception) -> UserError:
    """The UserError for a failed operation on a file."""
    return UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.")


def open_file(path: str, ranks: Ranks) -> DataFile:
    """The file at `path`, which must be the same one for all ranks. Collective; UserError on all ranks together."""
    with ranks.sharing_errors():
        file = DataFile(path)
    if same(file.size, ranks):
        return file
    sizes = ranks.gather(file.size)
    for rank, size in enumerate(sizes):
        if size != sizes[0]:
            raise UserError(
                f"{path} has {sizes[0]} bytes for rank 0 but {size} for rank {rank}; "
                "put it where all nodes see the same file."
            )
    return file
