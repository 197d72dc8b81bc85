"""A figure of the results, for a person."""

from __future__ import annotations

from typing import Any

from distnn.bench import drawing
from distnn.report.style import begin


def draw(results: dict[str, Any], path: str) -> None:
    """Bars for every workload: seconds an iteration, with their spread; the floor as a line. UserError if it fails."""
    workloads = results["workloads"]
    figure = begin(4 * len(workloads), 4.2)
    for place, (name, found) in enumerate(workloads.items()):
        axes = figure.add_subplot(1, len(workloads), place + 1)
        entries = found["contenders"]
        for height, entry in enumerate(reversed(entries)):
            own = entry["name"].startswith("distnn")
            error = [[entry["median"] - entry["least"]], [entry["most"] - entry["median"]]]
            axes.barh(height, entry["median"], xerr=error, color="tab:blue" if own else "tab:gray")
        labels = [f"{entry['name']}, {entry['cores']} core{'s' * (entry['cores'] > 1)}" for entry in reversed(entries)]
        axes.set_yticks(range(len(entries)), labels, fontsize=7)
        axes.axvline(found["floor"]["seconds"], color="black", linestyle=":", linewidth=1)
        axes.set_title(f"{name}\nd = {found['d']}, n = {found['n']:,}", fontsize=9)
        axes.set_xlabel("seconds an iteration (dotted: the floor)", fontsize=8)
    machine = results["machine"]
    figure.suptitle(f"{machine['cpu']}, {machine['cores']} cores, {machine['date']}", fontsize=9)
    drawing.write(figure, path)
