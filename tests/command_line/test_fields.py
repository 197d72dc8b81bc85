"""What the annotation of a field says is checked: its type, its choices, the least that it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from distnn.command_line.fields import check_fields
from distnn.declared import AtLeast, AtMost
from distnn.errors import UserError


@dataclass
class Some:
    """An option of each kind."""

    a_count: Annotated[int, "Group", "How many.", AtLeast(2)] = 2
    share: Annotated[float | None, "Group", "A share.", AtLeast(0)] = None
    kind: Annotated[Literal["one", "two"] | None, "Group", "A kind."] = None
    names: Annotated[tuple[str, ...], "Group", "Names."] = ()
    counts: Annotated[tuple[int, ...] | None, "Group", "Several.", AtLeast(1), AtMost(9)] = None
    on: Annotated[bool, "Group", "A switch."] = False


GOOD: list[dict[str, Any]] = [
    *({"a_count": np.int64(3)}, {"share": 1}, {"share": np.float32(0.5)}),
    *({"names": ["a"]}, {"kind": "two"}, {"counts": ()}),
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"a_count": 1}, "--a-count 1: give a number of at least 2."),
    ({"a_count": 2.5}, "--a-count 2.5 is of the wrong kind: give int."),
    ({"a_count": True}, "--a-count True is of the wrong kind: give int."),
    ({"share": -0.1}, "--share -0.1: give a number of at least 0."),
    ({"share": float("nan")}, "--share nan: give a number of at least 0."),
    ({"share": float("inf")}, "--share inf: give a number of at least 0."),
    ({"share": "1"}, "--share '1' is of the wrong kind: give float or None."),
    ({"kind": "three"}, "--kind three: choose from one, two."),
    ({"names": "a"}, "--names 'a' is of the wrong kind: give a sequence of str."),
    ({"names": (1,)}, r"--names (1,) is of the wrong kind: give a sequence of str."),
    ({"a_count": 2**63}, "--a-count 9223372036854775808: give a number below 2^63 and above -2^63."),
    ({"a_count": -(10**5000)}, "--a-count: give a number below 2^63 and above -2^63."),
    ({"counts": (1, 10)}, "--counts 10: give a number of at most 9."),
    ({"a_count": 10**5000}, "--a-count: give a number below 2^63 and above -2^63."),
    ({"counts": (1, 0)}, "--counts 0: give a number of at least 1."),
    ({"on": 1}, "--on 1 is of the wrong kind: give bool."),
]


@pytest.mark.parametrize("values", [{}, *GOOD], ids=str)
def test_what_fits(values: dict[str, Any]) -> None:
    check_fields(Some(**values))


@pytest.mark.parametrize(("values", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_what_does_not_fit_is_one_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        check_fields(Some(**values))
    assert str(refused.value) == sentence
