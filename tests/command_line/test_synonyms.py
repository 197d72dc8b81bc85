"""What hands type: other names of options are understood, and answered where there is no such option."""

from __future__ import annotations

import pytest

import distnn
from distnn import UserError
from distnn.command_line.synonyms import ANSWERS, SYNONYMS, Language
from distnn.declared import declared
from distnn.export import ExportOptions
from distnn.runs.options import Options
from distnn.submit import SubmitOptions

KNOWN = {option.name for option in declared(Options)}
LANGUAGE = Language(KNOWN, "distnn train")
EVERY = {option.name for kind in (SubmitOptions, ExportOptions) for option in declared(kind)}


def test_flags_are_translated() -> None:
    given = ["t.csv", "--lr", "0.1", "--activation=relu", "--no-normalize", "--random_state", "3", "-o", "runs/a", "-1"]
    assert LANGUAGE.translate(given) == [
        *("t.csv", "--eta", "0.1", "--theta=relu", "--no-standardise", "--seed", "3", "--out", "runs/a", "-1")
    ]


def test_own_options_and_unknown_ones_stay_what_they_are() -> None:
    given = [f"--{name.replace('_', '-')}" for name in KNOWN] + ["--nothing", "-z", "-", "--"]
    assert LANGUAGE.translate(given) == given


def test_every_synonym_means_an_option_and_nothing_else() -> None:
    assert set(SYNONYMS) <= EVERY
    for lists in (SYNONYMS.values(), ANSWERS):
        words = [word for others in lists for word in others]
        assert len(set(words)) == len(words)
        assert not {word.replace("-", "_") for word in words} & EVERY
    for option, others in SYNONYMS.items():
        for other in others:
            assert Language(EVERY, "").translate([f"--{other}"]) == [f"--{option.replace('_', '-')}"]


def test_options_in_answers_exist() -> None:
    for answer in ANSWERS.values():
        for word in answer.replace(",", " ").replace(":", " ").replace(".", " ").replace(";", " ").split():
            assert not word.startswith("--") or word[2:].replace("-", "_") in KNOWN, answer


@pytest.mark.parametrize("flag", ["--epochs", "--epochs=5", "-n", "--gpu", "--early_stopping"])
def test_what_is_no_option_is_answered(flag: str) -> None:
    with pytest.raises(UserError, match=f"^There is no option {flag.partition('=')[0]}: "):
        LANGUAGE.translate([flag, "5"])
    with pytest.raises(UserError, match="mpirun -n 8 distnn train"):
        LANGUAGE.translate(["--nproc"])


@pytest.mark.parametrize("given", [["--layers", "3"], ["--hidden_layers=3"], ["--layers", "3", "t.csv"]])
def test_a_lone_number_of_layers_is_not_guessed(given: list[str]) -> None:
    with pytest.raises(UserError, match=r"may mean 3 layers, or one of 3 units\. .*: --hidden 16 16 16 are three"):
        LANGUAGE.translate(given)


@pytest.mark.parametrize("given", [["--layers", "16", "8"], ["--layers", "16,8"], ["--hidden-units", "3"]])
def test_widths_of_layers_are_understood(given: list[str]) -> None:
    assert LANGUAGE.translate(given) == ["--hidden", *given[1:]]


def test_an_error_says_what_was_typed() -> None:
    typed = ["t.csv", "--lr", "x", "--no-normalize", "-x=a", "--eta-like"]
    for text, explained in (
        ("--eta needs a value.", "--eta needs a value. (--lr means --eta.)"),
        ("--eta-min is odd.", "--eta-min is odd."),
        ("--inputs: no.", "--inputs: no. (-x means --inputs.)"),
        ("--no-standardise: no.", "--no-standardise: no. (--no-normalize means --no-standardise.)"),
    ):
        assert LANGUAGE.explained(text, typed) == explained
    assert LANGUAGE.explained("--seed needs a value.", ["--seed"]) == "--seed needs a value."


def test_a_synonym_of_an_option_that_this_program_lacks_is_left_alone() -> None:
    assert Language({"model"}, "distnn export").translate(["--lr"]) == ["--lr"]


def test_a_job_says_itself_on_how_many_processes() -> None:
    """Where mpirun's number of processes is an option, its names are synonyms of that."""
    given = ["-n", "8", "--partition", "long", "--walltime=4h"]
    translated = ["--tasks", "8", "--queue", "long", "--time=4h"]
    assert Language(EVERY, "distnn submit").translate(given) == translated


def test_from_python() -> None:
    X = [[0.0], [1.0]]
    with pytest.raises(UserError, match=r"^fit: sample_weight is called weights here\.$"):
        distnn.fit(X, X, sample_weight=[1, 1])  # type: ignore[call-arg]
    with pytest.raises(UserError, match=r"^fit: lr is called eta here\.$"):
        distnn.fit(X, X, lr=0.1)  # type: ignore[call-arg]
    with pytest.raises(
        UserError, match=r"^fit: there is no option epochs: .*: see max_iterations\. With optimizer='sgd'"
    ):
        distnn.fit(X, X, epochs=3)  # type: ignore[call-arg]
