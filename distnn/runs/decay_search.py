"""The weight decay where rows are held out and nobody chose one: what these rows say of none and of several.

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

DECAY = 3.0  # λ n where there is none to judge by
DECAYS = (0.0, 0.1, 1.0, 10.0)  # λ n of those that are tried


def of_rows(decay: float, made: Assembly) -> float:
    """decay / n. Local, replicated."""
    return decay / max(made.objective.n, made.examples.rows)  # weights may be precisions, on any scale


def search(
    options: Options, source: Source, ranks: Ranks, network: Network | None, start: Any, look: Look
) -> tuple[Options, str]:
    """The options with the decay that has the lower E_val, and what is said of it. Collective.

    network, start: as for `assembly.assemble`. look: see `Look`. Stopped if it was stopped; the best so far if the time
    is used up. UserError for bad data.
    """
    made = assembly.assemble(shared(options), source, ranks, network, start)
    most = min(ITERATIONS, made.options.max_iterations or ITERATIONS)
    made.options = replace(made.options, max_iterations=most)
    errors: list[float] = []
    try:
        for decay in DECAYS:
            made.objective.weight_decay = of_rows(decay, made)
            words = f"the weight decay: trying {made.objective.weight_decay:.3g}"
            errors.append(trained(made, None, words, look).best_E_val)
    except OutOfTime:
        if not errors:
            return replace(options, weight_decay=0.0), "Without a weight decay, as far as there was time"
    best = min(range(len(errors)), key=errors.__getitem__)
    decay = of_rows(DECAYS[best], made)
    what = f"With a weight decay of {decay:.3g}, {DECAYS[best]:g} / n" if best else "Without a weight decay"
    ended = "" if len(errors) == len(DECAYS) else ", as far as there was time"
    found = "; ".join(f"{tried:g} / n {E_val:.3g}" for tried, E_val in zip(DECAYS, errors, strict=False))
    return replace(options, weight_decay=decay), f"{what}, by E_val in at most {most} iterations ({found}){ended}"
