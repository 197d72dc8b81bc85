"""`python -m distnn.bench.certainty [SEEDS [FIGURE]]`: do 95 % intervals contain what they should?

Four known functions with noise, 20 tables of each unless told otherwise, each fitted by Bayesian regularisation with
the number of hidden units that the evidence prefers. Counted is how often the function itself, and a new observation,
lie within their intervals at 2,000 new points of the same distribution. Then the same of small tables, ten times as
many, of a straight line and of nothing but noise; and the probabilities of classes (class_certainty.py). FIGURE: a file
for a picture of a function of one variable with a gap in its rows, .png, .svg or .pdf.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from distnn.api import fit
from distnn.bench import class_certainty, drawing
from distnn.bench.rest import refuse_several
from distnn.command_line.console import table
from distnn.command_line.program import run
from distnn.errors import UserError
from distnn.inference.model import Model
from distnn.parallel.ranks import OneRank, Ranks
from distnn.report.style import begin

SEEDS, NEW, PROBABILITY = 20, 2000, 0.95
UNITS = (2, 3, 4, 6)  # hidden ones, of which the evidence chooses
SMALL, TIMES = (8, 12, 20, 50), 10  # rows of small tables, and how many times as many tables there are
LINES = {"a straight line": (1.0, -2.0, 0.5), "nothing but noise": (0.0, 0.0, 0.0)}  # the slopes by three inputs
WAYS: dict[str, dict[str, Any]] = {
    "--optimizer bayesian": {"hidden": (), "optimizer": "bayesian", "intervals": "all"},
    "no option": {},
}
Draw = Callable[[np.random.Generator, int], np.ndarray]


class Problem(NamedTuple):
    """A known function: n rows; inputs(generator, n): n × d; f of them; noise(generator, n), of deviation 0.1 or so."""

    words: str
    n: int
    inputs: Draw
    f: Callable[[np.ndarray], np.ndarray]
    noise: Draw


def normal(generator: np.random.Generator, n: int) -> np.ndarray:
    return 0.1 * generator.normal(size=n)


def uniform(generator: np.random.Generator, n: int) -> np.ndarray:
    return generator.uniform(-1, 1, (n, 2))


PROBLEMS = {
    "smooth": Problem(
        "sin(3 a) b, 200 rows, uniform inputs, normal noise",
        200,
        uniform,
        lambda X: np.sin(3 * X[:, 0]) * X[:, 1],
        normal,
    ),
    "few rows": Problem(
        "the same with 68 rows, 4 for each of 17 weights",
        68,
        uniform,
        lambda X: np.sin(3 * X[:, 0]) * X[:, 1],
        normal,
    ),
    "uneven inputs": Problem(
        "exp(-a²) + b / 2, 200 rows, inputs crowded around 0 (normal, cubed)",
        200,
        lambda generator, n: generator.normal(size=(n, 2)) ** 3 / 4,
        lambda X: np.exp(-(X[:, 0] ** 2)) + X[:, 1] / 2,
        normal,
    ),
    "heavy tails": Problem(
        "tanh(2 a) - b², 200 rows, Student's noise with 3 degrees of freedom",
        200,
        uniform,
        lambda X: np.tanh(2 * X[:, 0]) - X[:, 1] ** 2,
        lambda generator, n: 0.06 * generator.standard_t(3, size=n),
    ),
}


def line(name: str, n: int) -> Problem:
    """One of LINES; noise explains a sixth of y's variance, where there are slopes."""
    return Problem(
        f"{name}, {n} rows, normal inputs and noise",
        n,
        lambda generator, n: generator.normal(size=(n, 3)),
        lambda X: 5 + X @ LINES[name],
        lambda generator, n: generator.normal(size=n),
    )


class Coverage(NamedTuple):
    """Shares of the new points at which the function, and an observation, lay within; the units that were chosen."""

    function: float
    observation: float
    units: int


Fitted = Callable[[np.ndarray, np.ndarray], tuple[Model, int]]


def chosen(X: np.ndarray, y: np.ndarray, units: Sequence[int] = UNITS) -> tuple[Model, int]:
    """The model with the highest evidence, and its hidden units."""
    fits = [fit(X, y, hidden=(u,), optimizer="bayesian", intervals="all", comm=OneRank()) for u in units]
    best = max(range(len(fits)), key=lambda i: fits[i].records[-1].evidence)
    return fits[best].model, units[best]


