"""Flags and TOML files: flags win, what is printed reads back, and every mistake is one sentence."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest

from distnn import UserError
from distnn.command_line.arguments import parse, to_toml
from distnn.declared import Declared, declared
from distnn.parallel.ranks import OneRank
from distnn.predict import PredictOptions
from distnn.runs.options import Options, check, flag
from distnn.train import ABOUT, PROGRAM, main, read_options


def read(*arguments: str) -> Any:
    return parse(Options, PROGRAM, ABOUT, arguments)


def config(folder: Path, text: str) -> str:
    path = folder / "options.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_no_arguments_are_the_defaults() -> None:
    assert read() == Options()


def test_flags() -> None:
    options = read(
        *("--hidden", "30", "20", "--targets", "price", "-1", "--no-standardise", "--no-classes", "--eta=0.5"),
        *("--theta", "relu", "--resume", "--stop", "t >= 5 and E_in < 1e-3", "--sigma", "1e-2"),
    )
    assert options == replace(
        Options(),
        hidden=(30, 20),
        targets=("price", "-1"),
        standardise=False,
        classes=False,
        eta=0.5,
        theta="relu",
        resume=True,
        stop="t >= 5 and E_in < 1e-3",
        sigma=0.01,
    )
    assert read("--hidden").hidden == ()
    assert read("--hidden", "--seed", "3").hidden == ()
    assert read("--max-iterations", "1e6", "--hidden", "2e1").max_iterations == 1_000_000
    assert read("--targets", "a b", "θ").targets == ("a b", "θ")


def test_a_file_and_flags_that_win(tmp_path: Path) -> None:
    path = config(tmp_path, 'hidden = [5]\ntheta = "relu"\ntargets = ["y", "-1"]\neta = 1\nresume = false\n')
    options = read("--config", path, "--theta", "tanh", "--out", "x")
    assert options == replace(Options(), hidden=(5,), theta="tanh", targets=("y", "-1"), eta=1.0, out="x")
    assert read(f"--config={path}").theta == "relu"
    assert read("--config", config(tmp_path, "hidden = []\n")).hidden == ()


EXAMPLES: dict[Any, Any] = {int: 7, float: 0.125, str: "a 'b' \"θ\" \\", bool: True}


def another(field: Declared) -> Any:
    """A value that is not the option's default."""
    kind = field.kind
    choices = [choice for choice in get_args(kind) if choice is not type(None)] or [kind]
    if get_origin(kind) is tuple:
        value: Any = (EXAMPLES[choices[0]],) * 2
    elif isinstance(choices[0], str):
        value = choices[-1]
    elif get_origin(choices[0]) is tuple:  # tuple[…] | None
        value = (EXAMPLES[get_args(choices[0])[0]],) * 2
    elif get_origin(choices[0]) is not None:  # Literal[…] | None
        value = get_args(choices[0])[-1]
    else:
        value = EXAMPLES[choices[0]]
    return False if value is True and field.default is True else value


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("bit", range(len(declared(Options)).bit_length()))
def test_every_option_reads_back(bit: int, given: bool, tmp_path: Path) -> None:
    """As a flag and from a file, with a value that is not its default: those whose number has this bit, or has it not.
    Of any two options each is given without the other at least once."""
    values = {field.name: another(field) for k, field in enumerate(declared(Options)) if bool(k >> bit & 1) is given}
    options = replace(Options(), **values)
    text, arguments = to_toml(options), []
    for name, value in values.items():
        assert value != getattr(Options(), name)
        assert tomllib.loads(text)[flag(name)[2:]] == (list(value) if isinstance(value, tuple) else value)
        if isinstance(value, bool):
            arguments += [flag(name) if value else flag(name).replace("--", "--no-", 1)]
        else:
            arguments += [flag(name), *map(str, value if isinstance(value, tuple) else (value,))]
    assert read("--config", config(tmp_path, text)) == options
    assert read(*arguments) == options


def test_print_config_round_trips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--hidden", "3", "--validation", "0.1", "--sigma", "0.1", "--stop", "t > 5", "--out", "somewhere")
    assert main(OneRank(), [*arguments, "--print-config"]) == 0
    printed = capsys.readouterr().out
    assert read_options(["--config", config(tmp_path, printed)]) == read_options(arguments)
    assert main(OneRank(), ["--config", config(tmp_path, printed), "--print-config"]) == 0
    assert capsys.readouterr().out == printed
    assert "print-config" not in tomllib.loads(printed)
    assert not Path("somewhere").exists()


@pytest.mark.parametrize("given", ["12x3", "12,3", "[12, 3]", "12 3", "(12,3)"])
def test_widths_of_layers_however_they_are_written(given: str) -> None:
    for arguments in ((f"--hidden={given}",), ("--hidden", given), ("--hidden", given, "--seed", "0")):
        assert read(*arguments) == read("--hidden", "12", "3")


