"""Files that are never half written: safetensors with a checksum, written beside their place and moved into it.

Nothing here communicates: rank 0 calls it. No pickle: tensors are raw numbers, the rest is JSON.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import math
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np

from distnn.errors import UserError, shown

FOREIGN = "is damaged, or was not written by distnn."
FORMAT = 2  # the highest version that is read: files bear one that rises when older programs cannot read them
HEADER_BYTES = 32 << 20  # a longer header is refused
HEADER_PARTS = 10_000  # and so is one with more lists and dictionaries, which take far more memory than text
LONG = 1000  # numbers of a row, from which on it may be an array of its own: one takes a hundred bytes more
# safetensors' words for dtypes, of numbers in little-endian order on any machine. Tensors lie in the file by dtype, the
# last one first, and by name.
DTYPES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "float16": "F16", "int32": "I32",
    "uint32": "U32", "float32": "F32", "float64": "F64", "int64": "I64", "uint64": "U64",
}  # fmt: skip
DTYPE_OF = {word: np.dtype(name) for name, word in DTYPES.items()}


class Apart(Protocol):
    """A matrix whose rows, the vectors, lie apart in memory, such as `kernels.algebra.Rows`."""

    @property
    def vectors(self) -> tuple[np.ndarray, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    @property
    def shape(self) -> tuple[int, ...]: ...


class ReadApart(NamedTuple):
    """A matrix that was read so: each row is an array of its own, and as an array it is a copy."""

    vectors: tuple[np.ndarray, ...]
    dtype: np.dtype
    shape: tuple[int, ...]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.vectors, dtype or self.dtype).reshape(self.shape)


def named(path: Any) -> Path:
    """The file or folder that a caller means. UserError for what is no name of one."""
    try:
        return Path(path)
    except TypeError:
        raise UserError(f"path={shown(path)}: give the name of a file, as text or as a pathlib.Path.") from None


@contextmanager
def replacing(path: Path, mode: str = "wb", new: bool = False) -> Iterator[IO[Any]]:
    """A file that takes the place of `path` when the block ends without an error; until then `path` is untouched.

    After a crash or a power cut there is the old file or the new one, whole. new: FileExistsError if there is one, also
    where another process, on any host, makes it at the same time. A device or a pipe stays what it is, and is written
    to.
    """
    if path.exists() and not path.is_file() and not new:
        with open(path, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
        return
    handle, temporary = _beside(path)
    try:
        with os.fdopen(handle, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)
            if new:
                _link(temporary, path)
            else:
                os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    with suppress(OSError):  # not every file system can sync a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _beside(path: Path) -> tuple[int, str]:
    """A new file beside `path`, open, and its name. It is locked until it is closed, so that no `sweep` takes it."""
    while True:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)  # waits for a sweep that has it in hand
        except OSError:  # not every file system has locks
            return handle, temporary
        if os.path.exists(temporary):
            return handle, temporary
        os.close(handle)  # a sweep was faster than the lock


def _link(temporary: str, path: Path) -> None:
    """Give the file the name `path`, which no file has. FileExistsError if one has."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        if os.stat(temporary).st_nlink != 2:  # as after an answer of an NFS server that was lost
            raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):  # this file system has no links
            raise
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(temporary, path)
    with suppress(OSError):  # it does no harm
        os.unlink(temporary)


def copy(source: Path, path: Path) -> None:
    """Copy a file; `path` holds all of it or is untouched. OSError if it fails."""
    with source.open("rb") as old, replacing(path) as file:
        shutil.copyfileobj(old, file)


def append(file: int, data: bytes) -> None:
    """Append all of it to an open file, or nothing. OSError if it fails."""
    length = os.fstat(file).st_size
    try:
        while data:
            data = data[os.write(file, data) :]
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, length)
        raise


def write(path: Path, tensors: Mapping[str, np.ndarray | Apart], metadata: Mapping[str, Any], version: int = 1) -> None:
    """Write tensors and metadata (for JSON) to a safetensors file, with a checksum. OSError if it fails.

    Their dtypes: those of DTYPES. Nothing is copied but a tensor that does not lie in C order, or whose numbers are not
    little-endian, one at a time.
    """
    text = json.dumps(metadata)
    header: dict[str, Any] = {
        "__metadata__": {"distnn": str(version), "sha256": checksum(tensors, text), "metadata": text}
    }
    names = sorted(tensors, key=lambda name: (-list(DTYPES).index(tensors[name].dtype.name), name))
    end = 0
    for name in names:
        value = tensors[name]
        start, end = end, end + math.prod(value.shape) * value.dtype.itemsize
        header[name] = {"data_offsets": [start, end], "dtype": DTYPES[value.dtype.name], "shape": list(value.shape)}
    ordered = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    ordered += b" " * (-len(ordered) % 8)
    if not _acceptable(ordered):
        raise OSError(errno.EFBIG, "its names of columns and classes take too much room")
    with replacing(path) as file:
        file.write(len(ordered).to_bytes(8, "little") + ordered)
        for name in names:
            for piece in pieces(tensors[name]):
                file.write(piece)


