"""--help shows every option, in lines as wide as the terminal."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, get_args, get_type_hints

import pytest

from distnn.command_line.help import help_text
from distnn.declared import Positional
from distnn.evaluate import EvaluateOptions
from distnn.evaluate import main as evaluate_main
from distnn.parallel.ranks import OneRank
from distnn.predict import PredictOptions
from distnn.predict import main as predict_main
from distnn.runs.options import Options, flag
from distnn.train import main

COMMANDS = [(Options, main), (PredictOptions, predict_main), (EvaluateOptions, evaluate_main)]


@pytest.mark.parametrize(("kind", "program"), COMMANDS)
def test_commands(kind: Any, program: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for argument in ("--help", "-h"):
        assert program(OneRank(), ["--data", "x.csv", argument]) == 0
        shown = capsys.readouterr().out
        for field in fields(kind):
            assert f"{flag(field.name)} " in shown
        assert "--config" in shown
        assert max(map(len, shown.splitlines())) <= 80
        squeezed = " ".join(shown.split())
        for name, hint in get_type_hints(kind, include_extras=True).items():
            assert get_args(hint)[2] in squeezed, name
    for empty in ("[]", "None", "[False]", "[True]", "<class"):
        assert empty not in shown


@dataclass(frozen=True)
class Some:
    runs: Annotated[tuple[str, ...], "Runs", "Directories of runs.", Positional()] = ()
    widths: Annotated[tuple[int, ...], "Network", "Widths of the layers."] = (30, 20)
    theta: Annotated[Literal["tanh", "relu"] | None, "Network", "Activation."] = None
    share: Annotated[float, "Network", "A share which is 0 unless it is said to be another."] = 0.0
    standardise_targets: Annotated[bool, "Network", "Standardise them."] = True


def test_everything_about_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "64")
    assert help_text(
        Some,
        "program",
        "About this: a sentence that does not fit into\none line.\n\nMore of it.\n\nExamples:\nprogram a b\nprogram c",
    ) == (
        """\
Usage: program [RUNS...] [OPTIONS]

About this: a sentence that does not fit into one line.

More of it.

Runs:
  --runs STR...               Directories of runs.

Network:
  --widths INT...             Widths of the layers. [30 20]
  --theta CHOICE              Activation. [choices: tanh, relu]
  --share FLOAT               A share which is 0 unless it is
                              said to be another. [0.0]
  --standardise-targets --no-standardise-targets
                              Standardise them.

Help and files of options:
  --config FILE               TOML file of options; flags win.
  --help, -h                  Print this, and do nothing else.

Examples:
  program a b
  program c"""
    )


def test_a_narrow_terminal_and_a_wide_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, widest in (("50", 50), ("300", 100)):
        monkeypatch.setenv("COLUMNS", columns)
        lines = help_text(Options, "program", "About " * 60).splitlines()
        flags = [line for line in lines if line.startswith("  --")]
        assert max(len(line) for line in lines if line not in flags) <= widest
