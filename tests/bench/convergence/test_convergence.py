"""The benchmark of convergence: all contenders minimise the same E_in, and the tables say what was recorded."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mpi_runner import python

from distnn import Network, UserError
from distnn.bench import contender as contenders
from distnn.bench.convergence.__main__ import main
from distnn.bench.convergence.least_squares import forward, outputs_jacobian
from distnn.bench.convergence.problems import PROBLEMS, Instance, teacher
from distnn.bench.convergence.race import RACERS, Racer, race
from distnn.bench.convergence.report import ratios
from distnn.bench.convergence.trace import Finished, Point, Trace
from distnn.parallel.ranks import OneRank

OURS = ["distnn lbfgs", "distnn levenberg-marquardt"]


def error(instance: Instance) -> float:
    """E_in at the initial weights, as the definition has it."""
    network = Network(instance.d, output_theta=instance.output_theta)
    network.w[:] = instance.w
    x, y = network(instance.X), instance.Y
    if instance.error == "squared":
        return float(((x - y) ** 2).sum() / len(y))
    if instance.output_theta == "softmax":
        return float(-(y * np.log(x)).sum() / len(y))
    return float(-(y * np.log(x) + (1 - y) * np.log(1 - x)).sum() / len(y))


def test_distnn_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(contenders, "find_spec", lambda package: None)
    file = tmp_path / "numbers.json"
    arguments = ["--quick", "--seeds", "2", "--json", str(file), "--problem", "xor", "teacher", "digits"]
    assert main(OneRank(), arguments) == 0
    said = capsys.readouterr().out
    for peer in ("scikit-learn", "torch", "scipy"):
        assert f"{peer} is not installed: left out." in said
    assert "digits: left out, since it needs scikit-learn." in said
    report = json.loads(file.read_text())
    assert list(report["problems"]) == ["xor", "teacher"]
    assert list(report["problems"]["xor"]["contenders"]) == OURS[:1]
    assert list(report["problems"]["teacher"]["contenders"]) == OURS
    for name, problem in report["problems"].items():
        for contender, runs in problem["contenders"].items():
            assert len(runs) == 2 and f"| {contender} |" in said
            for seed, found in enumerate(runs):
                start = error(replace(PROBLEMS[name], rows=500).instance(seed))
                assert found["first"] == pytest.approx(start, rel=1e-12)
                evaluations, seconds = 0.0, 0.0
                for goal, point in zip(problem["goals"], found["goals"], strict=True):
                    assert (point is None) == (found["end"][2] > goal)
                    if point is not None:
                        assert point[2] <= goal and point[0] >= max(1, evaluations) and point[1] >= seconds
                        evaluations, seconds = point[:2]
    assert report["problems"]["teacher"]["contenders"][OURS[0]][0]["goals"][0] is not None


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_contender_minimises_the_same_function(name: str) -> None:
    """`race` itself compares E_in at the initial weights; the gradients are right if E_in falls."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    problem = replace(PROBLEMS[name], rows=300, goals=(1e-9,), seconds=0.03)
    racers = [c for c in RACERS if c.suits(problem) and c.installed]
    traces = dict(race(problem, [0], racers))
    assert {"distnn lbfgs", "scikit-learn L-BFGS"} <= traces.keys()
    assert ("scipy least_squares trf" in traces) == (problem.error == "squared" and problem.weights <= 300)
    for trace in traces.values():
        assert trace.points[-1].E < trace.first == pytest.approx(error(problem.instance(0)), rel=1e-9)


def test_another_function_is_found_out() -> None:
    half = Racer("half", run=lambda instance, trace: trace.note(error(instance) / 2, 1))
    problem = replace(PROBLEMS["xor"], rows=100, seconds=0.01)
    with pytest.raises(RuntimeError, match="half begins at"):
        list(race(problem, [0], [RACERS[0], half]))


def test_jacobian() -> None:
    """Against differences, with two outputs."""
    generator = np.random.default_rng(0)
    network = Network([3, 4, 5, 2], output_theta="identity").initialise(0)
    X = generator.normal(size=(6, 3))
    instance = Instance(X, np.zeros((6, 2)), network.d, "identity", "squared", network.w)
    np.testing.assert_allclose(forward(network.w, instance)[-1], network(X), rtol=1e-12)
    steps = 1e-6 * np.eye(network.w.size)
    columns = [(forward(network.w + s, instance)[-1] - forward(network.w - s, instance)[-1]).ravel() for s in steps]
    np.testing.assert_allclose(outputs_jacobian(network.w, instance), np.column_stack(columns) / 2e-6, atol=1e-8)


def test_initial_weights_and_data_differ_by_seed() -> None:
    for name in ("xor", "teacher", "smooth"):
        problem = replace(PROBLEMS[name], rows=50)
        one, again, other = problem.instance(0), problem.instance(0), problem.instance(1)
        assert (one.w == again.w).all() and (one.X == again.X).all() and (one.Y == again.Y).all()
        assert (one.w != other.w).any() and (one.X != other.X).any()


def test_the_answer_of_a_noisy_teacher() -> None:
    """E_in of the teacher's own weights is the noise's variance, as the table says."""
    X, clean = teacher(5, 8, 1)(3, 4000)
    X_again, noisy = PROBLEMS["noisy-teacher"].data(3, 4000)
    assert (X_again == X).all()
    assert ((noisy - clean) ** 2).mean() == pytest.approx(0.01, rel=0.1)


def test_trace() -> None:
    trace = Trace(until=0.1, limit=1e9)
    trace.start()
    for evaluations, E in enumerate([3.0, 5.0, math.nan, 2.0, 1.0], 1):
        trace.note(E, evaluations)
    assert trace.first == 3 and [point.E for point in trace.points] == [3, 2, 1]
    found = trace.reached(2.5)
    assert found is not None and found.evaluations == 4 and trace.reached(0.5) is None
    assert trace.after(math.inf) == 1 and trace.after(-1) == math.inf
    with pytest.raises(Finished):
        trace.note(0.1, 6)
    late = Trace(until=0, limit=-1)
    with pytest.raises(Finished):
        late.note(1.0, 1)
    assert [point.E for point in late.points] == [1]


def test_ratios() -> None:
    ten, five = Point(10, 1.0, 0.1), Point(5, 1.0, 0.1)
    pairs = [(ten, five), (None, five), (ten, None), (None, None)]
    assert ratios(pairs, lambda point: point.evaluations) == [2, math.inf, 0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--problem", "chess"], "--problem chess: there is no such problem. Choose from: xor"),
        (["--seeds", "0"], "--seeds 0: give at least 1"),
        (["--json", "/nowhere/numbers.json"], "--json /nowhere/numbers.json: its folder does not exist"),
        (["--fast"], "--fast"),
    ],
)
def test_bad_options(arguments: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        main(OneRank(), arguments)


@pytest.mark.job
def test_every_contender_has_one_thread() -> None:
    """Also the first one that loads a BLAS of its own."""
    program = """
from threadpoolctl import threadpool_info
from distnn.bench.convergence.problems import PROBLEMS
from distnn.bench.convergence.race import RACERS, run
from distnn.bench.convergence.trace import Trace
(contender,) = (c for c in RACERS if c.name == "scikit-learn L-BFGS")
run(contender, PROBLEMS["xor"].instance(0), Trace(0.0, 0.01))
print(*(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"))
"""
    done = python("-c", program, env={"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": None, "MKL_NUM_THREADS": None})
    assert done.returncode == 0, done.stderr
    threads = done.stdout.split()
    assert len(threads) > 1, "scikit-learn brings no BLAS of its own: this test shows nothing"
    assert set(threads) == {"1"}
