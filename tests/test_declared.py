"""Options as they are declared: what the annotations of a dataclass say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from distnn.declared import Declared, Positional, declared


@dataclass(frozen=True)
class Some:
    runs: Annotated[tuple[str, ...], "Runs", "Directories.", Positional()] = ()
    hidden_width: Annotated[int, "Network", "Width.", "more"] = 3
    theta: Annotated[Literal["tanh", "relu"] | None, "Network", "Activation."] = None
    header: Annotated[bool | None, "Data", "Is there one?"] = None


def test_all_that_annotations_say_in_the_order_of_the_fields() -> None:
    assert [option.name for option in declared(Some)] == ["runs", "hidden_width", "theta", "header"]
    assert declared(Some)[1] == Declared("hidden_width", int, "Network", "Width.", ("more",), 3)
    assert declared(Some)[1].flag == "--hidden-width"


@pytest.mark.parametrize(
    ("name", "positional", "switch", "several", "choices"),
    [
        ("runs", True, False, True, ()),
        ("hidden_width", False, False, False, ()),
        ("theta", False, False, False, ("tanh", "relu")),
        ("header", False, True, False, ()),
    ],
)
def test_what_follows_from_them(name: str, positional: bool, switch: bool, several: bool, choices: object) -> None:
    option = next(option for option in declared(Some) if option.name == name)
    assert (option.is_positional, option.is_switch, option.takes_several) == (positional, switch, several)
    assert option.choices == choices
