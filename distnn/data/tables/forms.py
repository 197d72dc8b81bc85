"""Text files that are compressed, or in another encoding than UTF-8, or with other ends of lines.

Each is written anew, once on each node, into a scratch file that no crash can leave behind: it has no name.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import shutil
import socket
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import or_
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np

from distnn.data.tables.foreign import refuse_beginning
from distnn.data.tables.lines import is_utf8
from distnn.data.tables.written import AS_IT_LOOKS, Written
from distnn.errors import UserError, missing_package
from distnn.parallel.ranks import Ranks

HEAD = 1 << 16  # bytes that say what a file is
CHUNK = 1 << 20
CONTROL = bytes({*range(32)} - {*b"\t\n\v\f\r\x1a\x1b"}) + b"\x7f"


class Opens(Protocol):
    """A file that `open` opens for reading; see files.py. path: for messages."""

    path: str

    def open(self) -> Any: ...


class Form(NamedTuple):
    """A way in which a text file is written. note: what is said of it; rewrite: from one file to the other. Local."""

    note: str
    rewrite: Callable[[BinaryIO, BinaryIO], None]


class ScratchFile:
    """A file without a name, which each rank has open for itself. Its `open` is that of `DataFile`. Local."""

    def __init__(self, file: BinaryIO, path: str):
        self.file, self.path = file, path

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        self.file.seek(0)
        yield self.file


def _copy(opener: Callable[[BinaryIO], Any]) -> Callable[[BinaryIO, BinaryIO], None]:
    def rewrite(old: BinaryIO, new: BinaryIO) -> None:
        with opener(old) as stream:
            shutil.copyfileobj(stream, new, CHUNK)

    return rewrite


def _zstd(old: BinaryIO) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise missing_package("pyarrow", "tables", "A file compressed with zstd") from error
    os.lseek(old.fileno(), 0, os.SEEK_SET)
    own = os.fdopen(os.dup(old.fileno()), "rb")  # Arrow closes what it reads from
    return pyarrow.CompressedInputStream(pyarrow.PythonFile(own, "r"), "zstd")


def _recode(encoding: str) -> Callable[[BinaryIO, BinaryIO], None]:
    def rewrite(old: BinaryIO, new: BinaryIO) -> None:
        decoder = codecs.getincrementaldecoder(encoding)("distnn-latin-1" if encoding == "cp1252" else "strict")
        while data := old.read(CHUNK):
            new.write(decoder.decode(data).encode())
        new.write(decoder.decode(b"", final=True).encode())

    return rewrite


def _line_feeds(old: BinaryIO, new: BinaryIO) -> None:
    while data := old.read(CHUNK):
        new.write(data.replace(b"\r", b"\n"))


# Windows' Latin-1 leaves five bytes free; they are taken as Latin-1 has them.
codecs.register_error("distnn-latin-1", lambda e: (e.object[e.start : e.end].decode("latin-1"), e.end))  # type: ignore

FORMS = {
    "gzip": Form("it is decompressed (gzip)", _copy(lambda old: gzip.GzipFile(fileobj=old))),
    "bzip2": Form("it is decompressed (bzip2)", _copy(bz2.BZ2File)),
    "xz": Form("it is decompressed (xz)", _copy(lzma.LZMAFile)),
    "zstd": Form("it is decompressed (zstd)", _copy(_zstd)),
    "utf-16": Form("it is UTF-16", _recode("utf-16")),
    "utf-32": Form("it is UTF-32", _recode("utf-32")),
    "utf-16-le": Form("it is UTF-16", _recode("utf-16-le")),
    "utf-16-be": Form("it is UTF-16", _recode("utf-16-be")),
    "latin-1": Form("it is not UTF-8, and read as Latin-1 (Windows-1252)", _recode("cp1252")),
    "carriage returns": Form("its lines end with carriage returns", _line_feeds),
}
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")  # endings of names


def form_of(stream: BinaryIO, path: str, encoded: bool = False) -> str | None:
    """Which of FORMS a text file must be rewritten from, as its first bytes say; None: none. Local.

    encoded: whether it is compressed alone, since its encoding is known. UserError for what is no text.
    """
    stream.seek(0)
    head = stream.read(HEAD)
    for magic, name in MAGIC.items():
        if head.startswith(magic) and not (encoded and name in ("utf-16", "utf-32")):
            return name
    if encoded:
        return None
    zeros = np.flatnonzero(np.frombuffer(head, np.uint8) == 0) % 2
    if len(zeros) > len(head) // 3 and zeros.min() == zeros.max():
        return "utf-16-le" if zeros[0] else "utf-16-be"
    refuse_beginning(path, head)
    if len(head) - len(head.translate(None, CONTROL)) > len(head) // 100:
        raise UserError(f"{path} holds binary data, not text.")
    if not is_utf8(head, 0):
        return "latin-1"
    if b"\r" in head and b"\n" not in head.rstrip(b"\n"):
        return "carriage returns"
    return None


def _form(name: str) -> Form:
    """One of FORMS, or what is in an encoding of that name."""
    return FORMS.get(name) or Form(f"it is read as {name}", _recode(name))


def rewritten(file: Opens, path: str, name: str, ranks: Ranks) -> ScratchFile:
    """The file, rewritten, once on each node. Collective; UserError on all ranks together."""
    return shared(lambda: _write(file, path, name), path, ranks)


def shared(write: Callable[[], BinaryIO], path: str, ranks: Ranks, again: bool = True) -> ScratchFile:
    """A file without a name that the lowest rank of each node has written. Collective; UserError on all ranks together.

    The others open what it has open. Where they cannot, each writes its own, if that may be done again.
    """
    host = socket.gethostname()
    leader = leader_of_hosts(host, ranks)[host]
    mine: BinaryIO | None = None
    with ranks.sharing_errors():
        if leader == ranks.rank:
            mine = write()
    places = ranks.merged({host: _place(mine)} if mine else {}, or_)
    with ranks.sharing_errors():  # until all have opened it, it stays open
        mine = mine or _open_others(places[host]) or (write() if again else None)
        if mine is None:
            raise UserError(f"{path} cannot be shared by the ranks of this host: write it to a file, and name that.")
    assert mine is not None
    return ScratchFile(mine, path)


def leader_of_hosts(host: str, ranks: Ranks) -> dict[str, int]:
    """The lowest rank of each host, by name. host: this rank's. Collective, replicated."""
    return ranks.merged({host: ranks.rank}, lambda lower, higher: higher | lower)


