"""All sums of an objective, computed by XLA: the CPU's values, and one hash for any ranks, devices and order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression, words
from threaded_ranks import on_ranks, outcomes

from distnn import train
from distnn.errors import RankError, UserError
from distnn.parallel.environment import compare_ranks, compare_times
from distnn.parallel.ranks import OneRank, Ranks
from distnn.parallel.simulated import SimulatedRanks

DEVICE = os.environ.get("DISTNN_TEST_DEVICE", "xla-cpu")  # tests/device/run.sh says so where there is a GPU
X, Y = regression(600, m=2)
WEIGHTS = np.random.default_rng(0).random(600)
WEIGHTS[5] = 0
LABELS = words(400)
SQUARED = {"hidden": (5, 4), "validation": 0.1, "test": 0.1, "batch_size": 30}
CASES: dict[str, tuple[Any, dict[str, Any], float]] = {  # table, options, and how close float32 and float64 have to be
    "squared": ((X, Y, WEIGHTS), SQUARED, 1e-12),
    "squared-float32": (
        (X, Y, WEIGHTS),
        {**SQUARED, "theta": "relu", "output_theta": "tanh", "dtype": "float32"},
        1e-5,
    ),
    "softmax": ((*LABELS, None), {"hidden": (4,), "error": "cross-entropy", "weight_decay": 0.1}, 1e-12),
    "logistic": ((LABELS[0], (Y[:400, :1] > 10) * 1.0, None), {"hidden": (3,), "theta": "logistic"}, 1e-12),
}
CASES["logistic"][1].update(error="cross-entropy", output_theta="logistic", classes=False)


def objectives(case: str) -> tuple[Any, Any, np.ndarray]:
    """That of the CPU, that of the device, and weights."""
    table, options, _ = CASES[case]
    here, there = (assembled(OneRank(), *table, **options, device=device) for device in ("cpu", DEVICE))
    return here.objective, there.objective, here.model.network.w


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("case", CASES)
def test_the_values_of_the_cpu(case: str) -> None:
    here, there, w = objectives(case)
    v, shares, close = 1e3 * np.sin(np.arange(len(w))), np.array([2.0, 0.25]), CASES[case][2]

    def same(of: Any) -> None:
        found, expected = np.asarray(of(there), np.float64), np.asarray(of(here), np.float64)
        np.testing.assert_allclose(found, expected, rtol=close, atol=close * np.abs(expected).max())
        assert np.abs(expected).max() > 0

    same(lambda objective: [*objective(w).G, objective(w).E, objective.error(w)])
    same(lambda objective: objective.hessian_product(w, v))
    same(lambda objective: objective.gauss_newton(w))
    if case == "squared-float32":
        same(lambda objective: objective.sample(w, 3).G)
        same(lambda objective: objective.acceleration(w, v, shares))
    if case == "squared":
        T = np.cos(np.arange(len(w) ** 2)).reshape(len(w), -1)
        same(lambda objective: [objective.validation_error(w), objective.test_error(w)])
        same(lambda objective: [*objective.sample(w, 3).G, objective.sample(w, 4).E])
        same(lambda objective: [*objective(w, shares).G, objective(w, shares).E])
        same(lambda objective: objective.gauss_newton(w, shares))
        same(lambda objective: objective.acceleration(w, v, shares))
        same(lambda objective: objective.output_errors(w))
        same(lambda objective: objective.output_lengths(w, T))
        same(lambda objective: objective.gauss_newton(w, last=True))
        size = here.gauss_newton(w, last=True).shape[0]
        same(lambda objective: objective.output_lengths(w, T[:size, :size], last=True))


def bits(ranks: Ranks, case: str, counts: Sequence[int] | None = None, all_sums: bool = True) -> tuple[Any, ...]:
    """What an objective says, as comparable bits, if not of all sums, of the gradient."""
    table, options, _ = CASES[case]
    assembly = assembled(ranks, *table, counts=counts, **options, device=DEVICE)
    objective, w = assembly.objective, assembly.model.network.w
    assert compare_ranks(assembly.environment(), ranks) is None
    found = []
    for of in (objective, objective.on(SimulatedRanks(ranks, 13))):  # the latter in random order
        E, G = of(w)
        found.append([E, G.tobytes()])
        if all_sums:
            found[-1] += [of.error(w), of.hessian_product(w, w).tobytes()]
        if all_sums and "batch_size" in options:
            found[-1] += [of.sample(w, 2).G.tobytes(), of.validation_error(w)]
    assert found[0] == found[1]
    return tuple(found[0])


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("case", "counts"), [("squared", [599, 1]), ("squared-float32", [0, 595, 5])])
def test_one_hash_for_any_number_of_ranks(case: str, counts: list[int]) -> None:
    """On devices of their own, with uneven shards and ranks without rows."""
    every = case == "squared"  # a program is compiled for each sum, device and number of blocks: half a second
    expected = bits(OneRank(), case, all_sums=every)
    assert set(on_ranks(len(counts), lambda ranks: bits(ranks, case, counts, every))) == {expected}


@pytest.mark.usefixtures("small_blocks")
def test_one_hash_for_any_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = bits(OneRank(), "softmax", all_sums=False)
    monkeypatch.setattr("distnn.accelerator.rows.CHUNK_BYTES", 1000)  # a few blocks of 5 rows
    assert bits(OneRank(), "softmax", all_sums=False) == expected


def test_nan_and_overflow_end_as_on_the_cpu(small_blocks: None) -> None:
    here, there, w = objectives("softmax")
    for value in (np.nan, np.inf, 1e300):
        bad = w.copy()
        bad[0] = value
        found, expected = there(bad), here(bad)
        assert np.isnan(found.E) == np.isnan(expected.E) and np.isnan(found.G).any() == np.isnan(expected.G).any()
    assert np.isfinite(there(w).G).all()


def test_a_device_that_is_not_the_same_twice_is_refused(small_blocks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from distnn.accelerator import terms

    honest, calls = terms.DeviceTerms.add, []

    def unsteady(self: Any, magic: np.ndarray, total: np.ndarray) -> Any:
        calls.append(1)
        largest = honest(self, magic, total)
        total += len(calls) // 3  # the third time, at another place, the last bit is another
        return largest

    monkeypatch.setattr(terms.DeviceTerms, "add", unsteady)
    with pytest.raises(UserError, match="another gradient each time, or in another place: no bits could be promised"):
        assembled(OneRank(), X, Y, WEIGHTS, **SQUARED, device=DEVICE)


@pytest.mark.parametrize(
    ("said", "kind", "sentence"),
    [
        ("INTERNAL: it is gone", RankError, r"failed: INTERNAL: it is gone\. The last checkpoint is kept"),
        ("RESOURCE_EXHAUSTED: 9 bytes", UserError, r"too little memory \(RESOURCE.*9 bytes.*A checkpoint is kept"),
    ],
)
def test_a_device_that_is_lost_leaves_a_checkpoint_to_go_on_from(
    said: str, kind: type[Exception], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jax

    from distnn.accelerator.programs import Compiled, DeviceTerms

    np.save(tmp_path / "table.npy", np.column_stack([X, Y[:, :1]]))

    def run(name: str, *more: str) -> bytes:
        out = tmp_path / name
        assert train.main(OneRank(), [*more, "--out", str(out), "--max-iterations", "6", "--quiet"]) == 0
        return (out / "model.safetensors").read_bytes()

    options = ["--data", str(tmp_path / "table.npy"), "--hidden", "4", "--optimizer", "lbfgs", "--device", DEVICE]
    expected = run("straight", *options)
    honest, calls = DeviceTerms.add, []

    def lost(*arguments: Any) -> Any:
        raise jax.errors.JaxRuntimeError(said)

    def add(self: DeviceTerms, magic: np.ndarray, total: np.ndarray) -> Any:
        calls.append(1)
        if len(calls) > 9:
            self.program = Compiled(lost, *self.program[1:])
        return honest(self, magic, total)

    with monkeypatch.context() as patch:
        patch.setattr(DeviceTerms, "add", add)
        with pytest.raises(kind, match=sentence):
            run("lost", *options, "--checkpoint-every", "1")
    assert run("lost", "--resume") == expected


def test_the_environment_names_the_device(small_blocks: None) -> None:
    table, options, _ = CASES["softmax"]
    record = assembled(OneRank(), *table, **options, device=DEVICE).environment()
    plain = assembled(OneRank(), *table, **options).environment()
    assert set(record) - set(plain) == {"device", "xla", "device_program", "device_gradient"}
    assert "jax" in record["xla"] and "xla_force_host" in record["xla"]
    assert "differ in device (none, XLA on" in str(compare_times(plain, record))


def test_ranks_with_different_devices_are_refused(small_blocks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from distnn.accelerator import devices

    monkeypatch.setattr(devices, "describe", lambda device: {"device": f"kind {device.id}", "xla": "the same"})
    for error in outcomes(2, lambda ranks: assembled(ranks, X, Y, WEIGHTS, **SQUARED, device="xla-cpu")):
        assert isinstance(error, UserError)
        assert "ranks 0 and 1 differ in device (kind " in str(error)
        assert "use devices of the same kind" in str(error)


def test_ranks_with_different_programs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a sum is asked for in the middle of a training."""
    from distnn.accelerator import terms

    honest = terms.compiled

    def compiled(name: str, m: Any, shape: Any, device: Any, more: Any) -> Any:
        found = honest(name, m, shape, device, more)
        return found._replace(digest=str(device)) if name == "error" else found

    monkeypatch.setattr(terms, "compiled", compiled)

    def error(ranks: Ranks) -> float:
        assembly = assembled(ranks, X, Y, hidden=(3,), device="xla-cpu")
        return float(assembly.objective.error(assembly.model.network.w))

    for found in outcomes(2, error):
        assert isinstance(found, UserError)
        assert "ranks 0 and 1 differ in device_program (" in str(found)


def test_rows_beyond_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from distnn import accelerator

    assembly = assembled(OneRank(), X, Y, hidden=(3,))
    examples = replace(assembly.examples)
    examples.in_files = 1
    with pytest.raises(UserError, match="keeps all rows in memory, where they do not fit: raise --memory"):
        accelerator.connect(DEVICE, "full", assembly.model.network, "squared", "float64", examples, OneRank())
