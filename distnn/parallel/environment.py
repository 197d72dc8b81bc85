"""What the bits of a result depend on besides the data: the version of distnn's arithmetic, and what it computes here.

Where DISTNN_FUSED is off numpy computes: then numpy, BLAS, its kernel and threads and the CPU's features count,
too. The promise of the same bits for any number of ranks holds where all that counts is the same on all of them.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath as umath  # type: ignore[attr-defined]  # a name that numpy 1.26 has, too

from distnn.errors import UserError
from distnn.kernels import algebra, blas, library
from distnn.parallel.agreement import same
from distnn.parallel.mpi import mpi_library
from distnn.parallel.ranks import OneRank, Ranks
from distnn.parallel.reduction import ExactSum

# What may change the bits, and what to do where it differs.
ADVICE = {
    "arithmetic": "install the same version of distnn everywhere, and set DISTNN_FUSED=off everywhere or nowhere",
    "numpy": "install the same numpy everywhere",
    "blas": "install the same BLAS library everywhere",
    "kernel": "set OPENBLAS_CORETYPE to a kernel that all CPUs have, such as Haswell",
    "threads": "give the same --threads everywhere",
    "cpu_features": "set NPY_DISABLE_CPU_FEATURES='{}'",
    "gradient": "install distnn again, with another C compiler, where it computes wrongly",
    "algebra": "install distnn again, with another C compiler, and the same numpy everywhere",
    "device": "use devices of the same kind",
    "xla": "install the same jax and driver everywhere, with the same XLA_FLAGS",
    "device_program": "use devices of the same kind, and the same jax, driver and XLA_FLAGS",
    "device_gradient": "use devices of the same kind, and the same jax, driver and XLA_FLAGS",
    "block_rows": "this is another version of distnn, or another architecture",
}


COMPUTED = ("gradient", "algebra")  # which the records of older runs lack
BEFORE = "none"  # of records by older versions, whose arithmetic was numpy's in part
OF_DEVICE = ("device", "xla", "device_program", "device_gradient")  # in the record where --device is given
REFUSED = ("arithmetic", "numpy", "blas", "kernel", "algebra", *OF_DEVICE)  # ranks that differ in these
OF_NUMPY = ("numpy", "blas", "kernel", "threads", "cpu_features")  # on which only numpy's arithmetic depends


def record(block_rows: int = 0, computes: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The record of this rank's environment. Local.

    block_rows: of a training. computes: hashes of what is computed here, by name; to that of a gradient the one of its
    sum is added. cpu_features: those that numpy has code of its own for, and uses. compiler: of compiled code, or
    "none".
    """
    computed = dict(computes or {})
    if "gradient" in computed:
        computed["gradient"] += f"-{sums()}"
    return {
        "arithmetic": algebra.arithmetic(),
        **machine(),
        "compiler": library.compiler(),
        "block_rows": block_rows,
        **computed,
    }


def machine() -> dict[str, Any]:
    """What of the record is known without computing anything: versions, BLAS's kernel, features. Local."""
    found = blas.library()
    return {
        "numpy": np.__version__,
        "blas": f"{found.get('internal_api', 'unknown')} {found.get('version', '')}".strip(),
        "kernel": found.get("architecture", "unknown"),
        "threads": found.get("num_threads", 0),
        "cpu_features": " ".join(name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]),
        "python": platform.python_version(),
        "mpi": mpi_library(),
    }


@cache
def sums() -> str:
    """A hash of a small exact sum for each dtype: in rows of all sizes, with ties to be rounded. Local."""
    digest = hashlib.blake2b(digest_size=4)
    numbers = (np.arange(1, 7 * 38 + 1).reshape(7, 38) * 7919 % 1009 - 504.25) / 503
    numbers[:, :35] = np.ldexp(numbers[:, :35], np.repeat([0, -4, -8, -15, -30, -47, -120], 5))
    for dtype in (np.float64, np.float32):

        def term(j: int, out: np.ndarray) -> float:
            out[:] = numbers[j]
            return float(numbers[j, 0]) * 1e50

        digest.update(ExactSum(OneRank(), [(7, 5), 3], 7, 7, dtype, tail=True)(term).tobytes())
    return digest.hexdigest()


def compare_ranks(mine: dict[str, Any], ranks: Ranks) -> str | None:
    """A sentence if the ranks' environments differ, else None. Collective, replicated.

    UserError, on all ranks, if their arithmetic or algebra differs, or their numpy or BLAS where these compute: the
    optimizer's arithmetic, which every rank does for itself, would then give other weights, and in time other
    decisions, on each.
    """
    if same(sorted(mine.items()), ranks):
        return None
    records = ranks.gather(mine)
    for rank, other in enumerate(records):
        if found := differences(records[0], other):
            sentence = f"The environments of ranks 0 and {rank} {found.format('for other numbers of ranks')}"
            if any(records[0].get(name) != other.get(name) for name in REFUSED):
                raise UserError(sentence)
            return sentence
    return None


def compare_times(before: dict[str, Any], mine: dict[str, Any]) -> str | None:
    """A sentence if the environment has changed since this run began, else None. Local."""
    if found := differences(before, mine):
        return f"The environments when this run began and now {found.format('of an uninterrupted run')}"
    return None


def differences(a: dict[str, Any], b: dict[str, Any]) -> str | None:
    """What of two records differs, what this means for the bits ({}: the bits of what), and what to set. Or None."""
    a, b = {"arithmetic": BEFORE, **a}, {"arithmetic": BEFORE, **b}
    names = [name for name in _that_count(a, b) if a.get(name) != b.get(name)]
    if not names:
        return None
    features = [str(of.get("cpu_features", "")).split() for of in (a, b)]
    uncommon = " ".join(sorted(set(features[0]) ^ set(features[1])))
    shown = [uncommon if name == "cpu_features" else f"{a.get(name, BEFORE)}, {b.get(name, BEFORE)}" for name in names]
    return (
        f"differ in {' and '.join(f'{name} ({values})' for name, values in zip(names, shown, strict=True))}, so the "
        "bits of the result may not be those {}: "
        f"{' and '.join(ADVICE[name].format(uncommon) for name in names)}."
    )


def _that_count(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """What of two records may change the bits."""
    if a["arithmetic"] != b["arithmetic"]:
        return ["arithmetic", "block_rows"]
    left_out = () if a["arithmetic"] in ("numpy", BEFORE) else OF_NUMPY
    return [name for name in ADVICE if name not in left_out and (name not in COMPUTED or (name in a and name in b))]


def slower_kernel(mine: dict[str, Any]) -> str | None:
    """A sentence if BLAS runs a slower kernel than this CPU has, else None. Local."""
    wide = any(name == "X86_V4" or name.startswith("AVX512") for name in mine["cpu_features"].split())
    if mine["arithmetic"] == "numpy" and wide and mine["kernel"] in ("Haswell", "Zen", "Sandybridge"):
        return (
            f"BLAS runs its {mine['kernel']} kernel on a CPU with AVX-512: "
            "unset OPENBLAS_CORETYPE, or set it to SkylakeX, for products up to twice as fast."
        )
    return None


def require_threads(threads: int, mine: dict[str, Any], ranks: Ranks) -> None:
    """UserError, on all ranks, if BLAS does not obey the limit on one. Collective."""
    with ranks.sharing_errors():
        if mine["threads"] not in (0, threads):
            raise UserError(
                f"BLAS uses {mine['threads']} threads on rank {ranks.rank} although {threads} were asked for: "
                f"set OMP_NUM_THREADS={threads}."
            )
