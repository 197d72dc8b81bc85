"""Criteria: every quantity, and, or, parentheses; and expressions that are refused and never executed."""

from __future__ import annotations

import math
import warnings
from dataclasses import fields, replace
from pathlib import Path

import pytest

from distnn import UserError
from distnn.errors import DONE, FAILED
from distnn.training.record import ADVICE, Record
from distnn.training.termination import all_of, any_of, compare, not_finite, parse

RECORD = Record(
    t=100,
    E_in=0.5,
    E_val=0.6,
    gradient_norm=0.01,
    step=0.001,
    improvement=1e-5,
    plateau=20,
    stale=7,
    evaluations=42.5,
    seconds=3.25,
    examples_per_second=1e6,
)


@pytest.mark.parametrize("name", ADVICE)
def test_every_quantity(name: str) -> None:
    value = getattr(RECORD, name)
    for sign, below, equal, above in (("<", 1, 0, 0), ("<=", 1, 1, 0), (">", 0, 0, 1), (">=", 0, 1, 1)):
        for limit, met in ((value * 2, below), (value, equal), (value / 2, above)):
            reason = parse(f"{name} {sign} {limit!r}")(RECORD)
            assert (reason is not None) == bool(met), (name, sign, limit)
            if reason:
                assert name in reason.text
                assert sign in reason.text
                assert reason.advice == ADVICE[name]
                assert (reason.code, reason.quantity) == (DONE, name)
                assert reason.unfinished == (name in ("t", "evaluations", "seconds"))
    assert {field.name for field in fields(Record)} == {*ADVICE, "examples_per_second", "gamma", "evidence"}


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("t >= 1000 and improvement < 1e-4 or E_in < 0.01", False),
        ("t >= 100 and improvement < 1e-4 or E_in < 0.01", True),
        ("t >= 1000 and improvement < 1e-4 or E_in < 0.9", True),
        ("t >= 1000 and (improvement < 1e-4 or E_in < 0.9)", False),
        ("(t >= 1000 or t > 99) and (E_val < 1 and (seconds > 1))", True),
        ("improvement > -1e-3", True),
        ("t >= 1_00", True),
        ("  t >= 1 ", True),
    ],
)
def test_and_or_and_parentheses(text: str, met: bool) -> None:
    assert (parse(text)(RECORD) is not None) == met


def test_the_reason_names_what_was_met() -> None:
    reason = parse("t >= 100 and E_in < 0.6 or t > 5")(RECORD)
    assert reason is not None
    assert reason.text == "t >= 100 and E_in = 0.5 < 0.6"
    assert (reason.advice, reason.quantity, reason.unfinished) == (ADVICE["E_in"], "E_in", True)
    million = compare("t", ">=", 1_234_567)(replace(RECORD, t=1_234_567))
    assert million is not None
    assert million.text == "t >= 1234567"


def test_joins_of_one_and_of_none() -> None:
    met, never = compare("t", ">", 1), compare("t", ">", 1000)
    assert all_of(met)(RECORD) == any_of(never, met)(RECORD) == met(RECORD)
    assert any_of()(RECORD) is None
    assert all_of(met, never)(RECORD) is None


@pytest.mark.parametrize("name", ADVICE)
def test_what_is_not_known_meets_no_criterion(name: str) -> None:
    unknown = replace(RECORD, **{name: math.nan})
    assert all(parse(f"{name} {sign} 1")(unknown) is None for sign in ("<", "<=", ">", ">="))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t",
        "t >=",
        ">= 5",
        "5 <= t",
        "t == 5",
        "t != 5",
        "t >= 5 >= 1",
        "not t >= 5",
        "t >= five",
        "t >= '5'",
        "t >= True",
        "t >= 5j",
        "t >= None",
        "t >= 2 ** 9 ** 9 ** 9",
        "t >= E_in",
        "t is 5",
        "t in (1, 2)",
        "t >= 5; t",
        "t >= 5, t >= 6",
        "t >= 5 if t else 6",
        "t = 5",
        "lambda: 5",
        "t >= 5\nimport os",
        "t >= '\\d'",
        "t >= 1if 2 else 3",
        "\0",
        "t >= 1" + "0" * 400,
        "t >= " + "9" * 5000,
        "(" * 5000 + "t >= 5" + ")" * 5000,
        "(" * 150 + "t >= 5" + ")" * 151,
        "t >= " + "-" * 3000 + "1",
        "t >= " + "-" * 980 + "1",
        "t >= 1e999",
        "E_inn < 0.1",
        "t.__class__ >= 5",
        "t[0] >= 5",
        "🙂 > 1",
    ],
)
def test_what_is_refused(text: str) -> None:
    with warnings.catch_warnings(record=True) as warned, pytest.raises(UserError) as raised:
        warnings.simplefilter("always")
        parse(text)
    assert not warned
    sentence = str(raised.value)
    assert sentence.startswith("--stop ")
    assert "Quantities: t, E_in, " in sentence
    assert len(sentence) < 600
    assert sentence.isprintable()


def test_nothing_is_executed(tmp_path: Path) -> None:
    target = tmp_path / "made"
    for text in (
        f"__import__('pathlib').Path({str(target)!r}).touch() > 1",
        f"t >= __import__('pathlib').Path({str(target)!r}).touch()",
        f"(x := open({str(target)!r}, 'w')) > 1",
        f"[open({str(target)!r}, 'w') for _ in '1'] > 1",
        f"f\"{{open({str(target)!r}, 'w')}}\" > 1",
        "exit() > 1",
    ):
        with pytest.raises(UserError):
            parse(text)
    assert not target.exists()


@pytest.mark.parametrize("name", ["E_in", "gradient_norm", "step"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_not_finite(name: str, value: float) -> None:
    assert not_finite(RECORD) is None
    reason = not_finite(replace(RECORD, **{name: value}))
    if name == "step" and math.isnan(value):  # not known before the first step
        assert reason is None
        return
    assert reason is not None
    assert (reason.code, reason.quantity, reason.unfinished) == (FAILED, "diverged", True)
    assert "no longer finite at t = 100" in reason.text
    assert "smaller --eta" in reason.advice
