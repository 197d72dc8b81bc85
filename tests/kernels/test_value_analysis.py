"""Frama-C's value analysis of the exact sum's C code: it reads and writes nothing but its rows, whatever the numbers.

Vector extensions it does not know: docs/decisions/proofs.md.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from checkout import CHECKOUT

CSRC = CHECKOUT / "distnn" / "kernels" / "csrc"
DRIVER = Path(__file__).with_name("value_analysis.c")

pytestmark = [
    pytest.mark.job,
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("frama-c") is None, reason="NOT TESTED HERE: needs frama-c, of Debian's frama-c-base"
    ),
]


def alarms(folder: Path) -> list[str]:
    command = ["frama-c", "-eva", "-eva-precision", "2", "-eva-slevel", "100000", "-eva-no-show-progress"]
    options = ["-warn-special-float", "none", f"-cpp-extra-args=-I{folder} -U__x86_64__", str(DRIVER)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    found = re.findall(r"^\[eva:alarm\].*", done.stdout, re.MULTILINE)
    assert found or "100% coverage" in done.stdout
    return found


def test_no_alarm() -> None:
    """Sums of numbers without a sign wrap, as they are meant to, and NaN is a number like others."""
    assert alarms(CSRC) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [("i < count", "i <= count"), ("sum += first[from]", "sum += first[to]")],
)
def test_what_is_wrong_raises_alarms(old: str, new: str, tmp_path: Path) -> None:
    for name in ("fixed_point.c", "library.h"):
        text = (CSRC / name).read_text()
        (tmp_path / name).write_text(text.replace(old, new))
    assert alarms(tmp_path)
