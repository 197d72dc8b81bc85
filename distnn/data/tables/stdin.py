"""A text table on stdin, which only rank 0 has: it is stored in a scratch file without a name, once on each node."""

from __future__ import annotations

import os
import select
import socket
import sys
import tempfile
import time
from typing import BinaryIO

from distnn.data.tables.forms import leader_of_hosts, shared
from distnn.data.tables.text import TextSource, text_table
from distnn.data.tables.written import AS_IT_LOOKS, Written
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

STDIN = "stdin"  # in messages
CHUNK = 1 << 23  # bytes that are sent at a time
SECONDS = 5.0  # after which the other ranks hear that rank 0 goes on


def open_stdin(ranks: Ranks, *, header: bool | None = None, written: Written = AS_IT_LOOKS) -> TextSource:
    """The text table that rank 0 has on stdin, also compressed. Collective; UserError on all ranks.

    header, written: as for `open_text`.
    """
    host = socket.gethostname()
    leaders = leader_of_hosts(host, ranks)
    leader = leaders[host] == ranks.rank
    file: BinaryIO | None = None
    with ranks.sharing_errors():
        if leader:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - kept
        if ranks.rank == 0:
            _descriptor()
    more = True
    while more:
        data = b""
        with ranks.sharing_errors():
            if ranks.rank == 0:
                data, more = _read()
        sent, more = ranks.broadcast((data if len(leaders) > 1 else b"", more))
        with ranks.sharing_errors():
            if file is not None:
                _store(file, data if ranks.rank == 0 else sent)

    def stored() -> BinaryIO:
        assert file is not None
        if file.tell() == 0:
            raise UserError(f"{STDIN} is empty.")
        return file

    return text_table(shared(stored, STDIN, ranks, again=False), ranks, header, written)


def _descriptor() -> int:
    """That of stdin. UserError if there is none."""
    try:
        return sys.stdin.fileno()
    except (AttributeError, ValueError, OSError):
        raise UserError("--data -: this process has no stdin.") from None


def _read() -> tuple[bytes, bool]:
    """What comes on stdin within some seconds, and whether more may come. Local to rank 0."""
    descriptor, size = _descriptor(), 0
    found: list[bytes] = []
    end = time.monotonic() + SECONDS
    try:
        while size < CHUNK and (left := end - time.monotonic()) > 0:
            if not select.select([descriptor], [], [], left)[0]:
                break
            data = os.read(descriptor, CHUNK - size)
            if not data:
                return b"".join(found), False
            found.append(data)
            size += len(data)
    except OSError as error:
        raise UserError(f"{STDIN} cannot be read: {error.strerror}.") from None
    return b"".join(found), True


def _store(file: BinaryIO, data: bytes) -> None:
    try:
        file.write(data)
        file.flush()
    except OSError as error:
        raise UserError(
            f"{STDIN} is stored in a scratch file in {tempfile.gettempdir()}, and that fails: {error.strerror}. Set "
            "TMPDIR to a folder with more room."
        ) from None
