"""Runs `python -m distnn.train`, or another module, with a fault on one rank: inject.py FAULT RANK [MODULE] OPTIONS...

The faults are here and not in the package: they take the place of a function of it, or strike where one is called, if
FAULT is its name; they hang there, if it is "hang in " and its name; NAME=VALUE sets a variable of the environment.
Each strikes at the fifth gradient, if not said otherwise.

Where a rank is to hang, the watchdogs begin to watch when the fault strikes: before that, ranks on a busy machine may
well wait for each other for longer than a test would.
"""

from __future__ import annotations

import os
import resource
import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from distnn.data import tables
from distnn.data.rows import Rows
from distnn.errors import UserError
from distnn.kernels import blas
from distnn.network import arithmetic
from distnn.network.backpropagation import Backpropagation
from distnn.optimizers.gradient_descent import GradientDescent
from distnn.parallel import ranks
from distnn.resilience.watchdog import Watchdog
from distnn.storage import checkpoint, files
from distnn.training import record

RANK_VARIABLES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK")
AT = 5
HANG = "hang in "
HANGS = ("opening", "silent_disk", "stopped", "looping", "cut")
STRUCK = Path(os.environ.get("TEST_STRUCK", os.devnull))  # is there when the fault strikes; see mpi_runner.py
MEMORY = 3 << 30


def at_gradient(strike: Callable[[], None]) -> None:
    """Strike before the gradient number AT of this rank."""
    blas.limit_threads(1)
    arithmetic.hashes()  # which takes gradients of its own, once
    gradient, calls = Backpropagation.gradient, 0

    def faulty(self: Backpropagation, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == AT:
            strike()
        return gradient(self, *arguments)

    Backpropagation.gradient = faulty  # type: ignore[method-assign]


def fail() -> None:
    raise RuntimeError("injected fault")


def reading() -> None:
    """While the first rows are read."""
    Rows.read = lambda *arguments: fail()  # type: ignore


def opening() -> None:
    """The table's file system does not answer."""
    tables.open_source = lambda *arguments, **more: hang_here()  # type: ignore


def killed_reading() -> None:
    Rows.read = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore


def computing() -> None:
    at_gradient(fail)


def between() -> None:
    """Where no other rank expects an error: while a norm is computed."""
    calls, norm = 0, record.norm

    def faulty(v: np.ndarray) -> float:
        nonlocal calls
        calls += 1
        return norm(v) if calls < AT else fail() or 0.0

    record.norm = faulty


def exiting() -> None:
    """A library that ends the process as if all were well."""
    at_gradient(lambda: sys.exit(0))


def writing() -> None:
    """In the second checkpoint."""
    calls, write = 0, files.write

    def faulty(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            fail()
        write(*arguments)

    files.write = checkpoint.files.write = faulty


def killed_writing() -> None:
    """In the second checkpoint, when half of it is on disk."""
    calls, fsync = 0, os.fsync

    def faulty(handle: int) -> None:
        nonlocal calls
        calls += str(os.readlink(f"/proc/self/fd/{handle}")).find("/.checkpoint-") >= 0
        if calls == 2:
            os.ftruncate(handle, 100)
            os.kill(os.getpid(), signal.SIGKILL)
        fsync(handle)

    os.fsync = faulty


def raise_here() -> None:
    ranks.ALONE_SECONDS = 300 if victim == "all" else 0.5  # however late the others come
    raise UserError("only here")


def hang_here() -> None:
    STRUCK.touch()
    print("hangs here", file=sys.stderr, flush=True)
    time.sleep(1000)


def at(function: str, act: Callable[[], None]) -> Callable[[], None]:
    """Act as soon as this function of the package, such as record.py:norm, is called."""
    file, name = function.split(":")

    def strike(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_qualname == name and code.co_filename.endswith(f"/{file}"):
            sys.setprofile(None)
            act()

    return lambda: sys.setprofile(strike)


def silent_disk() -> None:
    """From the second checkpoint on, whatever is done in the run's directory takes for ever; so do ranks' notes."""
    calls, replacing, mkdir = 0, files.replacing, Path.mkdir

    def faulty(path: Path, *arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += path.name.startswith("checkpoint-")
        if calls > 1:
            hang_here()
        return replacing(path, *arguments, **more)

    def make(path: Path, *arguments: Any, **more: Any) -> None:
        if path.name == "waiting":
            time.sleep(1000)
        mkdir(path, *arguments, **more)

    files.replacing, Path.mkdir = faulty, make  # type: ignore


def memory() -> None:
    """More memory than this process may have."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    at_gradient(lambda: np.empty(2 * MEMORY, np.uint8).fill(1))


def killed() -> None:
    at_gradient(lambda: os.kill(os.getpid(), signal.SIGKILL))


def stopped() -> None:
    """Answers no more, and never ends."""

    def stop() -> None:
        STRUCK.touch()
        os.kill(os.getpid(), signal.SIGSTOP)

    at_gradient(stop)


def looping() -> None:
    """Computes for ever."""

    def loop() -> None:
        STRUCK.touch()
        while True:
            time.sleep(0.01)

    at_gradient(loop)


def watch_when_struck() -> None:
    watch = Watchdog._watch

    def patient(self: Watchdog) -> None:
        while not STRUCK.exists() and not self.over.wait(0.1):
            pass
        watch(self)

    Watchdog._watch = patient  # type: ignore[method-assign]


def slow() -> None:
    """Each gradient takes 10 ms more, so that a test has time to act. On all ranks."""
    gradient = Backpropagation.gradient

    def faulty(self: Backpropagation, *arguments: Any) -> Any:
        time.sleep(0.01)
        return gradient(self, *arguments)

    Backpropagation.gradient = faulty  # type: ignore[method-assign]


def held() -> None:
    """Each 30th iteration waits until the test lets it, see Job.let_go_on; rank 0 says that it does. On all ranks."""
    step, calls = GradientDescent.step, 0

    def waiting(self: GradientDescent, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % 30 == 0:
            if rank == "0":
                print("is held", file=sys.stderr, flush=True)
            while not STRUCK.exists() or STRUCK.stat().st_size < calls // 30:
                time.sleep(0.01)
        return step(self, *arguments)

    GradientDescent.step = waiting  # type: ignore[method-assign]


def cut() -> None:
    """The test itself strikes."""
    slow()


if __name__ == "__main__":
    name, victim, *sys.argv[1:] = sys.argv[1:]
    rank = next((os.environ[variable] for variable in RANK_VARIABLES if variable in os.environ), "0")
    if name in HANGS or name.startswith(HANG):
        watch_when_struck()
    if victim in (rank, "all"):
        if "=" in name:
            os.environ.update([name.split("=")])
        else:
            hang = name.startswith(HANG)
            (globals().get(name) or at(name.removeprefix(HANG), hang_here if hang else raise_here))()
    module = sys.argv.pop(1) if sys.argv[1].startswith("distnn.") else "distnn.train"
    runpy.run_module(module, run_name="__main__", alter_sys=True)
