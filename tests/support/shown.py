"""Output as a page shows it."""

from __future__ import annotations

import re


def matches(shown: list[str], output: str) -> bool:
    """Is `output` what the document shows, '...' standing for anything? White space at ends of lines does not count."""
    pattern = ""
    for line in shown:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in line.rstrip().split("...")) + r"\n"
    lines = [line.rstrip() for line in output.strip("\n").splitlines()]
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) is not None