def _place(file: BinaryIO) -> tuple[str, int, int, int]:
    state = os.fstat(file.fileno())
    return f"/proc/{os.getpid()}/fd/{file.fileno()}", state.st_dev, state.st_ino, state.st_size


def _open_others(place: tuple[str, int, int, int]) -> BinaryIO | None:
    """The file that another process of this node has open; None where that cannot be, or is another one."""
    path, *known = place
    try:
        file = open(path, "rb")  # noqa: SIM115 - kept
    except OSError:
        return None
    state = os.fstat(file.fileno())
    if [state.st_dev, state.st_ino, state.st_size] == known:
        return file
    file.close()
    return None


def _write(file: Opens, path: str, name: str) -> BinaryIO:
    new = tempfile.TemporaryFile()  # noqa: SIM115 - kept
    with file.open() as stream:
        try:
            _form(name).rewrite(stream, new)
            new.flush()
        except (EOFError, zlib.error, lzma.LZMAError, UnicodeError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise UserError(
                    f"{path}: {_form(name).note}, into a scratch file in {tempfile.gettempdir()}, and that fails: "
                    f"{error.strerror}. Set TMPDIR to a folder with more room."
                ) from error
            if isinstance(error, UnicodeError) and name not in FORMS:
                raise UserError(f"{path} is not of --encoding {name}: {error}.") from error
            raise UserError(f"{path} is damaged or cut short: {_form(name).note}, and that fails: {error}.") from error
    if new.tell() == 0:
        raise UserError(f"{path} is empty.")
    return new


def plain(
    file: Opens, ranks: Ranks, last: str | None = None, written: Written = AS_IT_LOOKS
) -> tuple[Opens, tuple[str, ...]]:
    """The file as UTF-8 text with line feeds, as far as its head tells, and what is to be said. Collective.

    last: which of FORMS it is to be rewritten from after all others. written: its encoding, if that is known.
    Replicated but for the file's descriptor.
    """
    found = file
    encoded, recoded = written.encoding is not None, written.recoded
    notes: list[str] = []
    while True:
        name: str | None = None
        with ranks.sharing_errors():
            if ranks.rank == 0:
                with found.open() as stream:
                    name = form_of(stream, file.path, encoded)
        name = ranks.broadcast(name)
        if name is None and encoded:
            name, encoded = recoded, False
            if name is None:  # UTF-8, and nothing else
                return found, tuple(notes)
        if name is None:
            name, last = last, None
        if name is None:
            return found, tuple(notes)
        notes.append(_form(name).note)
        found = rewritten(found, file.path, name, ranks)
