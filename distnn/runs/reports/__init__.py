"""Reports: what is told of a training, where. To add one: a file here, and its name in REPORTS.

The file has a function `report(options)`, which returns its `Report` or, where the options do not ask for it, None. It
is imported on rank 0 alone, and may raise UserError: for a package that is missing, say. Where it fails later, the
training goes on without it.
"""

from __future__ import annotations

from importlib import import_module

from distnn.parallel.ranks import Ranks
from distnn.runs.options import Options
from distnn.runs.reports.report import Beginning, End, Report, Reports

__all__ = ["REPORTS", "Beginning", "End", "Report", "Reports", "reports_on"]

REPORTS = (
    "console",
    "metrics",
    "tracking",
)


def reports_on(ranks: Ranks, options: Options) -> Report:
    """The reports that the options ask for, on rank 0; a silent one elsewhere. Collective. UserError if one cannot."""
    with ranks.sharing_errors():
        if ranks.rank:
            return Report()
        made = {name: import_module(f"{__name__}.{name}").report(options) for name in REPORTS}
        return Reports({name: report for name, report in made.items() if report is not None})
