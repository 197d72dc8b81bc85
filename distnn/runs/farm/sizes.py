"""How many ranks train a member together: as many as make all members come to their ends soonest.

A model of the time of an iteration, measured here and now: the blocks of the rank that has most of them, and what the
ranks of a group say to each other. Without communication more, smaller groups are never slower; a group of one has
none. Few members, or rows that one rank has no memory for, make groups larger.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from distnn.data.loading import row_bytes
from distnn.kernels.blocks import Block
from distnn.kernels.memory import empty
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network
from distnn.parallel.ranks import Ranks
from distnn.runs.options import Options
from distnn.runs.plan import Plan

TRIES = 3  # of which the fastest counts


def group_size(options: Options, planned: Plan, members: int, memory: int, ranks: Ranks, held: int = 0) -> int:
    """The ranks of a group: as given, or by the model. Collective, replicated.

    memory: bytes for the rows of a rank; held: bytes that a group needs for them besides, replicated.
    """
    if options.group_size is not None or ranks.size == 1:
        return min(options.group_size or 1, ranks.size)
    block, message = _measure(options, planned, ranks)
    needed = row_bytes(planned.recipe.columns, options.dtype) * planned.cut.n + held
    room = ranks.merged(memory, min)
    return choose(ranks.size, members, planned.cut.count, block, message, math.ceil(needed / max(1, room)))


def choose(ranks: int, members: int, blocks: int, block: float, message: float, least: int = 1) -> int:
    """The ranks of a group by which so many members are over first; of several the least.

    block: seconds that a block takes; message: those that a sum takes over all ranks, which grow with the logarithm of
    their number; least: ranks whose memory holds all rows.
    """

    def seconds(size: int) -> float:
        rounds = math.ceil(members / (ranks // size))
        return rounds * (math.ceil(blocks / size) * block + message * math.log(size) / math.log(max(2, ranks)))

    return min(range(min(least, ranks), ranks + 1), key=seconds)


def _measure(options: Options, planned: Plan, ranks: Ranks) -> tuple[float, float]:
    """Seconds of a block's gradient on the slowest rank, and of a gradient's sum over all of them. Collective."""
    network = Network([planned.d_in, *options.widths, planned.d_out or 2], options.theta, planned.recipe.output_theta)
    engine = Backpropagation(network.initialise(options.seed, options.sigma), planned.error, np.dtype(options.dtype))
    engine.load(network.w)
    x, y = (empty(rows, planned.cut.rows, options.dtype) for rows in (network.d[0] + 1, network.d[-1]))
    x[...], y[...] = 1, 0
    out, message = np.empty(network.w.size, options.dtype), np.zeros(network.w.size, np.int64)
    block = _fastest(lambda: engine.gradient(Block(x, y, None), out))
    slowest = np.array([block, _fastest(lambda: ranks.sum(message))])
    ranks.maximum(slowest)
    return float(slowest[0]), float(slowest[1])


def _fastest(work: Callable[[], object]) -> float:
    found = math.inf
    for _ in range(TRIES):
        began = time.perf_counter()
        work()
        found = min(found, time.perf_counter() - began)
    return found