def read(path: Path, apart: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors and the metadata of a file. UserError if it is missing, damaged, foreign or of a newer version.

    apart: what names of matrices begin with whose rows, if they are long, shall lie apart: they come as `ReadApart`.

    Whatever the file holds, it takes no more memory than its size and some hundred MB.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            header = json.loads(_beginning(file)[8:])
            about = header.pop("__metadata__")
            newer = int(about["distnn"]) > FORMAT
            if not newer:
                tensors, metadata = _tensors(file, header, apart), json.loads(about["metadata"])
                intact = checksum(tensors, about["metadata"]) == about["sha256"]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise UserError(f"{path} {FOREIGN}") from None
    if newer:
        raise UserError(f"{path} was written by a newer version of distnn: update distnn to read it.")
    if not intact:
        raise UserError(f"{path} is damaged: its checksum does not fit its contents.")
    return tensors, metadata


def _tensors(file: IO[bytes], header: dict[str, Any], apart: str | None) -> dict[str, np.ndarray | Apart]:
    """What stands behind the header. ValueError and others unless it is what the header says, without gaps."""
    size, end = os.fstat(file.fileno()).st_size - file.tell(), 0
    tensors: dict[str, np.ndarray | Apart] = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape, (start, stop) = DTYPE_OF[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
        if start != end or stop > size or stop - start != math.prod(shape) * dtype.itemsize:
            raise ValueError
        end = stop
        if apart is not None and name.startswith(apart) and len(shape) == 2 and shape[1] >= LONG:
            tensors[name] = ReadApart(tuple(_array(file, dtype, shape[1:]) for _ in range(shape[0])), dtype, shape)
        else:
            tensors[name] = _array(file, dtype, shape)
    if end != size:
        raise ValueError
    return tensors


def _array(file: IO[bytes], dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """The next numbers of a file. ValueError where it ends before."""
    array = np.empty(shape, dtype.newbyteorder("<"))
    if file.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:  # type: ignore[attr-defined]
        raise ValueError
    return array.astype(dtype, copy=False)


def recognised(path: Path) -> bool:
    """Does the file begin as those that `write` has written? False if it cannot be read."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            return "distnn" in json.loads(_beginning(file)[8:])["__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _beginning(file: IO[bytes]) -> bytes:
    """A file up to the end of its header, if that may be parsed. Else ValueError: no more of the file is read then."""
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise ValueError
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if length > HEADER_BYTES:
        raise ValueError
    header = file.read(length)
    if not _acceptable(header):
        raise ValueError
    return start + header


def _without_waiting(name: str, flags: int) -> int:
    """Open a file, also where it turns out to be a pipe that nobody writes to."""
    return os.open(name, flags | os.O_NONBLOCK)


def _acceptable(header: bytes) -> bool:
    return len(header) <= HEADER_BYTES and header.count(b"[") + header.count(b"{") <= HEADER_PARTS


def sweep(folder: Path, *names: str) -> None:
    """Remove what writing these files (patterns) left behind where a process was killed in the middle of it.

    What another process is still writing stays, where the file system has locks.
    """
    patterns = [f".{name}.????????" for name in names]
    with suppress(OSError):  # there may be no such folder
        for name in os.listdir(folder):
            if name.startswith(".") and any(fnmatchcase(name, pattern) for pattern in patterns):
                with suppress(OSError), (folder / name).open("r+b") as file:
                    if not _locked(file):
                        (folder / name).unlink()


def _locked(file: IO[Any]) -> bool:
    """Does another process hold a lock on it? False where the file system has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def checksum(tensors: Mapping[str, np.ndarray | Apart], text: str) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of the tensors, and over the metadata."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype.name} {value.shape}".encode())
        for piece in pieces(value):
            digest.update(piece)
    return digest.hexdigest()


def pieces(value: np.ndarray | Apart) -> Iterator[memoryview]:
    """The bytes of all its numbers, little-endian, row after row, copied only where they do not lie so."""
    for piece in (value,) if isinstance(value, np.ndarray) else value.vectors:
        yield np.asarray(piece, piece.dtype.newbyteorder("<"), order="C").data
