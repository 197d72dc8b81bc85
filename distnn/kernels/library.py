"""The library of compiled code: whether it is there, for which instructions, and its functions.

passes.c passes blocks through networks (network/passes) and has functions and products of arrays (algebra.py),
fixed_point.c adds the terms of exact sums (parallel/fixed_point.py); csrc/README.md says which file does what.
It is in wheels, or built when distnn is installed where there is gcc or clang. DISTNN_FUSED says what computes:
portable, avx2, avx512, on ARM64 neon, all to the same bits; or numpy, by off, which nothing else does.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import struct
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from distnn.errors import UserError
from distnn.kernels.memory import address, vector

VARIABLE = "DISTNN_FUSED"
ARM64 = platform.machine() in ("aarch64", "arm64")
SETS = ("neon",) if ARM64 else ("avx512", "avx2", "portable")  # what it is compiled for here, the faster one first
THETAS = ("tanh", "logistic", "relu", "identity")  # that it knows, in the order of passes.c
ERRORS = (*(f"squared {theta}" for theta in THETAS), "cross-entropy softmax", "cross-entropy logistic")  # with outputs
FUNCTIONS = (*THETAS, "exp", "expm1", "log", "log1p")  # of numbers, in the same order
INTERFACE = 21  # as in library.c

FILE = Path(__file__).with_name("_library.so")
KNOWN = {  # hashes of the bits that functions must have
    ("tanh", "float64"): "9c7fea0b27326b42",
    ("tanh", "float32"): "72bc3b3d4801b2e2",
    ("logistic", "float64"): "804ffc85852671c3",
    ("logistic", "float32"): "501c2313748134ca",
    ("exp", "float64"): "cbf7100de9ca1e1b",
    ("exp", "float32"): "3d73727212ca0b3b",
    ("expm1", "float64"): "cdb2d14a1e47b78d",
    ("expm1", "float32"): "64889363c96d08ff",
    ("log", "float64"): "45e165a3ee8fe738",
    ("log", "float32"): "a1632c8f196689bc",
    ("log1p", "float64"): "3117c28b396313b9",
    ("log1p", "float32"): "2ab2ead799876ab3",
}

ADDRESS, SIZE = ctypes.c_void_p, ctypes.c_ssize_t
REAL = {"float64": ctypes.c_double, "float32": ctypes.c_float}


@cache
def built() -> bool:
    """Whether distnn was installed with its compiled code. Local."""
    return loaded() is not None


def slow() -> str | None:
    """A sentence if this CPU is one on which compiled code is slow, and nobody has chosen it, else None. Local."""
    if available() != ("portable",) or os.environ.get(VARIABLE) or platform.machine() != "x86_64":
        return None
    return (
        "This CPU has neither AVX2 nor AVX-512: the result has the same bits as elsewhere, but takes 14 to 29 "
        f"times as long as numpy would. {VARIABLE}=off is faster, and has bits of its own."
    )


@cache
def available() -> tuple[str, ...]:
    """The sets of instructions that this CPU has, of those compiled; the fastest first. Local."""
    found = loaded()
    return () if found is None else tuple(name for name in SETS if getattr(found, f"library_runs_{name}")())


@cache  # since this is asked for every sum
def instructions() -> str | None:
    """The set of instructions in use, or None where numpy does all; asked for first, it stays so. Local.

    UserError where there is no compiled code and DISTNN_FUSED does not say that numpy shall compute; for a value of it
    that is none, or that cannot be here.
    """
    wanted = os.environ.get(VARIABLE, "")
    if not wanted and available():
        return available()[0]
    if not wanted:
        raise UserError(
            f"{why_not()}, and compiled code is what has the same bits on every machine: install a wheel of distnn, or "
            "gcc and then distnn again (pip install --force-reinstall --no-deps). "
            f"With {VARIABLE}=off numpy computes, slower, and with bits that depend on the machine."
        )
    if wanted == "off":
        return None
    if wanted not in SETS:
        raise UserError(f"{VARIABLE} is {wanted!r}; it should be one of: off, {', '.join(reversed(SETS))}.")
    if wanted not in available():
        reason = "this CPU does not have these instructions" if built() else _load()[1]
        raise UserError(f"{VARIABLE} is {wanted}, but {reason}: unset it, or set it to off.")
    return wanted


def why_not() -> str | None:
    """Why there is no compiled code in use, in words that a sentence begins with; None where there is. Local."""
    if os.environ.get(VARIABLE) == "off":
        return f"{VARIABLE} is off"
    return None if available() else _load()[1] or "this CPU has none of the instructions of distnn's compiled code"


def compiler() -> str:
    """The compiler of the code in use, on which the bits may depend; "none" where numpy does all. Local."""
    found = loaded()
    if found is None or instructions() is None:
        return "none"
    return found.library_compiler().decode()


def loaded() -> ctypes.CDLL | None:
    """The library, or None where there is none that can be used. Local."""
    return _load()[0]


@cache
def _load() -> tuple[ctypes.CDLL | None, str]:
    """The library, or None and why it is not used, in words that a sentence begins with. Local."""
    if not FILE.exists():
        return None, "distnn was installed without a C compiler"
    try:
        if _is_cut_off(FILE):
            raise OSError("its end is missing")
        found = ctypes.CDLL(str(FILE))
        found.library_compiler.restype = ctypes.c_char_p
        if found.library_interface() != INTERFACE:
            return None, f"{FILE} was built from other sources"
        runs = [name for name in SETS if getattr(found, f"library_runs_{name}")()]
    except (OSError, AttributeError) as error:
        return None, f"{FILE} is not distnn's compiled code for this machine ({error})"
    if sys.float_info.min * 0.5 == 0:  # as code that a linker adds to it may do
        ctypes.CDLL(None).fesetenv(ctypes.c_void_p(-1))  # FE_DFL_ENV
        return None, f"{FILE} makes numbers below 1e-308 zero, as -ffast-math does"
    for name in runs:
        if wrong := _wrong(found, name):
            return None, f"{FILE} computes {wrong} wrongly: flags of the compiler may have loosened its arithmetic"
    return found, ""


def _is_cut_off(file: Path) -> bool:
    """Does an ELF file end before its table of sections does, as on a full disk? To load it would be a bus error."""
    with file.open("rb") as stream:
        header = stream.read(64)
    if len(header) < 64 or not header.startswith(b"\x7fELF\2\1"):
        return False
    start, _, _, _, _, size, count = struct.unpack_from("<QIHHHHH", header, 0x28)
    return start + size * count > file.stat().st_size


def _wrong(found: ctypes.CDLL, instruction_set: str) -> str | None:
    """The first function with other bits than it must have, whatever the compiler and the set of instructions. Local.

    Of θ and δ ⊗ θ', and of other functions, of numbers of all sizes: their polynomials are chains of fused
    multiplications and additions.
    """
    for (name, dtype), expected in KNOWN.items():
        x, delta = vector(128, dtype), vector(128, dtype)
        x[:4] = 0, -5e-324, 1e-40, -1e-310
        x[4:] = np.ldexp(1 + np.arange(124) * 37 % 64 / 64, np.arange(124) // 4 - 24)
        x[5::2] *= -1
        delta[:] = x[::-1]
        suffix, number = f"{np.dtype(dtype).name}_{instruction_set}", SIZE(FUNCTIONS.index(name))
        to, count = ADDRESS(address(x)), SIZE(len(x))
        if name in THETAS:
            getattr(found, f"theta_{suffix}")(number, to, count)
            getattr(found, f"chain_{suffix}")(number, to, ADDRESS(address(delta)), count)
        else:
            getattr(found, f"elementwise_{suffix}")(number, SIZE(1), count, to, count, to, count)
        if hashlib.blake2b(x.tobytes() + delta.tobytes(), digest_size=8).hexdigest() != expected:
            return f"{name} in {dtype}"
    return None


def function(name: str, dtype: np.dtype, instruction_set: str, *arguments: Any) -> Callable[..., None]:
    """The function of this name for a dtype and a set of instructions that is available. arguments: ADDRESS, SIZE."""
    return of_all_sets(f"{name}_{dtype.name}_{instruction_set}", *arguments)


def of_all_sets(name: str, *arguments: Any) -> Callable[..., None]:
    """The function of this name, compiled once for all dtypes and sets."""
    found = loaded()
    assert found is not None
    made = found[name]
    made.argtypes, made.restype = arguments, None
    return made


def constant(name: str) -> int:
    """A number that available code was compiled with."""
    found = loaded()
    assert found is not None
    return found[name]()
