"""Ctrl-C while a command is imported, or at its very end: one sentence, as in between, and no traceback."""

from __future__ import annotations

import sys
from os.path import basename
from types import TracebackType

from distnn.parallel.launched import launched_first


class Quiet:
    """A `sys.excepthook`, in front of the one that there was: an interrupt of a command is said, once for all ranks.

    Python then ends the process by SIGINT, so that a shell sees 130, and a loop in it ends as well.
    """

    def __init__(self) -> None:
        self.before = sys.excepthook

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None, /) -> None:
        if not (issubclass(kind, KeyboardInterrupt) and is_command()):
            self.before(kind, error, trace)
        elif launched_first():
            print("distnn: interrupted.", file=sys.stderr, flush=True)


def quiet() -> None:
    """Be quiet about interrupts, if this process may become a command of distnn. Local; for the import of distnn.

    It is known for sure only later: while `python -m` imports the package of a program, its name is nowhere.
    """
    if sys.argv[:1] == ["-m"] or is_command():
        sys.excepthook = Quiet()


def is_command() -> bool:
    """Is what runs here `python -m distnn…`, or the script distnn? Local."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None:
        return spec.name.partition(".")[0] == "distnn"
    return basename(sys.argv[0]) == "distnn" if sys.argv else False
