"""Many ranks in one thread of the system, each with a state of Python of its own.

Handing over from one thread to another takes far longer than what ranks do between two messages. SimGrid can do with
stacks between which one thread jumps. But where C calls Python back, Python goes on with the state that it had in this
thread before, which may be that of another rank in the midst of something. A thread that has forgotten it gets a new
one.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

KEYS = 1024  # of values that a thread has for itself: PTHREAD_KEYS_MAX


class States:
    """The states of Python that a thread has.

    key: of the value in which a thread keeps that for callbacks; None where it is not found. contexts: what SimGrid's
    ranks can be then.
    """

    def __init__(self) -> None:
        self.key: int | None = None
        if sys.platform == "linux" and sys.version_info < (3, 14):  # which looks how much of the thread's stack is left
            system = ctypes.CDLL(None)
            self._get, self._set = system.pthread_getspecific, system.pthread_setspecific
            self._current = ctypes.pythonapi.PyThreadState_Get
            self._get.restype = self._current.restype = ctypes.c_void_p
            self._set.argtypes = [ctypes.c_uint, ctypes.c_void_p]
            current = self._current()
            self.key = next((key for key in range(KEYS) if self._get(key) == current), None)
        self.contexts = "thread" if self.key is None else "ucontext"

    @contextmanager
    def forgotten(self) -> Iterator[None]:
        """Around what makes C call Python back, and around what it then does."""
        if self.key is None:
            yield
            return
        current = self._current()
        self._set(self.key, None)
        try:
            yield
        finally:
            self._set(self.key, current)
