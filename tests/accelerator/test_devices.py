"""Which device a rank takes, and every way in which there is none, or it fails, in a sentence."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from threaded_ranks import on_ranks, outcomes

from distnn.accelerator import devices
from distnn.errors import RankError, TooLittleRoom, UserError
from distnn.parallel.launched import LOCAL_VARIABLES
from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs.farm import schedule


class Device:
    device_kind, id, platform = "NVIDIA X", 3, "gpu"


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*LOCAL_VARIABLES, *devices.VISIBLE, devices.SHARE):
        monkeypatch.delenv(name, raising=False)


def test_each_rank_of_a_host_takes_its_own() -> None:
    found = on_ranks(3, lambda ranks: devices.take("xla-cpu", ranks).id)
    assert len(set(found)) == 3


def test_the_launcher_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a farm, where a group's first rank is not the first of its host."""
    monkeypatch.setattr(devices, "_devices", lambda name: ["a", "b", "c"])
    monkeypatch.setenv("MPI_LOCALRANKID", "2")
    assert devices.take("gpu", OneRank()) == "c"
    monkeypatch.setattr(devices, "_devices", lambda name: ["the one that a batch system shows this rank"])
    with pytest.raises(UserError, match=r"has more ranks \(3\) than devices \(1\)"):  # another group's rank has it
        devices.take("gpu", OneRank())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert devices.take("gpu", OneRank()).startswith("the one")


def test_each_rank_may_call_its_own_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a batch system shows each of them one, which all see as number 0."""
    monkeypatch.setattr(devices, "_devices", lambda name: ["the one"])
    monkeypatch.setattr(devices, "identities", lambda: (threading.current_thread().name,))
    assert on_ranks(3, lambda ranks: devices.take("gpu", ranks)) == ["the one"] * 3


def shown(monkeypatch: pytest.MonkeyPatch, *of_ranks: str) -> Callable[[Ranks], Any]:
    """Each rank sees these GPUs of its host, in this order, as a launcher's variable has it. Returns `take`."""
    own = threading.local()
    monkeypatch.setattr(devices, "_devices", lambda name: list(own.sees))
    monkeypatch.setattr(devices, "identities", lambda: tuple(own.sees))

    def take(ranks: Ranks) -> Any:
        own.sees = of_ranks[ranks.rank]
        return devices.take("gpu", ranks)

    return take


def test_two_ranks_that_would_share_a_gpu_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each of them sees a GPU of its own accord, or all in another order."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "other on each rank, and so nothing to go by")
    assert on_ranks(4, shown(monkeypatch, "ab", "cd", "ab", "cd")) == ["a", "c", "b", "d"]
    assert on_ranks(2, shown(monkeypatch, "a", "b")) == ["a", "b"]
    for error in outcomes(3, shown(monkeypatch, "a", "b", "bc")):
        assert isinstance(error, UserError)
        assert str(error).startswith("--device gpu: ranks 1 and 2 would share a device of ")
    for error in outcomes(2, shown(monkeypatch, "a", "a")):
        assert "has more ranks (2) than devices (1): start 1 there." in str(error)
    monkeypatch.setenv(devices.SHARE, "1")
    assert on_ranks(2, shown(monkeypatch, "a", "a")) == ["a", "a"]
    assert on_ranks(3, shown(monkeypatch, "a", "b", "bc")) == ["a", "b", "b"]


@pytest.mark.parametrize("sees", [("a", "a"), ("ab", "ac")])
def test_groups_of_a_farm_share_no_gpu(sees: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is one rank, and would find itself alone."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    take = shown(monkeypatch, *sees)
    monkeypatch.setattr(schedule, "take", lambda name, ranks: take(ranks))

    def group(ranks: Ranks) -> Any:
        found, _ = schedule.in_groups(ranks, 2, 0, range(2), lambda number, result: None, device="gpu")
        return devices.take("gpu", found)

    if sees == ("a", "a"):
        assert all("has more ranks (2) than devices (1)" in str(error) for error in outcomes(2, group))
    else:
        assert all("ranks 0 and 1 would share" in str(error) for error in outcomes(2, group))
    take = shown(monkeypatch, "ab", "ab")
    assert on_ranks(2, group) == ["a", "b"]


def test_identities_are_what_the_driver_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class Driver:
        def cuInit(self, flags: int) -> int:
            return 0

        def cuDeviceGetCount(self, count: Any) -> int:
            count._obj.value = 2
            return 0

        def cuDeviceGetUuid_v2(self, uuid: Any, number: int) -> int:
            uuid.raw = bytes([number, *range(1, 16)])
            return 0

    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: Driver())
    assert devices.identities() == ("000102030405060708090a0b0c0d0e0f", "010102030405060708090a0b0c0d0e0f")
    monkeypatch.setattr(Driver, "cuInit", lambda self, flags: 100)  # no device
    assert devices.identities() == ()


