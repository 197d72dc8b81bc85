"""What a training would do, before it does it: shards, blocks, weights, memory and operations."""

from __future__ import annotations

import tempfile
from itertools import pairwise

import numpy as np

from distnn.command_line.console import pairs
from distnn.data.tables import Source
from distnn.kernels import library
from distnn.kernels.memory import amount
from distnn.network.second_order.gauss_newton import PART_BYTES
from distnn.network.second_order.propagation import memory as memory_for_blocks
from distnn.network.weights import weight_count
from distnn.optimizers import Optimizer
from distnn.optimizers.bayesian import Bayesian
from distnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from distnn.optimizers.truncated_newton import TruncatedNewton
from distnn.parallel.reduction import KEPT_BYTES
from distnn.runs import certainty
from distnn.runs.defaults import foreseen
from distnn.runs.options import Options, optimizer, with_optimizer
from distnn.runs.plan import Plan
from distnn.training.curvature import Choice
from distnn.words import many


def show(options: Options, source: Source, planned: Plan, ranks: int, memory: int) -> None:
    """Print the plan of a training on so many ranks. memory: bytes that the rows of rank 0 may take. Local.

    UserError, at the end, where it would be refused for its memory.
    """
    recipe, cut, size = planned.recipe, planned.cut, np.dtype(options.dtype).itemsize
    options, chosen = foreseen(options, source, planned)
    d = [planned.d_in, *options.widths, planned.d_out or 2]
    weights = weight_count(d)
    blocks = [len(cut.owned(rank, ranks)) for rank in range(ranks)]
    rows = [stop - start for start, stop in (cut.rows_owned(rank, ranks) for rank in range(ranks))]
    shard = max(rows) * (d[0] + 1 + d[-1] + (recipe.columns.weight is not None)) * size
    work = cut.rows * (sum(d[1:-1]) + 3 * max(d[1:])) * size
    sums = min(KEPT_BYTES, max(blocks) * weights * size) + 6 * weights * 8
    # A product of a × b by b × c takes 2abc operations: forward, δ back (not into the inputs), and G.
    products = sum(below * above for below, above in pairwise(d))
    flops = 2 * source.n * (3 * products - d[0] * d[1])
    unknown = "" if planned.d_out else " (with 2 classes: how many there are is known once the rows are read)"
    folder = options.scratch or tempfile.gettempdir()
    settled, _ = with_optimizer(options, weights, planned.error, d[-1], source.n)
    chosen_optimizer = optimizer(settled)
    curvature, kept = "", float(chosen_optimizer.memory(weights))
    choice = _choice(settled, chosen_optimizer, weights, max(rows) * d[-1], ranks)
    if isinstance(chosen_optimizer, LevenbergMarquardt | Bayesian):
        most = chosen_optimizer.max_megabytes
        curvature, needed = choice.words(most), choice.cost(most).memory
        kept += needed
    if isinstance(chosen_optimizer, TruncatedNewton) or curvature:
        kept += memory_for_blocks(d, max(rows), cut.rows, options.dtype, not curvature)
        kept += _terms(max(blocks), weights)
    if curvature:
        kept += _terms(max(blocks), weights * (weights + 1) // 2) + min(PART_BYTES, weights * cut.rows * size)
    shares = {"to choose the weights": options.validation, "for the test": options.test}
    held = [f"about {100 * share:g} % of the rows {purpose}" for purpose, share in shares.items() if share]
    targets = [source.columns[j] for j in recipe.columns.targets]
    certainty.require(options, planned.error, recipe.columns.classes, tuple(d))
    entries = [
        ("data", f"{source.path}: {many(source.n, 'row')}, {many(d[0], 'input')}"),
        ("targets", ", ".join(targets) + (", classes" if recipe.columns.classes else "")),
        ("network", f"d = {d}{unknown}, θ {options.theta}, output {recipe.output_theta}, {planned.error} error"),
        *([("held out", ", ".join(held))] if held else []),
        ("weights", f"{weights:,}"),
        ("blocks", f"{cut.count:,} of {many(cut.rows, 'row')}"),
        ("ranks", f"{ranks}, each with {_between(blocks, 'block')}, {_between(rows, 'row')}"),
        ("memory a rank", f"{amount(shard)} of rows, {amount(work)} to compute, {amount(sums)} to sum, "
                          f"{amount(kept)} for the optimizer, at most"),
        *([("and at the end", f"{amount(certainty.memory(options, tuple(d)))} for --intervals {options.intervals}")]
          if options.intervals else []),
        ("memory limit", f"{amount(memory)} of rows a rank (--memory)"
                           + (f"; the rest, {amount(shard - memory)}, would be in {folder} (--scratch)"
                              if shard > memory else "")),
        ("an iteration", f"{flops:.3g} floating-point operations, {flops / max(1, ranks):.3g} a rank; "
                         f"{amount(8 * weights)} summed over ranks"),
        ("optimizer", f"{settled.optimizer}{chosen}, at most {many(settled.max_iterations or 0, 'iteration')}"),
        *([("JᵀJ", curvature)] if curvature else []),
        ("would write", options.out or "a new directory in runs, named by date and time"),
    ]  # fmt: skip
    pairs(entries)
    if isinstance(chosen_optimizer, LevenbergMarquardt | Bayesian):
        chosen_optimizer.require_room(needed / 1e6, choice.whole.memory / 1e6, weights)


def _terms(count: int, numbers: int) -> int:
    """Bytes of so many terms of a sum, if they are kept."""
    needed = 8 * count * numbers
    return needed if needed <= KEPT_BYTES else 0


def _choice(options: Options, chosen: Optimizer, weights: int, rows: int, ranks: int) -> Choice:
    """How JᵀJ can be held. rows: of J on one rank."""
    elsewhere = options.reduction != "exact" or options.device != "cpu" or library.instructions() is None
    return Choice(weights, rows, ranks, isinstance(chosen, LevenbergMarquardt) and not elsewhere)


def _between(counts: list[int], what: str) -> str:
    """1 to 3 blocks, or 2 blocks where all have as many."""
    least = f"{min(counts):,} to " if min(counts) < max(counts) else ""
    return least + many(max(counts), what)
