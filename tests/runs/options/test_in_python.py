"""Sentences that name options: as who called from Python writes them."""

from __future__ import annotations

import re

import pytest
from checkout import CHECKOUT

from distnn.declared import declared
from distnn.errors import TooLittleRoom
from distnn.runs.options import Options
from distnn.runs.options.in_python import PROSE, in_python, speaking_python
from distnn.runs.options.of_fit import OPTIONS

NAMES = {option.name: option.name for option in declared(Options) if option.name not in ("restarts", "data")}
SENTENCES = {
    "--hidden 0: every layer needs a width of at least 1.": "hidden=0: every layer needs a width of at least 1.",
    "--hidden 30 0: every layer": "hidden=(30, 0): every layer",
    "--hidden (1.5,) is of the wrong kind": "hidden=(1.5,) is of the wrong kind",
    "--transform {'y': 'log', 3: 1} is of the wrong kind": "transform={'y': 'log', 3: 1} is of the wrong kind",
    "--eta 'fast' is of the wrong kind": "eta='fast' is of the wrong kind",
    "add --validation 0.1.": "add validation=0.1.",
    "leave it out by --ignore id, or fill it": "leave it out by ignore=['id'], or fill it",
    "say --types a=words.": "say types=['a=words'].",
    "more --hidden units, a --weight-decay below 0.1": "more hidden units, a weight_decay below 0.1",
    "a smaller --eta, or --optimizer lbfgs.": "a smaller eta, or optimizer='lbfgs'.",
    "--optimizer adam with --decoupled-decay 1, which": "optimizer='adam' with decoupled_decay=1, which",
    "--theta tan: choose from tanh": "theta='tan': choose from tanh",
    "--stop 't > 5' cannot be read": "stop='t > 5' cannot be read",
    "--ignore leaves out the target y.": "ignore leaves out the target y.",
    "needs a target of classes: add --classes.": "needs a target of classes: add classes=True.",
    "--no-standardise or --indicator says": "standardise=False or indicator says",
    "go on with --resume and a higher --max-iterations.": "go on with start and a higher max_iterations.",
    "Other --seed values (--restarts 5) or more": "Other seed values or more",
    "add --data FILE; not a--b, and --unknown 3": "add --data FILE; not a--b, and --unknown 3",
    "--seed -1: give a number of at least 0.": "seed=-1: give a number of at least 0.",
}


@pytest.mark.parametrize("text", SENTENCES)
def test_sentences(text: str) -> None:
    assert in_python(text, NAMES | {"resume": "start"}) == SENTENCES[text]


def test_other_names_and_the_kind_of_the_error() -> None:
    error = speaking_python(TooLittleRoom("a lower --memory, or --hidden 5"), NAMES | {"hidden": "layers"})
    assert (type(error), str(error)) == (TooLittleRoom, "a lower memory, or layers=5")


def test_words_after_flags_in_messages_are_known() -> None:
    """What follows a flag of words, in the texts of the package, is a value (with = or a brace), or prose."""
    options = [option for option in declared(Options) if option.name in OPTIONS and not option.choices]
    flags = [option.flag for option in options if str in _parts(option.kind)]
    pattern = re.compile(rf"({'|'.join(flags)}) ([a-z]+)(?=[ ,;:)]|\. |\.?\"$)")
    strange = {
        (path.name, *found)
        for path in CHECKOUT.glob("distnn/**/*.py")
        for found in pattern.findall(path.read_text(encoding="utf-8"))
        if found[1] not in PROSE | EXAMPLES
    }
    assert not strange, "put these words into PROSE of in_python.py, or write the message otherwise"


EXAMPLES = {"lift", "wandb", "y", "balanced", "last", "all"}  # values in messages and in the help


def _parts(kind: object) -> tuple[object, ...]:
    return (kind, *getattr(kind, "__args__", ()))
