"""The BLAS library that numpy computes matrix products with."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from threadpoolctl import threadpool_info, threadpool_limits


def library() -> dict[str, Any]:
    """What threadpoolctl knows of it: its name (internal_api), version, architecture (the kernel), num_threads.

    Empty if it is not known.
    """
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    libraries.sort(key=lambda library: "numpy" not in library["filepath"])  # scipy may have brought another one
    return libraries[0] if libraries else {}


def limit_threads(threads: int) -> None:
    """Let BLAS use this many threads in this process, whatever the environment says. Local."""
    threadpool_limits(threads, user_api="blas")


def limited_threads(threads: int) -> AbstractContextManager[Any]:
    """`limit_threads` for the body, which may call that itself; afterwards BLAS uses as many as before. Local."""
    return threadpool_limits(threads, user_api="blas")
