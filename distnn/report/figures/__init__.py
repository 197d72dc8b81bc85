"""The figures of a report. To add one: a file here, and its name in FIGURES.

The file has SECTION, one of SECTIONS, and a function `draw(subject)`, which returns its `Drawing`s; none where the
subject lacks what they would show. It is called within `styled()`.
"""

from __future__ import annotations

from importlib import import_module

from distnn.report.subject import Drawing, Subject

LEARNING, TIME, PREDICTIONS, INPUTS = "Learning", "Time", "Predictions", "Inputs"
SECTIONS = (LEARNING, PREDICTIONS, INPUTS, TIME)

FIGURES = (
    "errors",
    "gradient",
    "evidence",
    "predicted",
    "residuals",
    "distribution",
    "coverage",
    "bars",
    "confusion",
    "roc",
    "calibration",
    "compared",
    "importance",
    "dependence",
    "speed",
    "communication",
)


def drawings(subject: Subject) -> dict[str, list[Drawing]]:
    """All figures of a report, by section."""
    found: dict[str, list[Drawing]] = {section: [] for section in SECTIONS}
    for name in FIGURES:
        module = import_module(f"{__name__}.{name}")
        found[module.SECTION] += module.draw(subject)
    return found
