"""JAX, with eight virtual devices on the CPU. Where it is not installed, these tests are left out, and say so."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import version

import pytest

FLAGS = ["--xla_force_host_platform_device_count=8"]
if os.environ.get("DISTNN_TEST_DEVICE", "xla-cpu") == "xla-cpu":
    FLAGS += ["--xla_backend_optimization_level=0"]  # half the time to compile
    if importlib.util.find_spec("jax") and [int(part) for part in version("jax").split(".")[:2]] < [0, 11]:
        FLAGS += ["--xla_cpu_use_fusion_emitters=false"]  # likewise; later ones do not know it, and end there
os.environ["XLA_FLAGS"] = " ".join((*FLAGS, os.environ.get("XLA_FLAGS", "")))  # which is read when JAX begins


@pytest.fixture(autouse=True, scope="module")  # so that one session has all tests of a file, and its programs
def jax_is_installed() -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed: pip install 'distnn[xla]'")