BAD: list[tuple[tuple[str, ...], str]] = [
    (("--thetaa", "tanh"), r"Unknown option: --thetaa\. Did you mean --theta\?"),
    (("--theta", "tan"), "tanh"),
    (("--max-iterations", "many"), "max-iterations.*many"),
    (("--max-iterations", "1.5"), '--max-iterations: "1.5" is not a whole number'),
    (("--max-iterations", "5x"), '--max-iterations: "5x" is not a whole number'),
    (
        ("--hidden", "12,a"),
        r'--hidden: "a" is not a whole number\. Several are written as 12 12, 12x12 or \[12, 12\]\.',
    ),
    (("--targets", "--seed", "3"), "--targets needs a value"),
    (("--hidden", "3", "4.5"), '"4.5"'),
    (("--seed", "inf"), "seed"),
    (("--seed", "1e400"), "seed"),
    (("--eta", "fast"), '^Invalid value for --eta: "fast" is not a number. See'),
    (("--out", ""), "^--out is empty text: is a variable of the shell not set"),
    (("--hidden", "3", "x"), "hidden"),
    (("--seed",), "^--seed needs a value. See"),
    (("--lr",), r"^--eta needs a value\. See: distnn train --help \(--lr means --eta\.\)$"),
    (("-x", "--seed", "3"), r"^--inputs needs a value\. \(-x means --inputs\.\)$"),
    (("-x3",), "^Unknown option: -x3. See: distnn train --help$"),
    (("stray",), "stray cannot be read: No such file"),
    (("a.csv", "b.csv"), r"There is no place for b.csv: distnn train \[DATA\] \[OPTIONS\]"),
    (("a.csv", "--data", "b.csv"), "There is no place for a.csv"),
    (("--hidden", "4,x"), '"x"'),
    (("--epochs", "3"), "an epoch is an iteration here"),
    (("--targets", "y", "table.csv"), "for a table of your own: give it first, as in train table.csv --targets y"),
    (("--optimizer", "adamw"), "optimizer"),
    (("--dtype", "float16"), "dtype.*float32"),
    (("--hidden", "4", "0"), "--hidden 4 0: .* at least 1, and 0 alone means no hidden layer"),
    (("--validation", "1.5"), "--validation 1.5"),
    (("--config", "missing.toml"), "--config missing.toml cannot be read: No such file or directory"),
    (("--config",), "config"),
    (("--config", "/"), "--config / cannot be read: Is a directory"),
    (("--resume",), "--resume needs --out"),
    (("--resume", "--out", "nowhere"), "--out nowhere holds no run to resume: nowhere/options.toml is missing"),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_mistakes(arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as raised:
        main(OneRank(), arguments)
    one_sentence(str(raised.value))


def one_sentence(text: str) -> None:
    """Printable, on one line, and not too long."""
    assert text.isprintable(), text
    assert len(text) < 400, text
    assert "│" not in text
    assert text.rstrip().endswith((".", "help", "?", ")")), text


def test_what_hands_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables without a flag, also after numbers; numbers with commas; names that other packages have for options."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").touch()
    expected = replace(Options(), data="t.csv", hidden=(30, 20), eta=0.5)
    for hidden in (["--hidden", "30", "20"], ["--hidden", "30,20"], ["--hidden=30,20"], ["--layers", "[30,", "20]"]):
        assert read("t.csv", *hidden, "--eta", "0.5") == expected
        assert read(*hidden, "t.csv", "--lr", "0.5") == expected
        assert read("--learning-rate=0.5", *hidden, "--data", "t.csv") == expected
    for dash in (["-"], ["--data", "-"], ["--data=-"], ["--quiet", "--data", "-"]):
        assert read(*dash, "--hidden", "3").data == "-"
    applied = parse(PredictOptions, "predict", "About", ["runs/a", "-", "--out", "-"])
    assert (applied.model, applied.data, applied.out) == ("runs/a", "-", "-")


BAD_FILES = {
    "another name": ("lr = 0.1\n", "bad.toml: lr is called eta here"),
    "a negation": ("no-standardise = true\n", "bad.toml: there is no option no-standardise: standardise = false"),
    "no such option": ("epochs = 3\n", "bad.toml: there is no option epochs: an epoch"),
    "not TOML": ("theta = tanh\n", "is not a TOML file: .*line 1"),
    "not text": ("\udcff", "is not a TOML file"),
    "unknown option": ("thetaa = 'tanh'\n", "thetaa"),
    "wrong kind": ("max-iterations = 'many'\n", "max-iterations"),
    "a fraction": ("seed = 1.5\n", '"1.5" is not a whole number'),
    "a list for one": ("seed = [1, 2]\n", "seed"),
    "a table": ("[hidden]\na = 1\n", "hidden"),
    "wrong choice": ("theta = 'tan'\n", "theta"),
    "out of range": ("hidden = [0, 3]\n", "--hidden 0 3"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_mistakes_in_a_file(name: str, tmp_path: Path) -> None:
    text, sentence = BAD_FILES[name]
    path = tmp_path / "bad.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=sentence) as raised:
        main(OneRank(), ["--config", str(path)])
    one_sentence(str(raised.value).replace(str(path), "bad.toml"))


def test_one_definition_makes_flags_and_file(tmp_path: Path) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Two:
        count: Annotated[int, "Group", "How many."] = 3
        name: Annotated[str | None, "Group", "What."] = None

    globals()["Two"] = Two  # get_type_hints resolves names in the module
    assert parse(Two, "two", "About", ["--count", "5"]) == Two(count=5)
    assert parse(Two, "two", "About", ["--name", "x"]) == Two(name="x")
    assert parse(Two, "two", "About", ["--config", config(tmp_path, "count = 4\n"), "--name", "y"]) == Two(
        count=4, name="y"
    )


def test_checks_leave_good_options_alone() -> None:
    check(replace(Options(), hidden=(), validation=0.5, patience=3, keep=2, seed=2**63 - 1, max_iterations=0))


@pytest.mark.parametrize("name", [os.fsdecode(b"caf\xe9 %.csv"), "bytes:a%20b", "café.csv", "a\tb\\c"], ids=ascii)
def test_names_of_files_of_any_bytes_read_back(name: str, tmp_path: Path) -> None:
    options = replace(Options(), data=name, targets=(name, "y"))
    text = to_toml(options)
    assert read("--config", config(tmp_path, text)) == options
    assert read("--data", name).data == name
    assert read("--config", config(tmp_path, text), "--data", "bytes:b").data == "bytes:b"
