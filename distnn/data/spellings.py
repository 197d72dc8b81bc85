"""Words that are numbers but for something around or inside them, and what a user can do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

N = r"[+\-\u2212]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?"
UNSEEN = "[\u200b-\u200f\ufeff\u00ad]"
ALONE = "write the numbers alone"


class Spelling(NamedTuple):
    """Such words (pattern), what they are, what to do, and whether they can be nothing else."""

    pattern: re.Pattern[str]
    what: str
    remedy: str
    certain: bool = False


SPELLINGS = [
    Spelling(re.compile(pattern), *rest)
    for pattern, *rest in (
        (rf"{N}\s*%", "numbers with a per cent sign", ALONE, True),
        (
            rf"[+-]?\(?[$€£¥₹]\s*{N}\)?|{N}\s*(?:[$€£¥₹]|EUR|USD|GBP)|(?:EUR|USD|GBP)\s*{N}",
            "numbers with a currency",
            ALONE,
            True,
        ),
        (
            r"[+\-\u2212]?\d{1,3}(?:[,.'’ \u00a0\u2009\u202f]\d{3})+(?:[.,]\d+)?",
            "numbers with marks between groups of digits",
            "write them without",
            True,
        ),
        (r"\(\s*[\d.,]+\s*\)", "numbers in parentheses", "write negative numbers with a minus sign", True),
        (rf"[<>≤≥]=?\s*{N}", "limits instead of numbers", "write a number, or nothing"),
        (rf"{N}[+-]{N}?[ij]", "complex numbers", "write their two parts as two columns"),
        (r"0[xX][0-9a-fA-F]+", "hexadecimal numbers", "write them in decimals"),
        (r"\*+", "stars, as Fortran writes where a number needs more room", "write it with a wider format"),
        (r"[+-]?\d*\.\d+(?:[+-]\d*\.\d+)+", "numbers that run together", "write them with room between them"),
        (rf"\d+:{N}", "columns as LIBSVM's sparse format has them", "write all columns, by scikit-learn, for example"),
        (rf"[“”„‘’«»]\s*{N}\s*[“”„‘’«»]", "numbers in typographic quotes", "write straight ones, or none"),
        (rf"(?=.*{UNSEEN}){UNSEEN}*{N}{UNSEEN}*", "numbers with invisible characters", ALONE),
        (rf"{N}\s*[A-Za-zµμ°Ω][\w°/^*.\-]*", "numbers with a unit", ALONE),
    )
]


def spelling(words: Iterable[str]) -> Spelling | None:
    """What all of these words are, if it is one thing. Local."""
    words = list(words)
    return next((s for s in SPELLINGS if words and all(map(s.pattern.fullmatch, words))), None)
