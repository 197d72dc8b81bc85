"""The library of compiled code: whether it is there, for which instructions, and its functions.

passes.c passes blocks through networks (network/passes), fixed_point.c adds the terms of exact sums
(parallel/fixed_point.py); csrc/README.md says which file does what.
It is built when distnn is installed where there is gcc or clang. Where it was not built, or the CPU has no AVX2, numpy
does all. DISTNN_FUSED says so, too: off, avx2, avx512. The bits are the same with either set of instructions.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable, Sequence
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import numpy as np

from distnn.errors import UserError

VARIABLE = "DISTNN_FUSED"
SETS = ("avx512", "avx2")  # what it is compiled for, the faster one first
THETAS = ("tanh", "logistic", "relu", "identity")  # that it knows, in the order of passes.c
INTERFACE = 8  # as in library.c

ADDRESS, SIZE = ctypes.c_void_p, ctypes.c_ssize_t


@cache
def built() -> bool:
    """Whether distnn was installed with its compiled code. Local."""
    return loaded() is not None


def serves(d: Sequence[int], theta: str) -> bool:
    """Whether compiled code, if it is there, passes blocks through networks d with θ in the hidden layers."""
    return len(d) > 2 and theta in THETAS


def missing(d: Sequence[int], theta: str) -> str | None:
    """A sentence if these networks would be faster had distnn been installed with a C compiler, else None. Local."""
    off = os.environ.get(VARIABLE) == "off"
    if built() or not serves(d, theta) or platform.machine() != "x86_64" or off:
        return None
    return (
        "distnn was installed without a C compiler, which this network's gradient is 1.1 to 5 times as fast with: "
        "install gcc, then distnn again (pip install --force-reinstall --no-deps)."
    )


@cache
def available() -> tuple[str, ...]:
    """The sets of instructions that this CPU has, of those compiled; the fastest first. Local."""
    found = loaded()
    return () if found is None else tuple(name for name in SETS if getattr(found, f"library_runs_{name}")())


def instructions() -> str | None:
    """The set of instructions in use, or None where numpy does all. Local.

    UserError for a value of DISTNN_FUSED that is none, or that cannot be here.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "off":
        return None
    if wanted not in ("", *SETS):
        raise UserError(f"{VARIABLE} is {wanted!r}; it should be one of: off, {', '.join(reversed(SETS))}.")
    if wanted and wanted not in available():
        reason = "this CPU does not have these instructions" if built() else "distnn was installed without a C compiler"
        raise UserError(f"{VARIABLE} is {wanted}, but {reason}: unset it, or set it to off.")
    return wanted or next(iter(available()), None)


def compiler() -> str:
    """The compiler of the code in use, on which the bits may depend; "none" where numpy does all. Local."""
    found = loaded()
    if found is None or instructions() is None:
        return "none"
    return found.library_compiler().decode()


@cache
def loaded() -> ctypes.CDLL | None:
    """The library, or None where there is none that can be used. Local."""
    try:
        found = ctypes.CDLL(str(Path(__file__).with_name(f"_library{EXTENSION_SUFFIXES[0]}")))
        found.library_compiler.restype = ctypes.c_char_p
        return found if found.library_interface() == INTERFACE else None
    except (OSError, AttributeError):  # not there, of another platform, or of other sources
        return None


def function(name: str, dtype: np.dtype, instruction_set: str, *arguments: Any) -> Callable[..., None]:
    """The function of this name for a dtype and a set of instructions that is available. arguments: ADDRESS, SIZE."""
    found = loaded()
    assert found is not None
    made = found[f"{name}_{dtype.name}_{instruction_set}"]
    made.argtypes, made.restype = arguments, None
    return made


def constant(name: str) -> int:
    """A number that available code was compiled with."""
    found = loaded()
    assert found is not None
    return found[name]()


def address(array: np.ndarray) -> int:
    """Where a contiguous array that may be written to begins: four times as fast as `array.ctypes.data`. Local."""
    return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]


def rows_in_memory(x: np.ndarray, rows: int, dtype: np.dtype) -> np.ndarray:
    """x itself, if its rows lie in memory as compiled code reads them, else a copy. ValueError for a wrong number."""
    if len(x) != rows:
        raise ValueError(f"x^(0) has {len(x)} rows; d^(0) + 1 is {rows}")
    return x if x.dtype == dtype and x.strides[1] == x.itemsize else np.ascontiguousarray(x, dtype)
