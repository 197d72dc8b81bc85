"""What exporters that write text share: names, numbers, and the words at the top."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import numpy as np

from distnn.inference.export.formula import Column, Formula


def identifier(text: str) -> str:
    """A name of letters, digits and underscores, which begins with a letter, like this text."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text).strip("_")
    return plain if plain[:1].isalpha() else f"model_{plain}".rstrip("_")


def numbers(values: np.ndarray, suffix: str = "") -> list[str]:
    """Numbers that read back to the bit, each with a decimal point or an exponent."""
    return [f"{value!r}{suffix}" for value in np.asarray(values, np.float64).ravel().tolist()]


def lines(words: Iterable[str], width: int = 110, separator: str = ", ") -> list[str]:
    """The words in lines of at most this width, where no word is longer, with the separator between any two words."""
    found: list[str] = []
    for word in words:
        if found and len(found[-1]) + len(separator) + len(word) + 1 <= width:
            found[-1] += separator + word
        else:
            if found:
                found[-1] += separator.rstrip()
            found.append(word)
    return found


def about(formula: Formula, first: int = 0) -> list[str]:
    """What stands at the top: where it comes from, and the names of inputs and outputs. No line has a line break.

    first: the number of the first input and the like.
    """
    architecture = "-".join(map(str, formula.d))
    shown = [
        "Written by distnn from the model with the fingerprint",
        formula.fingerprint,
        f"a network {architecture} ({thetas(formula)}), trained in {formula.dtype}.",
        "",
        "Inputs, as they stand in the table, in this order:",
        *_listed([_column(formula, column, first) for column in formula.columns], first),
        "Outputs:",
        *_listed([formula.described(name) for name in formula.outputs], first),
    ]
    if formula.classes:
        shown += ["Classes:", *_listed(formula.classes, first)]
        if formula.threshold is not None:
            shown.append(f"The second class is predicted where the output is above {formula.threshold!r}.")
        else:
            shown.append("The class with the largest output is predicted; of equal ones, the first.")
    return [" ".join(line.split()) if line.split() != [] else "" for line in shown]


def thetas(formula: Formula) -> str:
    """The activations in words."""
    hidden = f"{formula.layers[0].theta}, " if len(formula.layers) > 1 else ""
    return f"{hidden}output {formula.layers[-1].theta}"


def _column(formula: Formula, column: Column, first: int) -> str:
    """A column in words."""
    shown = formula.described(column.name)
    if column.kind == "words":
        numbered = ", ".join(f"{number} {word}" for number, word in enumerate(column.categories, first))
        shown += f": the number of one of the words {numbered}" + ("" if column.fill is None else "; NaN if missing")
    elif column.fill is not None:
        shown += f": NaN if missing, which counts as {column.fill!r}"
    return shown


def _listed(names: Sequence[str], first: int) -> list[str]:
    return [f"{place} {name}" for place, name in enumerate(names, first)]


def commented(formula: Formula, mark: str, width: int = 1000, first: int = 0) -> str:
    """What stands at the top, as lines that begin with `mark`, of at most this width."""
    folded = (part for line in about(formula, first) for part in textwrap.wrap(line, width - len(mark) - 1) or [""])
    return "\n".join(f"{mark} {line}".rstrip() for line in folded)


def distinct(names: Sequence[str], reserved: Iterable[str], width: int) -> list[str]:
    """Identifiers like these names, at most so long, none of which is another one or reserved. Case does not count."""
    taken, found = {word.lower() for word in reserved}, []
    for name in names:
        own = identifier(name)[:width]
        number = 2
        while own.lower() in taken:
            own, number = f"{identifier(name)[: width - 6]}_{number}", number + 1
        taken.add(own.lower())
        found.append(own)
    return found
