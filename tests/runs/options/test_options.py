"""Every option has help and a sensible default, and its place among the others."""

from __future__ import annotations

import pickle
import re
import tomllib
from dataclasses import fields
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from distnn.runs.options import (
    ACTIONS,
    DATA,
    NETWORK,
    RUN,
    SETTINGS,
    SEVERAL,
    STOPPING,
    TRAINING,
    Options,
    check,
    flag,
    group,
    stored,
)

NAMES = [field.name for field in fields(Options)]
HINTS = get_type_hints(Options, include_extras=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_a_type_a_group_and_help(name: str) -> None:
    kind, of, words, *_ = get_args(HINTS[name])
    assert of == group(name)
    assert re.match(r"[^\W\d_].*\.$", words), f"{flag(name)}: {words!r} is not a sentence"
    assert kind is not None
    assert flag(name) == "--" + name.replace("_", "-")
    default = next(field.default for field in fields(Options) if field.name == name)
    if get_origin(kind) is Literal:
        assert default in get_args(kind)


def test_the_defaults_are_allowed() -> None:
    check(Options())
    assert {group(name) for name in ("print_config", "dry_run")} == {ACTIONS}


def test_groups_stand_one_after_another_in_the_order_of_the_help() -> None:
    order = list(dict.fromkeys(group(name) for name in NAMES))
    assert order == [DATA, NETWORK, TRAINING, STOPPING, SEVERAL, RUN, ACTIONS, SETTINGS]
    assert [group(name) for name in NAMES] == sorted((group(name) for name in NAMES), key=order.index)


def test_options_can_be_sent_to_other_ranks() -> None:
    options = Options(hidden=(3,), eta=0.5)
    assert pickle.loads(pickle.dumps(options)) == options


def test_what_is_stored_is_what_a_run_can_go_on_with() -> None:
    text = stored(Options(hidden=(3,), eta=0.5, out="here", quiet=True))
    assert tomllib.loads(text).items() >= {"hidden": [3], "eta": 0.5, "fill": 0.0}.items()
    assert tomllib.loads(text).keys().isdisjoint({"out", "quiet", "resume", "dry-run", "goal"})


@pytest.mark.parametrize("none", [(), [], (0,), [0]])
def test_a_width_of_0_alone_is_no_hidden_layer(none: tuple[int, ...]) -> None:
    assert tuple(Options(hidden=none).widths) == ()