def covered(problem: Problem, seed: int, fitted: Fitted | None = None) -> Coverage:
    """What the intervals contain of one table: nothing, NaN, if there are none. fitted: if not as `chosen` does."""
    generator = np.random.default_rng(seed)
    X, new = problem.inputs(generator, problem.n), problem.inputs(generator, NEW)
    truth = problem.f(new)
    observed = truth + problem.noise(generator, NEW)
    model, units = (fitted or chosen)(X, problem.f(X) + problem.noise(generator, problem.n))
    if model.certainty is None:
        return Coverage(np.nan, np.nan, units)
    lower, upper, new_lower, new_upper = model.bounds(new, PROBABILITY)[:, 0].T
    function = float(np.mean((lower <= truth) & (truth <= upper)))
    return Coverage(function, float(np.mean((new_lower <= observed) & (observed <= new_upper))), units)


def shares(found: Sequence[Coverage]) -> list[str]:
    """Mean, least and most over tables, in percent: of the function, and of a new observation."""
    cells = []
    for of_tables in zip(*(entry[:2] for entry in found), strict=True):
        share = 100 * np.array(of_tables)
        cells.append(f"{share.mean():.1f} % ({share.min():.1f} to {share.max():.1f})")
    return cells


def measured(seeds: int) -> list[tuple[str, ...]]:
    """A line for each problem."""
    lines = []
    for name, problem in PROBLEMS.items():
        found = [covered(problem, seed) for seed in range(seeds)]
        lines.append((name, problem.words, *shares(found), " ".join(str(entry.units) for entry in found)))
    return lines


def measured_of_few_rows(tables: int) -> list[tuple[str, ...]]:
    """A line for each of LINES, WAYS and SMALL; the last column counts tables that were left without intervals."""
    lines = []
    for (way, options), name in product(WAYS.items(), LINES):

        def fitted(X: np.ndarray, y: np.ndarray, options: dict[str, Any] = options) -> tuple[Model, int]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that there are none
                return fit(X, y, comm=OneRank(), **options).model, 0

        for n in SMALL:
            found = [covered(line(name, n), seed, fitted) for seed in range(tables)]
            known = [entry for entry in found if not np.isnan(entry.function)]
            cells = shares(known) if known else ["", ""]
            lines.append((name, way, str(n), *cells, str(tables - len(known))))
    return lines


def draw(path: str) -> None:
    """A function of one variable, its rows, and its intervals in a gap and outside. UserError if it cannot be drawn."""
    drawing.check(path, "FIGURE")
    figure = begin(7, 3.6)
    generator = np.random.default_rng(0)
    x = np.concatenate([generator.uniform(-2, -0.7, 40), generator.uniform(0.5, 2, 40)])
    y = np.sin(2 * x) + normal(generator, len(x))
    model, _ = chosen(x[:, None], y)
    along = np.linspace(-3.5, 3.5, 400)
    lower, upper, new_lower, new_upper = model.bounds(along[:, None], PROBABILITY)[:, 0].T
    axes = figure.add_subplot()
    axes.fill_between(along, new_lower, new_upper, color="tab:blue", alpha=0.15, label="95 % of a new observation")
    axes.fill_between(along, lower, upper, color="tab:blue", alpha=0.35, label="95 % of the function")
    axes.plot(along, model(along[:, None])[:, 0], color="tab:blue", label="the model")
    axes.plot(along, np.sin(2 * along), color="black", linestyle=":", label="sin(2 x)")
    axes.plot(x, y, ".", color="tab:orange", label="80 rows")
    axes.set(xlabel="x", ylabel="y", ylim=(-4, 4))
    axes.legend(fontsize=8, ncols=3, loc="upper center")
    drawing.write(figure, path, "FIGURE")


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Measure, and print tables. Returns the exit code. UserError for bad arguments, or several ranks."""
    refuse_several(ranks, "distnn.bench.certainty")
    seeds, *figures = arguments or [str(SEEDS)]
    if not seeds.isdecimal() or len(figures) > 1:
        raise UserError(
            "python -m distnn.bench.certainty takes a number of tables and the name of a figure, or neither."
        )
    for figure in figures:
        draw(figure)
    if int(seeds):
        names = ("", "function, rows, noise", "function", "new observation", "hidden units by evidence")
        table(f"Within their 95 % intervals; mean (least to most) of {seeds} tables.", names, measured(int(seeds)))
        of_lines = ("", "", "rows", "function", "new observation", "without")
        title = f"Within their 95 % intervals, three inputs and few rows, {TIMES * int(seeds)} tables."
        table(title, of_lines, measured_of_few_rows(TIMES * int(seeds)))
        errors, lines = class_certainty.measured(int(seeds))
        names = ("", "calibration error: plain", "averaged", "distance to the truth: plain", "averaged")
        table(f"Probabilities of three classes, {seeds} tables.", names, errors)
        table("What is said, and what is so.", ("", "", "said", "is so", "of all"), lines)
    return 0


if __name__ == "__main__":
    run(main)
