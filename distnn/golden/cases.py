"""The trainings of the golden table: every optimizer, dtype and error, and what else changes what is computed.

A changed hash is a changed format: it goes into the changelog, with the reason, and `ARITHMETIC` of kernels/algebra.py
is raised, unless an optimizer alone takes other steps. To add a case: a line in `CASES`, and `python -m distnn.golden`
writes the table anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from distnn.data.tables.arrays import ArraySource
from distnn.network.activations import ACTIVATIONS
from distnn.network.arithmetic import numbers
from distnn.optimizers import OPTIMIZERS
from distnn.parallel import replicas
from distnn.parallel.ranks import OneRank
from distnn.runs.assembly import Assembly, assemble
from distnn.runs.options import Options
from distnn.training.progress import Progress
from distnn.training.termination import compare

STEPS = 6
ROWS = 300
TASKS = ("numbers", "classes", "yes or no")  # squared error, softmax, logistic


@dataclass(frozen=True)
class Case:
    """A training. task: one of TASKS. options: of the training. weighted: whether rows have weights.

    resumed: whether it stops half-way, and another process would go on with its state.
    """

    name: str
    task: str = "numbers"
    options: dict[str, Any] = field(default_factory=dict)
    weighted: bool = False
    resumed: bool = False
    rows: int = ROWS


def _cases() -> list[Case]:
    found = []
    for optimizer, dtype in product(OPTIMIZERS, ("float64", "float32")):
        found.append(Case(f"{optimizer} {dtype}", options={"optimizer": optimizer, "dtype": dtype}))
    for task, dtype in product(TASKS[1:], ("float64", "float32")):
        for optimizer in ("lbfgs", "truncated-newton", "adam"):
            found.append(Case(f"{task} {optimizer} {dtype}", task, {"optimizer": optimizer, "dtype": dtype}))
    for hidden in ((), (1,), (5, 4), (9, 8, 7, 6), (70,), (67, 3)):
        for optimizer in ("lbfgs", "levenberg-marquardt" if sum(hidden) < 40 else "truncated-newton"):
            name = f"hidden {'-'.join(map(str, hidden)) or 'none'} {optimizer}"
            found.append(Case(name, options={"hidden": hidden, "optimizer": optimizer}))
    for theta in (theta.name for theta in ACTIVATIONS.values() if theta.chain is not None and theta.name != "tanh"):
        for optimizer in ("lbfgs", "truncated-newton") if ACTIVATIONS[theta].bend is not None else ("lbfgs",):
            found.append(Case(f"theta {theta} {optimizer}", options={"theta": theta, "optimizer": optimizer}))
    for optimizer in ("lbfgs", "levenberg-marquardt"):
        decay = {"optimizer": optimizer, "weight_decay": 1e-3}
        found.append(
            Case(f"weights, decay and validation {optimizer}", options={**decay, "validation": 0.2}, weighted=True)
        )
        found.append(Case(f"resumed {optimizer}", options={"optimizer": optimizer}, resumed=True))
    found += [
        Case("bayesian, one noise", options={"optimizer": "bayesian", "noise": "one"}),
        Case("cosine, clipped", options={"optimizer": "sgd", "schedule": "cosine", "decay_steps": 5, "clip": 0.1}),
        Case("decay by steps", options={"optimizer": "adam", "schedule": "step", "decay_steps": 2}),
        Case("transformed", options={"optimizer": "lbfgs", "transform": ("y1=log1p",)}),
        Case("intervals", options={"optimizer": "lbfgs", "intervals": "all", "weight_decay": 1e-3}),
        Case("intervals of classes", "classes", {"optimizer": "lbfgs", "intervals": "all"}),
        Case("blocks", options={"optimizer": "lbfgs"}, rows=5000),
    ]
    return found


CASES = {case.name: case for case in _cases()}


def digest(case: Case) -> str:
    """A hash of the weights, the optimizer's state, the last record's errors, and predictions: 16 digits. Local."""
    options = Options(hidden=(6, 5), seed=3)
    known = {**vars(options), **case.options}
    assembly = assemble(Options(**known), _table(case), OneRank())
    progress = assembly.begin()
    for steps in (STEPS // 2, STEPS) if case.resumed else (STEPS,):
        for _ in assembly.iterations(progress, until=compare("t", ">=", steps)):
            pass
        if case.resumed:
            state = type(progress.state).restore(progress.state.tensors())
            progress = replace(progress, state=state, reason=None)
    return replicas.digest({**progress.state.tensors(), **_rest(assembly, progress)})


def _rest(assembly: Assembly, progress: Progress) -> dict[str, np.ndarray]:
    record = progress.record
    assert record is not None
    found = {"errors": np.array([record.E_in, record.E_val, record.gradient_norm, record.step])}
    if unknown := assembly.learn_certainty(progress):
        raise ValueError(unknown)
    model, engine = assembly.model, assembly.objective.backpropagation
    engine.load(progress.state.w)
    found["outputs"] = engine.outputs(assembly.examples.blocks[0].x)
    if model.certainty is not None and model.certainty.noise.size:
        found["variances"] = model.certainty.variances(engine, assembly.examples.blocks[0])
    elif model.certainty is not None:
        found["factor"] = model.certainty.T
    return found


def _table(case: Case) -> ArraySource:
    """Rows that depend on integers alone: of 3 inputs."""
    columns = numbers(5 * case.rows, 0).reshape(-1, 5)
    X, noise = columns[:, :3], 0.1 * columns[:, 4]
    y = X[:, 0] * X[:, 1] - X[:, 2] * X[:, 2] + noise
    Y: np.ndarray
    if case.task == "classes":
        Y = np.array(["a", "b", "c"])[1 + (y > 0.2).astype(int) - (y < -0.2)]
    elif case.task == "yes or no":
        Y = np.where(y > 0, "yes", "no")
    else:
        Y = np.column_stack([y + 3, X[:, 1] - y])
    weights = np.arange(case.rows) % 3 + 0.5 if case.weighted else None
    return ArraySource(X, Y, weights, OneRank())
