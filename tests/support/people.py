"""Small tables as people have them, all with the same 60 rows, and what is expected of each.

Each is to be read as plain.csv is ("same"), or refused in one sentence that says what to type ("words"), or as its own
words say. Tables with an id, a date or a gap are read once the option that decides about it is given.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
import random
from pathlib import Path
from typing import Any


def make_tables(folder: Path) -> dict[str, str]:
    """Write the tables to the folder. Returns what is expected of each, by the name of its file."""
    draw = random.Random(0)
    ROWS = []
    for _ in range(60):
        a, b = draw.uniform(-1, 1), draw.uniform(-1, 1)
        ROWS.append([round(a, 4), round(b, 4), round(2 * a - b * b + 0.1 * math.sin(9 * a), 4)])
    expected: dict[str, str] = {}

    def lines(head: str | None, rows: Any, separator: str = ",", end: str = "\n", tail: str = "") -> str:
        body = [separator.join(map(str, row)) + tail for row in rows]
        return end.join(([head] if head is not None else []) + body) + end

    def write(name: str, data: str | bytes, expect: str) -> None:
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        expected[name] = expect

    comma = [[str(v).replace(".", ",") for v in row] for row in ROWS]
    exponents = [[f"{v:.4E}" for v in row] for row in ROWS]
    plain = lines("a,b,y", ROWS)
    write("plain.csv", plain, "same")
    # the first line, the first row
    write(
        "header-of-numbers.csv",
        lines("1100,1102,1104", ROWS),
        "said: the first line was read as a row; --header reads it as names",
    )
    write("header-partly-numbers.csv", lines("1100,1102,protein", ROWS), "same")
    write("pandas-default-header.csv", lines("0,1,2", ROWS), "same, and said")
    write(
        "target-missing-first.csv", lines("a,b,y", [[*ROWS[0][:2], "NA"], *ROWS[1:]]), "words"
    )  # or left out where --missing says so
    write("target-missing-later.csv", lines("a,b,y", [*ROWS[:30], [0.1, 0.2, "NA"], *ROWS[30:]]), "words")
    write("pandas-index.csv", lines(",a,b,y", [[i, *row] for i, row in enumerate(ROWS)]), "same")
    write("units-row.csv", lines("a,b,y\nm,s,kg", ROWS), "same")
    write("swapped-names.csv", lines("b,a,y", ROWS), "not plain.csv: --resume refuses it")
    # delimiters, decimals, comments
    write("decimal-comma.csv", lines("a;b;y", comma, ";"), "same")
    write("pipe.csv", lines("a|b|y", ROWS, "|"), "same")
    write("sep-line.csv", "sep=;\n" + lines("a;b;y", ROWS, ";"), "same")
    write("trailing-delimiter.csv", lines("a,b,y", ROWS, tail=","), "same")
    write("r-write-table.txt", lines('"a" "b" "y"', [[f'"{i + 1}"', *row] for i, row in enumerate(ROWS)], " "), "same")
    write("fortran-d.txt", lines("a b y", [[v.replace("E", "D") for v in row] for row in exponents], "  "), "same")
    write(
        "fortran-no-letter.txt", lines("a b y", [[v.replace("E", "") for v in row] for row in exponents], "  "), "same"
    )
    write("hash-header.dat", lines("# a b y", ROWS, " "), "same")
    write(
        "comments.dat",
        "# made by a solver, 2026\n"
        + lines("# a b y", ROWS[:20], " ")
        + "# second half\n"
        + lines(None, ROWS[20:], " "),
        "same",
    )
    write("single-quotes.csv", lines("'a','b','y'", [[f"'{v}'" for v in row] for row in ROWS]), "same")
    write("unicode-minus.csv", plain.replace("-", "\u2212"), "same")
    # files
    write("plain.csv.gz", gzip.compress(plain.encode(), mtime=0), "same")
    write("plain.csv.bz2", bz2.compress(plain.encode()), "same")
    write("plain.csv.xz", lzma.compress(plain.encode()), "same")
    write("no-ending", plain, "same")
    write("utf-16.csv", plain.encode("utf-16"), "same")
    write("latin-1.csv", lines("größe,b,y", ROWS).encode("latin-1"), "same")
    write("carriage-returns.csv", lines("a,b,y", ROWS, end="\r"), "same")
    for part in range(3):
        write(f"part-{part}.csv", lines("a,b,y", ROWS[part * 20 : part * 20 + 20]), "same, together, as part-*.csv")
    # columns
    write(
        "booleans.csv",
        lines("a,b,flag,y", [[*row[:2], i % 2 == 0, row[2]] for i, row in enumerate(ROWS)]),
        "flag is 0 and 1",
    )
    write(
        "words.csv",
        lines("a,b,kind,y", [[*row[:2], ("oak", "fir", "elm")[i % 3], row[2]] for i, row in enumerate(ROWS)]),
        "kind is one-hot",
    )
    write(
        "dates.csv", lines("when,a,b,y", [[f"2026-01-{i % 28 + 1:02d}", *row] for i, row in enumerate(ROWS)]), "words"
    )
    write(
        "gaps.csv",
        lines("a,b,y", [["", *row[1:]] if i % 7 == 3 else row for i, row in enumerate(ROWS)]),
        "words, or imputed where --impute says so",
    )
    write(
        "sentinels.csv",
        lines("a,b,y", [[-999, *row[1:]] if i % 7 == 3 else row for i, row in enumerate(ROWS)]),
        "a hint; as gaps.csv with --missing -999",
    )
    write(
        "mixed-labels.csv",
        lines("a,b,k", [[*row[:2], ("4", "3a", "5b")[i % 3]] for i, row in enumerate(ROWS)]),
        "3 classes: 3a, 4, 5b",
    )
    write(
        "long-labels.csv",
        lines("a,b,k", [[*row[:2], 9007199254740992 + i % 2] for i, row in enumerate(ROWS)]),
        "2 classes with --classes",
    )
    return expected
