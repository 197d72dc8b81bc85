"""`python -m distnn.report`: what a training did and how good its model is, as one HTML file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.declared import AtLeast, Positional
from distnn.inference.options import DATA, ApplyOptions
from distnn.parallel.ranks import Ranks, on_root

PROGRAM = "distnn report"
ABOUT = """Write what a training did, and how good its model is, into one HTML file.

It needs no network and no script to be read. Without --data the table is the one that the model was trained on, if it
is still there and has not changed; where rows were held out, predictions are of these.

Examples:
distnn report runs/lift --out lift.html
distnn report runs/lift --compare runs/drag --figures figures"""
REPORT = "Report"  # the group of options in --help


@dataclass(frozen=True, kw_only=True)
class ReportOptions(ApplyOptions):
    """Options of the command."""

    data: Annotated[
        str | None, DATA, "Table to show the model's predictions of. Default: that of the training.", Positional()
    ] = None
    out: Annotated[str, REPORT, "The file to write; an older report of that name is replaced."] = "report.html"
    figures: Annotated[str | None, REPORT, "Folder to write the figures to as well, as PNG, SVG and PDF."] = None
    compare: Annotated[tuple[str, ...], REPORT, "Directories of other runs, to be shown in one report."] = ()
    most_rows: Annotated[
        int, REPORT, "Rows whose predictions are shown, at most; of longer tables, as many, evenly spread.", AtLeast(1)
    ] = 10_000_000
    overwrite: Annotated[bool, REPORT, "Replace files that are no reports, too."] = False


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Report as the arguments say. Collective; rank 0 does it, the others wait. Returns the exit code."""
    for path in on_root(ranks, lambda: _written(arguments, ranks.size)) or ():
        if ranks.rank == 0:
            print(path)
    return 0


def _written(arguments: Sequence[str], size: int) -> list[str] | None:
    """Write what is asked for. Returns the files; None where --help was all. Local to rank 0."""
    options = parse(ReportOptions, PROGRAM, ABOUT, arguments)
    if options is None:
        return None
    if size > 1:
        print(f"distnn: a report is made by one process; the other {size - 1} wait.", file=sys.stderr)
    from distnn.report.figures import drawings
    from distnn.report.files import figure_files, require_own, write, write_figures
    from distnn.report.gathering import gather
    from distnn.report.page import page
    from distnn.report.style import styled

    out = Path(options.out)
    require_own([options.out], options.overwrite)
    apply = ApplyOptions(**{field.name: getattr(options, field.name) for field in fields(ApplyOptions)})
    with styled():
        subject = gather(apply, options.compare, options.most_rows)
        drawn = drawings(subject)
        files = {}
        if options.figures is not None:
            files = figure_files(Path(options.figures), [drawing for own in drawn.values() for drawing in own])
            require_own(files, options.overwrite)
        write(out, page(subject, drawn).encode(), "--out")
        lacked = write_figures(files)
    if lacked:
        print(
            f"distnn: PNG and PDF figures lack what no font here has, {lacked}: install one, such as Noto Sans "
            "CJK for Chinese, Japanese and Korean. The page and SVG figures show it where their reader has one.",
            file=sys.stderr,
        )
    return [str(out), *([f"{options.figures}: {len(files)} files"] if files else [])]


if __name__ == "__main__":
    run(main)
