"""Faults at any operation that changes a file: the disk is full or fails, or the process is killed in the middle."""

from __future__ import annotations

import io
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest


class Operations:
    """What changes files in `folder`, counted. From operation `at` on, the next `times` of them strike; 0: none does.

    Before a write strikes, half of it is done.
    """

    def __init__(self, folder: Path, at: int, strike: Callable[[], None], times: int = 1):
        self.folder, self.at, self.strike, self.times = str(folder), at, strike, times
        self.names: list[str] = []

    def come(self, name: str, where: Any, half: Callable[[], object] | None = None) -> None:
        """Another operation, on a path or an open file."""
        try:
            path = os.readlink(f"/proc/self/fd/{where}") if isinstance(where, int) else os.path.abspath(where)
        except OSError:
            return
        if not path.startswith(self.folder):
            return
        self.names.append(f"{name} {path.removeprefix(self.folder)}")
        if self.at and self.at <= len(self.names) < self.at + self.times:
            if half is not None:
                half()
            self.strike()


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def failing(number: int) -> Callable[[], None]:
    """An error of the operating system, such as errno.ENOSPC."""

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


@contextmanager
def striking(operations: Operations) -> Iterator[None]:
    """Within the block, operations come by."""
    real = {name: getattr(os, name) for name in ("open", "write", "fdopen")}

    def wrap(name: str) -> Callable[..., Any]:
        work = getattr(os, name)

        def faulty(where: Any, *arguments: Any, **more: Any) -> Any:
            operations.come(name, where)
            return work(where, *arguments, **more)

        return faulty

    def open_(path: Any, flags: int, *arguments: Any, **more: Any) -> int:
        if flags & os.O_CREAT:
            operations.come("open", path)
        return int(real["open"](path, flags, *arguments, **more))

    def write(handle: int, data: bytes) -> int:
        operations.come("write", handle, lambda: real["write"](handle, data[: len(data) // 2]))
        return int(real["write"](handle, data))

    class Raw(io.FileIO):
        def write(self, data: Any) -> int:
            handle = self.fileno()
            operations.come("write", handle, lambda: real["write"](handle, bytes(data)[: len(data) // 2]))
            return super().write(data)

    def fdopen(handle: int, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        if not mode.startswith("w"):
            return real["fdopen"](handle, mode, *arguments, **more)
        buffered = io.BufferedWriter(Raw(handle, "w"))
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding=more.get("encoding"))

    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "replace", "link", "unlink", "mkdir", "rmdir", "ftruncate", "chmod"):
            patch.setattr(os, name, wrap(name))
        for name, work in (("open", open_), ("write", write), ("fdopen", fdopen)):
            patch.setattr(os, name, work)
        yield


def in_child(work: Callable[[], object], *expected: type[Exception]) -> int:
    """The exit code of a child process that does the work: 0 where it came back, or with an expected error in words;
    negative: a signal.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with suppress(*expected):
                work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
