"""stdout and stderr that never raise: a full disk, a closed pipe or a lost terminal stops no program that prints.

What could not be written is lost, and `Output.error` says why: where it was what the program is for, `program.py` says
so at the end. A training does without stdout; it does not wait for a reader either.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from typing import TextIO

LACKING = "distnn.lacking"  # what becomes of characters that an encoding lacks
READER_SECONDS = 10.0  # that a reader may take, where what it reads is not what the program is for


def _lacking(error: UnicodeError) -> tuple[str | bytes, int]:
    """A byte of a file's name that is no text as it is, and a question mark for anything else."""
    assert isinstance(error, UnicodeEncodeError)
    code = ord(error.object[error.start])
    return bytes([code - 0xDC00]) if 0xDC80 <= code <= 0xDCFF else "?", error.start + 1


codecs.register_error(LACKING, _lacking)


class Output(io.RawIOBase):
    """What stands behind sys.stdout or sys.stderr: writes to a file descriptor, and takes every error for a success.

    error: the first one. needed: wait for a reader however long it takes, and miss nothing.
    """

    def __init__(self, fd: int, needed: bool):
        self.fd, self.needed = fd, needed
        self.error: OSError | None = None
        self.stuck = False  # has a reader taken too long, and not come back?

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.fd

    def isatty(self) -> bool:
        return os.isatty(self.fd)

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Returns how much is dealt with: written, or lost."""
        try:
            if self._ready():
                return os.write(self.fd, data if self.needed else data[: select.PIPE_BUF])
        except BlockingIOError:  # a terminal or pipe that another program has set so, and that filled up meanwhile
            return 0 if self.needed else len(data)
        except OSError as error:
            self.error = self.error or error
        return len(data)

    def _ready(self) -> bool:
        """Can it be written to without waiting (PIPE_BUF bytes of it)? If it is needed, wait for that."""
        poll = select.poll()
        poll.register(self.fd, select.POLLOUT)
        ready = bool(poll.poll(None if self.needed else 0 if self.stuck else 1000 * READER_SECONDS))
        self.stuck = not ready
        return ready


def occupy() -> None:
    """See that no file or pipe that is opened from now on gets the number of a stdin, stdout or stderr that is closed.

    Writing there still fails. Local.
    """
    while (spare := os.open(os.devnull, os.O_RDONLY)) <= 2:
        pass
    os.close(spare)


def install() -> None:
    """Put an Output behind sys.stdout and sys.stderr, also where they were closed at the start. Local.

    Characters that their encoding lacks, such as θ, become a question mark; names of files keep their bytes.
    """
    occupy()
    sys.stdout, sys.stderr = _stream(sys.stdout, 1, needed=True), _stream(sys.stderr, 2, needed=False)


def do_without_stdout() -> None:
    """From now on stdout is not what the program is for: it may fail, and need not be read. Local."""
    if (stdout := _installed()) is not None:
        stdout.needed = False


def missing() -> str | None:
    """Why stdout lacks something that the program is for; None if it does not, or if its reader has left. Local."""
    sys.stdout.flush()
    stdout = _installed()
    if stdout is None or not stdout.needed or stdout.error is None or stdout.error.errno == errno.EPIPE:
        return None
    return stdout.error.strerror


def _stream(old: io.TextIOBase | TextIO | None, fd: int, needed: bool) -> io.TextIOWrapper:
    """A text stream on an Output in place of another one, or of none."""
    encoding = getattr(old, "encoding", None) or "utf-8"
    buffer = io.BufferedWriter(Output(fd, needed))  # type: ignore[type-var]
    return io.TextIOWrapper(buffer, encoding, errors=LACKING, line_buffering=fd == 2 or os.isatty(fd))


def _installed() -> Output | None:
    """What `install` put behind sys.stdout; None where it did not, or where something else has taken its place."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw if isinstance(raw, Output) else None
