"""The BLAS library that numpy computes matrix products with."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _loaded(modules: int) -> ThreadpoolController:
    """All libraries of BLAS in this process. To look for them takes milliseconds, so it is done anew only when more or
    fewer modules are there than before, one of which may have brought another one."""
    return ThreadpoolController().select(user_api="blas")


def library() -> dict[str, Any]:
    """What threadpoolctl knows of it: its name (internal_api), version, architecture (the kernel), num_threads.

    Empty if it is not known.
    """
    libraries = _loaded(len(sys.modules)).info()
    libraries.sort(key=lambda library: "numpy" not in library["filepath"])  # scipy may have brought another one
    return libraries[0] if libraries else {}


def limit_threads(threads: int) -> None:
    """Let BLAS use this many threads in this process, whatever the environment says. Local."""
    limited_threads(threads)


def limited_threads(threads: int) -> AbstractContextManager[Any]:
    """`limit_threads` for the body, which may call that itself; afterwards BLAS uses as many as before. Local."""
    return _loaded(len(sys.modules)).limit(limits=threads)
