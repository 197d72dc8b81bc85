"""The device of a rank, found by JAX, and what goes wrong with it in sentences."""

from __future__ import annotations

import ctypes
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from distnn.errors import RankError, TooLittleRoom, UserError, missing_package
from distnn.kernels import cpu
from distnn.parallel.launched import local_number
from distnn.parallel.ranks import Ranks

PLATFORMS = {"xla-cpu": "cpu", "gpu": "gpu"}  # as JAX calls them
EXTRAS = {"xla-cpu": "xla", "gpu": "gpu"}
SHARE = "DISTNN_SHARE_DEVICES"  # 1: more ranks than GPUs, for tests
PREALLOCATE = "XLA_PYTHON_CLIENT_PREALLOCATE"  # which JAX reads
VISIBLE = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
CUBLAS = ("libcublasLt.so.13", "libcublasLt.so.12")
# Nothing is chosen by timing, and no operation whose order is left to chance; XLA keeps to the widths that are written.
# Products are cuBLAS's: without timing, Triton's have tiles of 8 × 16, which are slow.
OPTIONS: dict[str, dict[str, Any]] = {
    "cpu": {"xla_cpu_multi_thread_eigen": False, "xla_allow_excess_precision": False},
    "gpu": {
        "xla_gpu_autotune_level": 0,
        "xla_gpu_deterministic_ops": True,
        "xla_gpu_exclude_nondeterministic_ops": True,
        "xla_gpu_enable_triton_gemm": False,
        "xla_allow_excess_precision": False,
    },
}


def take(name: str, ranks: Ranks) -> Any:
    """This rank's device, a jax.Device: what it took before these ranks were split from others, if it did.

    name: a key of PLATFORMS. Collective. UserError where there is none, or another of these ranks has it. Of ranks in
    other communicators, which a user has split, nothing is known, for to ask would take a call that all of COMM_WORLD
    join: two of them take one device where no launcher says their numbers on the host (`LOCAL_VARIABLES`).
    """
    if ranks.device is not None:
        return ranks.device
    with ranks.sharing_errors():
        devices = _devices(name)
    host, shown = socket.gethostname(), tuple(os.environ.get(variable) for variable in VISIBLE)
    ids = () if PLATFORMS[name] == "cpu" else identities()
    seen = ranks.gather((host, shown, ids))
    mates = [rank for rank, other in enumerate(seen) if other == seen[ranks.rank]]  # who see the same devices
    number = local_number()
    if number is None or len(mates) < sum(of[0] == host for of in seen) or (number >= len(devices) and any(shown)):
        number = mates.index(ranks.rank)  # a batch system shows each rank its own
    holds = ranks.gather((host, ids[number] if number < len(ids) else (shown, number)))
    holders = [str(rank) for rank, other in enumerate(holds) if other == holds[ranks.rank]]
    with ranks.sharing_errors():
        if PLATFORMS[name] != "cpu" and os.environ.get(SHARE) != "1":
            if number >= len(devices):
                raise UserError(
                    f"--device {name}: {host} has more ranks ({max(len(mates), number + 1)}) than devices "
                    f"({len(devices)}): start {len(devices)} there."
                )
            if len(holders) > 1:
                raise UserError(
                    f"--device {name}: ranks {' and '.join(holders)} would share a device of {host}. "
                    f"Let each rank see all devices or one of its own: {VISIBLE[0]} says which it sees."
                )
    return devices[number % len(devices)]


def _devices(name: str) -> list[Any]:
    """The devices that this process sees. What other code in it does with JAX is left alone."""
    try:
        import jax
    except ImportError:
        raise missing_package("jax", EXTRAS[name], f"--device {name}") from None
    if not hasattr(jax, "enable_x64"):
        raise UserError(f"--device {name} needs a newer jax than {jax.__version__}: pip install --upgrade jax")
    if jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        raise UserError(f"--device {name} needs compiled programs, and JAX_DISABLE_JIT turns them off: unset it.")
    try:
        with _memory_as_needed():
            return list(jax.local_devices(backend=PLATFORMS[name]))
    except (RuntimeError, AssertionError) as error:  # the latter where JAX_PLATFORMS names what is not there
        chosen = os.environ.get("JAX_PLATFORMS")
        named = f" It looks for JAX_PLATFORMS={chosen} alone." if chosen else ""
        raise UserError(
            f"--device {name}: JAX finds no such device on {socket.gethostname()} ({_first_line(error)}).{named} Is "
            f"distnn[{EXTRAS[name]}] installed, and the driver? --device xla-cpu runs its program on the CPU."
        ) from None


@contextmanager
def _memory_as_needed() -> Iterator[None]:
    """If JAX takes its devices now, it does not take most of their memory, too: others may be on them, as in tests."""
    before = os.environ.get(PREALLOCATE)
    os.environ.setdefault(PREALLOCATE, "false")
    try:
        yield
    finally:
        if before is None:
            del os.environ[PREALLOCATE]


def identities() -> tuple[str, ...]:
    """NVIDIA's names of the GPUs, or parts of GPUs, that this process sees; nothing where there are none. Local.

    A batch system may show each rank a GPU of its own and call all of them the first one.
    """
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return ()
    count, uuid = ctypes.c_int(), ctypes.create_string_buffer(16)
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    found = []
    for number in range(count.value):
        cuda.cuDeviceGetUuid_v2(uuid, number)  # devices are their numbers
        found.append(uuid.raw.hex())
    return tuple(found)


def describe(device: Any) -> dict[str, Any]:
    """What the bits that this device computes depend on. Local."""
    import jax

    kind, libraries = f"XLA on {cpu.name()}", ("", "")
    if device.platform != "cpu":
        cores = getattr(device, "core_count", None)  # of one model there may be several kinds
        kind, libraries = f"{device.device_kind}{f' of {cores} cores' if cores else ''}", (_cublas(), _driver())
    version = " ".join(str(device.client.platform_version).split())
    parts = (f"jax {jax.__version__}", version, *libraries, os.environ.get("XLA_FLAGS", ""))
    return {"device": kind, "xla": ", ".join(part for part in parts if part)}


def _cublas() -> str:
    """The version of NVIDIA's products, where JAX has loaded them: they are installed apart from JAX. Else nothing."""
    for name in CUBLAS:
        with suppress(OSError):
            return f"cuBLAS {ctypes.CDLL(name, os.RTLD_NOW | os.RTLD_NOLOAD).cublasLtGetVersion()}"
    return ""


def _driver() -> str:
    """NVIDIA's, by its version; nothing where there is none."""
    try:
        words = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return ""
    return next((f"driver {word}" for word in words if re.fullmatch(r"\d+(\.\d+)+", word)), "")


@contextmanager
def failures(device: Any) -> Iterator[None]:
    """Say in a sentence what the device fails at: TooLittleRoom for its memory, else RankError."""
    import jax

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        where, why = f"{device.device_kind} {device.id} of {socket.gethostname()}", _first_line(error)
        if "RESOURCE_EXHAUSTED" in str(error):
            raise TooLittleRoom(
                f"The device {where} has too little memory ({why}). Take more devices, --dtype float32, or fewer rows. "
                "A checkpoint is kept."
            ) from error
        raise RankError(
            f"The device {where} failed: {why}. The last checkpoint is kept: go on from there with --resume, where a "
            "device works."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
