"""Small tables as people have them, all with the same 60 rows: what is to be read as plain.csv, in other words.

Each is named for what is unusual about it. `TABLES` has their bytes; `SAID` what a reader must say of some of them.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
import random
from collections.abc import Iterable, Sequence
from typing import Any

MINUS = "\u2212"


def _rows() -> list[list[float]]:
    draw = random.Random(0)
    rows = []
    for _ in range(60):
        a, b = draw.uniform(-1, 1), draw.uniform(-1, 1)
        rows.append([round(a, 4), round(b, 4), round(2 * a - b * b + 0.1 * math.sin(9 * a), 4)])
    return rows


ROWS = _rows()


def lines(
    head: str | None, rows: Iterable[Sequence[Any]], separator: str = ",", end: str = "\n", tail: str = ""
) -> str:
    body = [separator.join(map(str, row)) + tail for row in rows]
    return end.join(([head] if head is not None else []) + body) + end


COMMA = [[str(value).replace(".", ",") for value in row] for row in ROWS]
EXPONENTS = [[f"{value:.4E}" for value in row] for row in ROWS]
PLAIN = lines("a,b,y", ROWS)
TEXTS = {
    "plain.csv": PLAIN,
    "header-partly-numbers.csv": lines("1100,1102,protein", ROWS),
    "pandas-default-header.csv": lines("0,1,2", ROWS),
    "pandas-index.csv": lines(",a,b,y", [[i, *row] for i, row in enumerate(ROWS)]),
    "units-row.csv": lines("a,b,y\nm,s,kg", ROWS),
    "decimal-comma.csv": lines("a;b;y", COMMA, ";"),
    "decimal-comma.tsv": lines("a\tb\ty", COMMA, "\t"),
    "decimal-comma.txt": lines("a b y", COMMA, "  "),
    "pipe.csv": lines("a|b|y", ROWS, "|"),
    "sep-line.csv": "sep=;\n" + lines("a;b;y", ROWS, ";"),
    "trailing-delimiter.csv": lines("a,b,y", ROWS, tail=","),
    "trailing-delimiter-in-header.csv": lines("a;b;y;", COMMA, ";", tail=";"),
    "trailing-delimiter-no-header.csv": lines(None, ROWS, tail=","),
    "r-write-table.txt": lines('"a" "b" "y"', [[f'"{i + 1}"', *row] for i, row in enumerate(ROWS)], " "),
    "r-write-csv.csv": lines('"","a","b","y"', [[f'"{i + 1}"', *row] for i, row in enumerate(ROWS)]),
    "fortran-d.txt": lines("a b y", [[v.replace("E", "D") for v in row] for row in EXPONENTS], "  "),
    "fortran-no-letter.txt": lines("a b y", [[v.replace("E", "") for v in row] for row in EXPONENTS], "  "),
    "hash-header.dat": lines("# a b y", ROWS, " "),
    "comments.dat": "# made by a solver, 2026\n"
    + lines("# a b y", ROWS[:20], " ")
    + "# second half\n"
    + lines(None, ROWS[20:], " ")
    + "# the end\n",
    "percent-comments.dat": "% made by a solver\n"
    + lines("% a b y", ROWS[:20], " ")
    + "% more\n"
    + lines(None, ROWS[20:], " "),
    "exclamation-comments.dat": "! made by a solver\n" + lines("a b y", ROWS, " "),
    "title.csv": "Results of March\n" + PLAIN,
    "title-with-comma.csv": "Results of March, 2026\n\n" + PLAIN,
    "title-from-a-spreadsheet.csv": "Results,,\n" + PLAIN,
    "titles-no-header.csv": "Station 12\nDate: 2026-01-01\n" + lines(None, ROWS),
    "title-and-units.txt": "Results\n" + lines("a b y\nm s kg", ROWS, " "),
    "empty-rows-of-a-spreadsheet.csv": PLAIN + ",,\n,,\n\n",
    "end-of-file-of-dos.csv": PLAIN.replace("\n", "\r\n") + "\x1a",
    "saved-again-by-pandas.csv": lines("Unnamed: 0,a,b,y", [[i, *row] for i, row in enumerate(ROWS)]),
    "hash-in-header.csv": lines("#,b,y", ROWS),
    "single-quotes.csv": lines("'a','b','y'", [[f"'{value}'" for value in row] for row in ROWS]),
    "unicode-minus.csv": PLAIN.replace("-", MINUS),
    "windows.csv": lines("a,b,y", ROWS, end="\r\n"),
    "carriage-returns.csv": lines("a,b,y", ROWS, end="\r"),
    "no-ending": PLAIN,
    "table.dat": PLAIN,
    "table.data": lines(None, ROWS),
    "line-break-in-header.csv": lines('"a\n(m)",b,y', ROWS),
}
TABLES: dict[str, bytes] = {name: text.encode() for name, text in TEXTS.items()} | {
    "plain.csv.gz": gzip.compress(PLAIN.encode(), mtime=0),
    "plain.csv.bz2": bz2.compress(PLAIN.encode()),
    "plain.csv.xz": lzma.compress(PLAIN.encode()),
    "two-members.csv.gz": gzip.compress(PLAIN[:500].encode()) + gzip.compress(PLAIN[500:].encode()),
    "utf-16.csv": PLAIN.encode("utf-16"),
    "utf-32.csv": PLAIN.encode("utf-32"),
    "utf-16-without-mark.csv": PLAIN.encode("utf-16-be"),
    "utf-16.csv.gz": gzip.compress(PLAIN.encode("utf-16")),
    "latin-1.csv": lines("größe,b,y", ROWS).encode("latin-1"),
    "latin-1-late.csv": lines("a,b,y", ROWS).encode() + "# größe\n".encode("latin-1"),
    "utf-8-mark.csv": b"\xef\xbb\xbf" + PLAIN.encode(),
}
SAID = {
    "plain.csv": (),
    "header-partly-numbers.csv": ("its first line is taken for names (1100, 1102, protein); --no-header",),
    "pandas-default-header.csv": ("its first line is taken for names (0, 1, 2); --no-header",),
    "pandas-index.csv": ("its first column, which has no name (0, 1, 2, …), is left out",),
    "decimal-comma.csv": ("its numbers have decimal commas",),
    "units-row.csv": (
        "its first line is taken for names (a, b, y), and its second, which is left out, for units (m, s, kg)",
    ),
    "r-write-table.txt": ("its first column, which has no name (1, 2, 3, …), is left out",),
    "comments.dat": ("2 lines that begin with # are left out", "its columns are named by the comment line"),
    "percent-comments.dat": ("1 line that begins with % is left out", "its columns are named by the comment line"),
    "title.csv": ("its first line ('Results of March') is taken for a title, and left out",),
    "title-from-a-spreadsheet.csv": ("its first line ('Results,,') is taken for a title, and left out",),
    "titles-no-header.csv": ("its first 2 lines are taken for titles, and left out",),
    "empty-rows-of-a-spreadsheet.csv": ("its last 2 lines have only empty fields, and are left out",),
    "end-of-file-of-dos.csv": (),
    "saved-again-by-pandas.csv": ("its first column, which has no name (0, 1, 2, …), is left out",),
    "plain.csv.gz": ("it is decompressed (gzip)",),
    "utf-16.csv.gz": ("it is decompressed (gzip)", "it is UTF-16"),
    "latin-1.csv": ("it is not UTF-8, and read as Latin-1",),
    "carriage-returns.csv": ("its lines end with carriage returns",),
}