def test_a_gpu_is_described_by_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(name: str, mode: int) -> Any:
        asked.append(mode)
        if name == devices.CUBLAS[0]:
            raise OSError(name)
        return SimpleNamespace(cublasLtGetVersion=lambda: 120903)

    monkeypatch.setattr(devices.ctypes, "CDLL", load)
    monkeypatch.setattr(devices, "_driver", lambda: "driver 1.2")
    gpu = SimpleNamespace(
        platform="gpu", device_kind="X", core_count=132, client=SimpleNamespace(platform_version="P\ncuda 1")
    )
    found = devices.describe(gpu)
    assert found["device"] == "X of 132 cores"
    assert ", P cuda 1, cuBLAS 120903, driver 1.2" in found["xla"]
    assert all(mode & os.RTLD_NOLOAD for mode in asked)


def test_other_code_with_jax_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import jax

    monkeypatch.delenv(devices.PREALLOCATE, raising=False)
    before = jax.config.values.copy()
    devices.take("xla-cpu", OneRank())
    assert jax.config.values == before
    assert devices.PREALLOCATE not in os.environ


def test_more_ranks_than_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_devices", lambda name: ["a", "b"])
    for error in outcomes(3, lambda ranks: devices.take("gpu", ranks)):
        assert isinstance(error, UserError)
        assert "has more ranks (3) than devices (2): start 2 there." in str(error)
    monkeypatch.setenv(devices.SHARE, "1")
    assert on_ranks(3, lambda ranks: devices.take("gpu", ranks)) == ["a", "b", "a"]
    monkeypatch.delenv(devices.SHARE)
    assert on_ranks(3, lambda ranks: devices.take("xla-cpu", ranks)) == ["a", "b", "a"]  # all are the CPU


@pytest.mark.parametrize("platform", devices.OPTIONS)
def test_xla_has_the_options(platform: str) -> None:
    """Those of GPUs, too: it knows them everywhere, and refuses what it does not know."""
    import jax

    lowered = jax.jit(lambda x: x + 1).lower(jax.ShapeDtypeStruct((), "float32"))
    lowered.compile(compiler_options=devices.OPTIONS[platform])
    with pytest.raises(jax.errors.JaxRuntimeError, match="No such compile option"):
        lowered.compile(compiler_options={**devices.OPTIONS[platform], "xla_gpu_no_such_option": True})


def test_no_gpu() -> None:
    with pytest.raises(UserError, match=r"--device gpu: JAX finds no such device on .*distnn\[gpu\] installed"):
        devices.take("gpu", OneRank())


def test_no_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    for name, extra in devices.EXTRAS.items():
        with pytest.raises(UserError, match=rf"--device {name} needs the package jax.*'distnn\[{extra}\]'"):
            devices.take(name, OneRank())


def test_an_old_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    import jax

    monkeypatch.delattr(jax, "enable_x64")
    with pytest.raises(UserError, match="needs a newer jax than"):
        devices.take("xla-cpu", OneRank())


def test_what_the_environment_does_to_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    import jax

    def none(backend: str) -> Any:
        raise AssertionError  # as jax does where JAX_PLATFORMS is cuda, and there is none

    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setattr(jax, "local_devices", none)
    with pytest.raises(UserError, match=r"JAX finds no such device .* It looks for JAX_PLATFORMS=cuda alone"):
        devices.take("xla-cpu", OneRank())
    with (
        jax.disable_jit(),
        pytest.raises(UserError, match="needs compiled programs, and JAX_DISABLE_JIT turns them off"),
    ):
        devices.take("xla-cpu", OneRank())


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.\nmore", TooLittleRoom, "memory .*9 bytes.*fewer rows"),
        ("INTERNAL: CUDA error: unspecified launch failure", RankError, "failed: INTERNAL: CUDA .*--resume"),
    ],
)
def test_a_failure_is_a_sentence(said: str, kind: type[Exception], words: str) -> None:
    import jax

    def fail() -> Any:
        with devices.failures(Device):
            raise jax.errors.JaxRuntimeError(said)

    with pytest.raises(kind, match=f"The device NVIDIA X 3 of .*{words}") as caught:
        fail()
    assert "\n" not in str(caught.value)
