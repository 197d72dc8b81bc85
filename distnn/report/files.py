"""Writing the report and its figures: whole files, and never over what somebody else has put there."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from distnn.report.style import LACKED
from distnn.report.subject import Drawing
from distnn.storage.overwriting import make_way, write

MARK = "distnn report"  # stands in each file, in its first or last BYTES
BYTES = 4096
DPI = 200

# What is said in a figure's file, by its ending. To add a format of matplotlib's: its line here.
FORMATS: dict[str, dict[str, str | None]] = {
    "png": {"Software": MARK},
    "svg": {"Creator": MARK, "Date": None},
    "pdf": {"Creator": MARK, "CreationDate": None},
}


def require_own(paths: Iterable[str | Path], overwrite: bool) -> None:
    """See that the files can be written. UserError for one that is there, and was not written here. Local."""
    make_way(paths, overwrite, _is_own, "report of distnn")


def _is_own(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(BYTES)
            file.seek(max(0, path.stat().st_size - BYTES))
            return MARK.encode() in start + file.read(BYTES)
    except OSError:
        return False


def figure_files(folder: Path, drawings: Iterable[Drawing]) -> dict[Path, tuple[Drawing, str]]:
    """The files of figures in a folder, with the figure and the format of each."""
    return {folder / f"{drawing.name}.{ending}": (drawing, ending) for drawing in drawings for ending in FORMATS}


def write_figures(files: dict[Path, tuple[Drawing, str]]) -> str:
    """Write figures, each in its format. UserError where one cannot be written.

    Returns the characters in them that no font here has, and that PNG and PDF lack; SVG leaves fonts to its readers.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for path, (drawing, ending) in files.items():
            content = io.BytesIO()
            drawing.figure.savefig(content, format=ending, dpi=DPI, metadata=FORMATS[ending])
            write(path, content.getvalue(), "--figures")
    lacked = {int(found[1]) for own in caught if (found := re.match(LACKED, str(own.message)))}
    return "".join(map(chr, sorted(lacked)))
