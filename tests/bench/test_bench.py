"""The benchmark: that it runs, that its accounts are right, that its model says what it says. Nothing here is timed."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi_runner import mpirun, python
from threaded_ranks import on_ranks

from distnn.bench import measure as measurement
from distnn.bench import options as bench_options
from distnn.bench.figure import draw
from distnn.bench.floor import calls, floor
from distnn.bench.options import BenchOptions, check
from distnn.bench.peers import PEERS, Peer, Processes
from distnn.bench.prediction import Iteration, Network, fastest, message_bytes, powers, predict
from distnn.bench.prediction import measure as measure_network
from distnn.bench.rest import on_root_alone
from distnn.bench.series import NETWORKS, ROWS
from distnn.bench.split import split
from distnn.bench.timing import Entry, ratio, take_turns
from distnn.bench.workloads import WORKLOADS, Workload
from distnn.errors import UserError
from distnn.kernels import library, products
from distnn.network import network
from distnn.network.backpropagation import Backpropagation
from distnn.network.weights import weight_count
from distnn.parallel.mpi import MESSAGE
from distnn.parallel.ranks import OneRank
from distnn.parallel.reduction import ExactSum
from distnn.training.objective import Objective

QUICK = BenchOptions(quick=True)
SMALL = Workload("small", (3, 4, 2, 1), 1_700, "float64")


@pytest.mark.parametrize("name", WORKLOADS)
def test_operations_are_counted_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted by the products that backpropagation really computes, with so few rows that it spares itself none."""
    monkeypatch.setenv(library.VARIABLE, "off")
    workload = replace(WORKLOADS[name], n=8, a_rank=False)
    counted = 0

    class Counting:
        def matmul(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
            nonlocal counted
            counted += 2 * a.shape[0] * a.shape[1] * b.shape[1]
            np.matmul(a, b, out=out)

        def multiply(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
            nonlocal counted
            counted += 2 * out.size
            np.multiply(a, b, out=out)

        def __getattr__(self, name: str) -> Any:
            return getattr(np, name)

    monkeypatch.setattr(products, "np", Counting())
    engine = Backpropagation(network.Network(workload.d).initialise(), "squared", np.dtype(workload.dtype))
    (block,) = workload.examples(OneRank()).blocks
    engine.gradient(block, np.empty(sum(engine.sizes), engine.dtype))
    assert counted == workload.flops * workload.n


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_floor_is_made_of_the_same_products(name: str) -> None:
    workload, flops, tanh = WORKLOADS[name], 0, 0
    for what, call in calls(workload, 10):
        a, b = call.args if len(call.args) == 2 else (call.args[0], None)  # type: ignore[attr-defined]
        if what.startswith("tanh"):
            tanh += a.size
        else:
            flops += 2 * a.shape[0] * a.shape[1] * b.shape[1]
    assert flops == 10 * workload.flops
    assert tanh == 10 * sum(workload.d[1:])
    assert all(seconds > 0 for seconds in floor(replace(workload, n=240), 0))


def test_rows_do_not_depend_on_who_asks() -> None:
    X, Y = SMALL.rows(0, SMALL.n)
    for start, stop in ((0, 1), (499, 501), (640, 1_700), (500, 1_000)):
        x, y = SMALL.rows(start, stop)
        np.testing.assert_array_equal(x, X[start:stop])
        np.testing.assert_array_equal(y, Y[start:stop])
    assert set(np.unique(Y)) == {-1, 1}
    blocks = WORKLOADS["tiny"].on(3).examples(OneRank()).blocks
    assert sum(block.x.shape[1] for block in blocks) == 1_500


def test_examples_of_ranks_together_are_those_of_one() -> None:
    workload = replace(SMALL, n=9_000)
    whole = workload.examples(OneRank())
    assert whole.cut.count > 2
    shares = on_ranks(3, workload.examples)
    blocks = [block for share in shares for block in share.blocks]
    for mine, others in zip(whole.blocks, blocks, strict=True):
        np.testing.assert_array_equal(mine.x, others.x)
    E = Objective(Backpropagation(network.Network(workload.d), "squared"), whole, OneRank())(np.zeros(29)).E
    assert E == 1  # all outputs 0, all targets -1 or 1


@pytest.mark.parametrize("passes", ["off", *library.available()])
def test_parts_of_the_split_make_up_an_iteration(passes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(library.VARIABLE, passes)
    before = dict(vars(products))
    parts = split(SMALL, SMALL.examples(OneRank()), OneRank(), 3)
    assert min(parts.products, parts.activation, parts.reduction, parts.python) > 0
    assert parts.communication == 0
    assert 0 < parts.outside < parts.python
    assert vars(products) == before


def test_turns() -> None:
    """All are measured in each turn, not always in the same order, after a first one that is not counted.

    Calls become as long as the visit.
    """
    asked: list[tuple[str, int]] = []

    class Fake:
        def __init__(self, name: str, seconds: float):
            self.name, self.time = name, seconds

        def seconds(self, iterations: int) -> float:
            asked.append((self.name, iterations))
            return self.time

        def close(self) -> None:
            pass

    entries = [Entry("a", 1, True, Fake("a", 0.5)), Entry("b", 1, False, Fake("b", 0.1))]
    take_turns(entries, 9, OneRank(), visit=1)
    a, b = [("a", 1), ("a", 2)], [("b", 1), ("b", 10)]
    turns = [asked[start : start + 4] for start in range(0, len(asked), 4)]
    assert sorted(turns[0]) == [("a", 1), ("a", 1), ("b", 1), ("b", 1)]
    assert len(turns) == 10 and all(turn in (a + b, b + a) for turn in turns[1:])
    assert a + b in turns and b + a in turns
    assert entries[0].seconds == [0.5] * 9
    assert ratio(*entries) == pytest.approx(5)


@pytest.mark.job
def test_missing_and_failing_peers_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Peer("Missing", "no_such_package", module="missing")
    failing = Peer("Failing", "json", module="no_such_module")
    monkeypatch.setattr(measurement, "PEERS", (missing, failing))
    found = measurement.measure("tiny", QUICK, OneRank())
    assert found["left_out"]["Missing"] == "no_such_package is not installed (pip install 'distnn[peers]')"
    assert "no_such_module" in found["left_out"]["Failing"]
    assert [entry["name"] for entry in found["contenders"]] == ["distnn, exact", "distnn, plain"]


@pytest.mark.job
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_peers_compute(peer: Peer) -> None:
    if not peer.installed:
        pytest.skip(f"NOT TESTED HERE: {peer.package} is not installed: pip install 'distnn[peers]'")
    processes = Processes(peer, replace(SMALL, n=1_000), 2, sorted(measurement.cores()))
    try:
        assert len(processes.processes) == (2 if peer.parallel else 1)
        assert processes.seconds(2) > 0
        assert processes.peak_bytes > 10_000_000
    finally:
        processes.close()
    assert all(process.returncode is not None for process in processes.processes)


def test_time_of_allreduce() -> None:
    slow = Network(alpha=1.0, beta=0.1)
    assert slow.allreduce(1, 100) == 0
    assert slow.allreduce(2, 0) == 1
    assert slow.allreduce(5, 1) == pytest.approx(3 * (1 + 0.1))  # short: recursive doubling
    assert slow.allreduce(4, 1000) == pytest.approx(4 + 2 * 3 / 4 * 100)  # long: reduce-scatter and allgather
    for many, more in ((2, 0), (2, 1000), (1, 8)):
        expected = many * slow.allreduce(4, 8 * MESSAGE) + (slow.allreduce(4, more) if more else 0)
        assert slow.allreduce(4, many * 8 * MESSAGE + more) == pytest.approx(expected)


def test_prediction() -> None:
    iteration = Iteration(blocks=10, block=1.0, outside=0.5, messages=(0, 0))
    free = Network(0.0, 0.0)
    assert [iteration.strong(P, free) for P in (1, 2, 3, 10, 20)] == [10.5, 5.5, 4.5, 1.5, 1.5]
    assert {iteration.weak(P, free) for P in (1, 2, 1000)} == {10.5}
    one, three = predict(iteration, Network(0.25, 0.0), [1, 3])
    assert (one.strong_seconds, one.strong_efficiency, one.weak_efficiency) == (10.5, 1, 1)
    assert three.strong_seconds == 4 + 0.5 + 2 * 2 * 0.25
    assert three.strong_efficiency == pytest.approx(10.5 / (3 * 5.5))
    assert (three.weak_seconds, three.weak_efficiency) == (11.5, pytest.approx(10.5 / 11.5))
    assert fastest(iteration, free, 1, 4096) == 10  # each rank has a block
    assert fastest(iteration, Network(0.25, 0.0), 1, 4096) in (4, 5, 8, 10)
    assert fastest(iteration, Network(100.0, 0.0), 1, 4096) == 1
    assert powers(1, 10) == [1, 2, 4, 8, 10]
    assert powers(3, 3) == [3]


def test_sizes_of_messages_are_those_that_are_sent() -> None:
    engine = Backpropagation(network.Network((3, 4, 2)), "squared")
    sums = ExactSum(OneRank(), engine.sizes, 1, 1)
    assert message_bytes(2, engine.sizes[0] + engine.sizes[1]) == (sums.message.nbytes, sums.sum.nbytes)


@pytest.mark.parametrize(
    ("options", "size", "words"),
    [
        ({"workload": ("big",)}, 1, "no workload 'big'"),
        ({"turns": 0}, 1, "--turns"),
        ({"figure": "a.txt"}, 1, ".png, .svg or .pdf"),
        ({"alpha": 1e-6, "predict": "1..2"}, 1, "go together"),
        ({"alpha": 1e-6, "beta": 1e-9}, 1, "--predict"),
        ({"series": True, "workload": ("tiny",)}, 1, "--series is measured alone"),
        ({"predict": "1..2"}, 1, "mpirun -n 2"),
        ({"predict": "4..2"}, 2, "--predict 4..2"),
        ({"predict": "few"}, 2, "--predict few"),
        ({"predict": "1..2", "alpha": -1.0, "beta": 0.0}, 1, "--alpha -1"),
    ],
)
def test_bad_options(options: dict[str, Any], size: int, words: str) -> None:
    with pytest.raises(UserError, match=words.replace(".", r"\.")):
        check(BenchOptions(**options), size)


def test_options_that_are_fine() -> None:
    check(BenchOptions(), 1)
    check(BenchOptions(predict="1..4096"), 2)
    check(BenchOptions(predict="7", alpha=1e-6, beta=1e-10), 1)
    assert BenchOptions(predict="7").range == (7, 7)
    assert BenchOptions().names == tuple(bench_options.WORKLOADS)


def check_results(results: dict[str, Any], size: int) -> None:
    """What is in the file of --json."""
    assert results["version"] == 1
    assert results["machine"]["ranks"] == size
    assert {"cpu", "cores", "blas", "kernel", "threads", "numpy", "python", "mpi", "date"} <= results["machine"].keys()
    for name, found in results["workloads"].items():
        assert found["flops"] == found["n"] * WORKLOADS[name].flops
        exact = found["contenders"][0]
        assert (exact["name"], exact["cores"], exact["times_distnn"]) == ("distnn, exact", size, 1)
        for entry in found["contenders"]:
            assert 0 < entry["least"] <= entry["median"] <= entry["most"]
            assert len(entry["seconds"]) == 2
        assert found["floor"]["seconds"] == pytest.approx(found["floor"]["products"] + found["floor"]["tanh"])
        assert found["floor"]["distance"] == pytest.approx(exact["median"] / found["floor"]["seconds"])
        assert set(found["split"]) == {
            "products", "activation", "reduction", "communication", "python", "outside"
        }  # fmt: skip
        assert exact["peak_bytes"] > found["shard_bytes"] > 0


@pytest.mark.job
def test_command(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    arguments = ["--quick", "--no-peers", "--workload", "narrow-f64", "tiny", "--json", str(path)]
    arguments += ["--predict", "1..64", "--alpha", "2e-6", "--beta", "1e-10"]
    done = python("-m", "distnn.bench", *arguments, timeout=100)
    assert done.returncode == 0, done.stderr
    results = json.loads(path.read_text())
    check_results(results, 1)
    assert list(results["workloads"]) == ["narrow-f64", "tiny"]
    prediction = results["workloads"]["narrow-f64"]["prediction"]
    assert [row["ranks"] for row in prediction["rows"]] == [1, 2, 4, 8, 16, 32, 64]
    assert (prediction["alpha"], prediction["beta"]) == (2e-6, 1e-10)
    assert 1 <= prediction["fastest"] <= results["workloads"]["narrow-f64"]["blocks"]
    for words in (
        "narrow-f64: d = [30, 30, 30, 1]",
        "floor: ",
        "split: products ",
        "memory: ",
        "BLAS thread",
        "ranks do not pay",
    ):
        assert words in done.stdout


@pytest.mark.job
def test_command_on_two_ranks(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    arguments = ["--quick", "--no-peers", "--workload", "tiny", "--json", str(path), "--predict", "1..8"]
    done = mpirun(2, "-m", "distnn.bench", *arguments, timeout=100)
    assert done.returncode == 0, done.stderr
    results = json.loads(path.read_text())
    check_results(results, 2)
    tiny = results["workloads"]["tiny"]
    assert tiny["n"] == 1000
    assert [entry["cores"] for entry in tiny["contenders"]] == [2, 2, 1]
    assert tiny["split"]["communication"] > 0
    assert tiny["prediction"]["alpha"] > 0
    assert [check["ranks"] for check in tiny["prediction"]["here"]] == [2, 1]
    assert "here, 1 rank: " in done.stdout


@pytest.mark.job
def test_series(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    done = python("-m", "distnn.bench", "--series", "--quick", "--json", str(path), timeout=100)
    assert done.returncode == 0, done.stderr
    results = json.loads(path.read_text())
    assert results["workloads"] == {}
    points = results["series"]
    assert [(point["n"], point["dtype"]) for point in points[:4]] == [
        (n, dtype) for dtype in ("float64", "float32") for n in (1000, 10_000)
    ]
    assert {point["n"] for point in points[4:]} == {20_000}
    assert points[1]["weights"] == 31 * 30 + 31 * 30 + 31
    assert [point["shard_bytes"] for point in points[:2]] == [(31 + 1) * n * 8 for n in (1000, 10_000)]
    assert [2 * point["shard_bytes"] for point in points[2:4]] == [point["shard_bytes"] for point in points[:2]]
    for point in points:
        assert point["seconds"] > 0
        assert point["peak_bytes"] > point["shard_bytes"]
        assert f"{point['n']:,}" in done.stdout


def test_series_reaches_what_is_promised() -> None:
    assert (ROWS[0], ROWS[-1]) == (10**3, 10**7)
    assert [round(math.log10(weight_count(d))) for d in NETWORKS] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.job
def test_wrong_use_is_a_sentence(tmp_path: Path) -> None:
    done = python("-m", "distnn.bench", "--workload", "big")
    assert done.returncode == 2
    assert done.stderr.startswith("distnn: There is no workload 'big'.")
    done = python(
        "-m", "distnn.bench", "--quick", "--no-peers", "--workload", "tiny", "--json", str(tmp_path / "no" / "a")
    )
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "PEERS", ())
    results = {
        "workloads": {"tiny": measurement.measure("tiny", QUICK, OneRank())},
        "machine": {"cpu": "a CPU", "cores": 2, "date": "today"},
    }
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(UserError, match=r"pip install 'distnn\[peers\]'"):
            draw(results, str(tmp_path / "a.svg"))
    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("NOT TESTED HERE: matplotlib is not installed: pip install 'distnn[peers]'")
    draw(results, str(tmp_path / "a.svg"))
    assert "distnn, exact" in (tmp_path / "a.svg").read_text()
    with pytest.raises(UserError, match="cannot be written"):
        draw(results, str(tmp_path / "no" / "a.svg"))


@pytest.mark.mpi(min_size=2)
def test_errors_on_rank_0_reach_all_while_they_rest(ranks: Any) -> None:
    def work() -> str:
        if fails:
            raise UserError("no")
        return "yes"

    for fails in (False, True, False):
        if fails:
            with pytest.raises(UserError, match="no"):
                on_root_alone(ranks, work)
        else:
            assert on_root_alone(ranks, work) == "yes"


@pytest.mark.mpi(min_size=2)
def test_alpha_and_beta_are_measured(ranks: Any) -> None:
    found = measure_network(ranks, repeats=5)
    assert found.alpha > 0
    assert found.beta >= 0
    assert ranks.gather(found) == [found] * ranks.size
