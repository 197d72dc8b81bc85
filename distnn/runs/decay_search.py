"""The weight decay where rows are held out and nobody chose one: what these rows say, of none and of the usual one.

Without a decay a network learns the noise of its rows by heart, even if it stops early; with one it learns a function
without noise less well. The rows held out tell which of the two it is: docs/decisions/defaults.md has what was
measured.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from distnn.data.tables import Source
from distnn.network.network import Network
from distnn.parallel.ranks import Ranks
from distnn.runs import assembly
from distnn.runs.assembly import Assembly
from distnn.runs.options import Options
from distnn.runs.trials import ITERATIONS, Look, OutOfTime, shared, trained

DECAY = 3.0  # λ n


def usual(made: Assembly) -> float:
    """DECAY / n. Local, replicated."""
    return DECAY / max(made.objective.n, made.examples.rows)  # weights may be precisions, on any scale


def search(
    options: Options, source: Source, ranks: Ranks, network: Network | None, start: Any, look: Look
) -> tuple[Options, str]:
    """The options with the decay that has the lower E_val, and what is said of it. Collective.

    network, start: as for `assembly.assemble`. look: see `Look`. Stopped if it was stopped; without a decay if the time
    is used up, or no row is held out. UserError for bad data.
    """
    made = assembly.assemble(shared(options), source, ranks, network, start)
    most = min(ITERATIONS, made.options.max_iterations or ITERATIONS)
    made.options = replace(made.options, max_iterations=most)
    decays, errors = (0.0, usual(made)), []
    try:
        for decay in decays:
            made.objective.weight_decay = decay
            errors.append(trained(made, None, f"the weight decay: trying {decay:.3g}", look).best_E_val)
    except OutOfTime:
        return replace(options, weight_decay=0.0), "Without a weight decay, as far as there was time"
    better = errors[1] < errors[0]
    both = f"by E_val in at most {most} iterations ({errors[1]:.3g}, and {errors[0]:.3g} without)"
    words = f"With a weight decay of {decays[1]:.3g}, {DECAY:g} / n" if better else "Without a weight decay"
    return replace(options, weight_decay=decays[better]), f"{words}, {both}"
