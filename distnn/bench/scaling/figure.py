"""A figure of trials on simulated ranks, for a person."""

from __future__ import annotations

from typing import Any

from distnn.bench import drawing
from distnn.report.style import begin


def draw(found: list[dict[str, Any]], path: str) -> None:
    """Seconds an iteration over ranks, a line for each network and algorithm, strong and weak. UserError if it fails.

    found: trials and their outcomes, as `--json` has them.
    """
    growths = sorted({each["growth"] for each in found})
    figure = begin(5 * len(growths), 4)
    for place, growth in enumerate(growths):
        axes = figure.add_subplot(1, len(growths), place + 1)
        lines: dict[str, list[dict[str, Any]]] = {}
        for each in found:
            if each["growth"] == growth:
                lines.setdefault(f"{each['network']}, {each['allreduce']}", []).append(each)
        for name, trials in lines.items():
            axes.plot([each["ranks"] for each in trials], [each["iteration"] for each in trials], "o-", label=name)
        alone = next(iter(lines.values()))
        axes.plot(
            [each["ranks"] for each in alone], [each["computing"] for each in alone], "k:", label="computing alone"
        )
        axes.set(xscale="log", xlabel="ranks", ylabel="seconds an iteration", title=f"{growth} scaling")
        if growth == "strong":
            axes.set_yscale("log")
        else:  # the best is a horizontal line
            axes.set_ylim(bottom=0)
        axes.legend(fontsize=8)
    drawing.write(figure, path)
