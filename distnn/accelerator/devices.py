"""The device of a rank, found by JAX, and what goes wrong with it in sentences."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distnn.errors import RankError, TooLittleRoom, UserError, missing_package
from distnn.kernels import cpu
from distnn.parallel.launched import local_number
from distnn.parallel.ranks import Ranks

PLATFORMS = {"xla-cpu": "cpu", "gpu": "gpu"}  # as JAX calls them
EXTRAS = {"xla-cpu": "xla", "gpu": "gpu"}
SHARE = "DISTNN_SHARE_DEVICES"  # 1: more ranks than GPUs, for tests
VISIBLE = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
# Nothing is chosen by timing, and no operation whose order is left to chance; XLA keeps to the widths that are written.
OPTIONS: dict[str, dict[str, Any]] = {
    "cpu": {"xla_cpu_multi_thread_eigen": False, "xla_allow_excess_precision": False},
    "gpu": {
        "xla_gpu_autotune_level": 0,
        "xla_gpu_deterministic_ops": True,
        "xla_gpu_exclude_nondeterministic_ops": True,
        "xla_allow_excess_precision": False,
    },
}


def take(name: str, ranks: Ranks) -> Any:
    """This rank's device, a jax.Device. name: a key of PLATFORMS. Collective. UserError where there is none."""
    seen = (socket.gethostname(), *(os.environ.get(variable) for variable in VISIBLE))
    mates = [rank for rank, other in enumerate(ranks.gather(seen)) if other == seen]  # who see the same devices
    with ranks.sharing_errors():
        devices = _devices(name)
        number = local_number()
        if number is None or number >= len(devices):
            number = mates.index(ranks.rank)
        if number >= len(devices) and PLATFORMS[name] != "cpu" and os.environ.get(SHARE) != "1":
            raise UserError(
                f"--device {name}: {socket.gethostname()} has more ranks ({len(mates)}) than devices ({len(devices)}): "
                f"start {len(devices)} there."
            )
        return devices[number % len(devices)]


def _devices(name: str) -> list[Any]:
    """The devices that this process sees."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # or a device would be full with one rank
    try:
        import jax
    except ImportError:
        raise missing_package("jax", EXTRAS[name], f"--device {name}") from None
    if not hasattr(jax, "enable_x64"):
        raise UserError(f"--device {name} needs a newer jax than {jax.__version__}: pip install --upgrade jax")
    if PLATFORMS[name] == "cpu":
        jax.config.update("jax_platforms", "cpu")  # else JAX would take GPUs, too
    try:
        return list(jax.local_devices(backend=PLATFORMS[name]))
    except RuntimeError as error:
        raise UserError(
            f"--device {name}: JAX finds no such device on {socket.gethostname()} ({_first_line(error)}). Is "
            f"distnn[{EXTRAS[name]}] installed, and the driver? --device xla-cpu runs its program on the CPU."
        ) from None


def describe(device: Any) -> dict[str, Any]:
    """What the bits that this device computes depend on. Local."""
    import jax

    kind = device.device_kind if device.platform != "cpu" else f"XLA on {cpu.name()}"
    version = " ".join(str(device.client.platform_version).split())
    return {"device": kind, "xla": f"jax {jax.__version__}, {version}, {os.environ.get('XLA_FLAGS', '')}".rstrip(", ")}


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
                f"The device {where} has too little memory ({why}). Take more devices, --dtype float32, or fewer rows."
            ) from error
        raise RankError(
            f"The device {where} failed: {why}. The last checkpoint is kept: go on from there with --resume, where a "
            "device works."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
