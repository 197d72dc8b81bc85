"""Options of a command: from flags and a TOML file to a dataclass, and back to TOML.

Options are read on rank 0 alone and sent to the others, which need not import what reads them.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import quote_from_bytes, unquote_to_bytes

from distnn.command_line.fields import check_fields
from distnn.command_line.help import help_text
from distnn.command_line.synonyms import Language
from distnn.declared import Declared, declared
from distnn.errors import UserError

TOML_BYTES = 1 << 20  # a file of options is far shorter
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", re.I)  # none that int() reads
BYTES = "bytes:"  # how a value begins in the file that is written byte by byte


def parse(kind: type, program: str, about: str, arguments: Sequence[str]) -> Any:
    """Options of the dataclass `kind`, as `read` reads them, or None when --help was all that was wanted.

    Local: for rank 0. UserError as for `read`, and for a value that does not fit its field.
    """
    given = read(kind, program, about, arguments)
    if given is None:
        return None
    options = kind(**given)
    check_fields(options)
    return options


def read(kind: type, program: str, about: str, arguments: Sequence[str]) -> dict[str, Any] | None:
    """Read options of the dataclass `kind` from flags and from the TOML file that --config names; flags win.

    Every field is as declared.py has it. Returns the values that were given, by the names of their fields, or None when
    --help was all that was wanted, which is printed. Local: for rank 0. UserError for an unknown option or a value of
    the wrong kind.
    """
    if asks_for_help(arguments):
        print(help_text(kind, program, about))
        return None
    options = declared(kind)
    language = Language({*(option.name for option in options), "config"}, program)
    try:
        return _given(language.translate(arguments), options, language, program)
    except UserError as error:
        raise UserError(language.explained(str(error), arguments)) from None


def _given(arguments: Sequence[str], options: Sequence[Declared], language: Language, program: str) -> dict[str, Any]:
    """What `read` returns, of arguments in which options have their own names."""
    arguments = _numbers_apart(arguments, options)
    _require_values(arguments, options)
    path = _config_path(arguments)
    file = _file(path) if path else {}
    language.refuse(file, f"--config {path}")
    for name in {"no-" + option.flag[2:] for option in options if option.is_switch} & set(file):
        raise UserError(f"--config {path}: there is no option {name}: {name[3:]} = false is what says so.")
    mentioned = _mentioned(arguments, file)
    few = [option for option in options if option.is_positional or option.name in mentioned]
    try:
        given = _parsed(program, arguments, path, few)
    except UserError:  # which only all options together put into words
        given = _parsed(program, arguments, path, options)
    for name, value in file.items():
        if given.get(name.replace("-", "_")) == (tuple(value) if isinstance(value, list) else value):
            given[name.replace("-", "_")] = from_toml(value)
    for option in options:
        if (option.is_positional or option.name in ("out", "write")) and given.get(option.name) in ("", ("",)):
            raise UserError(f"{option.flag} is empty text: is a variable of the shell not set?")
    return given


def _numbers_apart(arguments: Sequence[str], options: Sequence[Declared]) -> list[str]:
    """The arguments with --hidden 12x12 as --hidden 12 12, and files that follow such numbers before all options."""
    flags = {option.flag for option in options if option.takes_several and str not in get_args(option.kind)}
    found: list[str] = []
    files: list[str] = []
    inside = False
    for argument in arguments:
        flag, equals, values = argument.partition("=")
        if argument.startswith("--"):
            inside = flag in flags
            found += [flag, *apart(values)] if inside and equals else [argument]
        elif inside and not argument[:1].isdigit() and os.path.exists(argument):
            files.append(argument)
        else:
            found += apart(argument) if inside else [argument]
    return [*files, *found]


def _require_values(arguments: Sequence[str], options: Sequence[Declared]) -> None:
    """UserError for a list of words without one, such as --targets "$UNSET": no column is not what was meant."""
    flags = {option.flag for option in options if option.takes_several and str in get_args(option.kind)}
    for argument, following in pairwise([*arguments, "--"]):
        if argument in flags and following.startswith("--"):
            raise UserError(f"{argument} needs a value.")


def apart(values: str) -> list[str]:
    """12x12, 12,12, [12, 12] or "12 12" as 12 and 12. Local."""
    return re.split(r"\s*,\s*|\s+|(?<=\d)x(?=\d)", values.strip("[]() ").strip(","))


def _joined(arguments: Sequence[str]) -> list[str]:
    """The arguments with a lone -, which means stdin or stdout, joined to its option: it would be taken for one.

    Without an option before it, it is the table.
    """
    found: list[str] = []
    for argument in arguments:
        if argument == "-":
            is_value = found and found[-1].startswith("--") and "=" not in found[-1]
            found.append(f"{found.pop() if is_value else '--data'}=-")
        else:
            found.append(argument)
    return found


def _mentioned(arguments: Sequence[str], file: Mapping[str, Any]) -> set[str]:
    """Names of fields that flags and a file may speak of. To know these few alone takes a tenth of the time."""
    names = [argument[2:].partition("=")[0] for argument in arguments if argument.startswith("--")] + list(file)
    return {form.replace("-", "_") for name in names for form in (name, name.removeprefix("no-"))}


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Is the help all that is wanted? Local."""
    return "--help" in arguments or "-h" in arguments


def _parsed(program: str, arguments: Sequence[str], path: str | None, options: Sequence[Declared]) -> dict[str, Any]:
    """What `read` returns, where there are these options."""
    from cyclopts import App, CycloptsError, UnusedCliTokensError
    from cyclopts.config import Toml

    def collect(*values: Any, **given: Any) -> dict[str, Any]:
        return dict(zip(places, values, strict=False)) | given

    annotations = {option.name: _annotation(option) for option in options} | {"config": Path | None}
    places = [option.name for option in options if option.is_positional]
    collect.__annotations__ = annotations
    collect.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD if name in places else inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=annotations[name],
            )
            for name in [*places, *(name for name in annotations if name not in places)]
        ]
    )
    app = App(name=program, help_flags=(), version_flags=(), result_action="return_value")
    app.default(collect)
    if path:
        app.config = [Toml(path)]
    try:
        command, bound, _ = app.parse_args(_joined(arguments), print_error=False, exit_on_error=False)
        given = command(*bound.args, **bound.kwargs)
    except UnusedCliTokensError as error:
        words = " ".join(error.unused_tokens or ())
        usage = f"{program}{''.join(f' [{name.upper()}]' for name in places)} [OPTIONS]"
        raise UserError(f"There is no place for {words}: {usage}. See: {program} --help") from None
    except CycloptsError as error:
        text = _in_our_words(" ".join(str(error).split()))
        if any(text.startswith(f"Invalid value for {option.flag}:") for option in options if option.takes_several):
            text += " Several are written as 12 12, 12x12 or [12, 12]."
        raise UserError(f"{text} See: {program} --help") from None
    return {name: value for name, value in given.items() if value is not None and name != "config"}


def _in_our_words(text: str) -> str:
    """What cyclopts says of a wrong argument, as distnn says it."""
    for theirs, ours in (
        (r'unable to convert ("[^"]*") into int\.', r"\1 is not a whole number."),
        (r'unable to convert ("[^"]*") into float\.', r"\1 is not a number."),
        (r'unable to convert ("[^"]*") into \S+\.', r"\1 is of the wrong kind."),
        (r"^Parameter (--\S+) requires an argument\.", r"\1 needs a value."),
        (r'"([^"]{57})[^"]{4,}"', r'"\1..."'),
        (r" -\w is not a recognized option\.", ""),  # of -x3
    ):
        text = re.sub(theirs, ours, text)
    return text


def _annotation(option: Declared) -> Any:
    """The type of an option as cyclopts wants it."""
    from cyclopts import Parameter

    parameter = Parameter(consume_multiple=option.takes_several, negative=None if option.is_switch else ())
    return Annotated[_whole_numbers(option.kind) | None, parameter]


def _whole_numbers(kind: Any) -> Any:
    """The type with every int in it read by `_whole`."""
    from cyclopts import Parameter

    if kind is int:
        return Annotated[int, Parameter(converter=_whole)]
    if get_origin(kind) is tuple:
        return tuple[_whole_numbers(get_args(kind)[0]), ...]  # type: ignore[misc]
    if type(None) in get_args(kind):
        return _whole_numbers(get_args(kind)[0]) | None
    return kind


def _whole(kind: type, tokens: Sequence[Any]) -> int:
    """A whole number, 1e6 too; cyclopts itself would round 1.5 to 2."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        number = float(text) if NUMBER.fullmatch(text) else math.nan
        if not number.is_integer():
            raise ValueError(f'"{text}" is not a whole number.') from None
        return int(number)


def _config_path(arguments: Sequence[str]) -> str | None:
    """The file that --config names, which must be known before the other options can be read."""
    for place, argument in enumerate(arguments):
        if argument == "--config" and place + 1 < len(arguments):
            return arguments[place + 1]
        if argument.startswith("--config="):
            return argument.removeprefix("--config=")
    return None


def _file(path: str) -> dict[str, Any]:
    """The options in a TOML file. UserError, with the place of the fault, if it cannot be read."""
    try:
        with open(path, "rb") as file:
            text = file.read(TOML_BYTES + 1)
        values = tomllib.loads(text.decode()) if len(text) <= TOML_BYTES else {}
    except OSError as error:
        raise UserError(f"--config {path} cannot be read: {error.strerror}.") from None
    except RecursionError:
        raise UserError(f"--config {path} is not a file of options: it is nested too deeply.") from None
    except ValueError as error:
        raise UserError(f"--config {path} is not a TOML file: {error}.") from None
    if len(text) > TOML_BYTES:
        raise UserError(f"--config {path} is not a file of options: it is longer than {TOML_BYTES >> 20} MB.")
    for name, value in values.items():
        if isinstance(value, dict):
            raise UserError(f"--config {path}: {name} is a table; options stand in the file without tables.")
    return values


def to_toml(options: Any, without: Sequence[str] = ()) -> str:
    """Options as the text of a TOML file that --config reads, but for those that are None or in `without`."""
    import tomli_w

    given = {name: value for name, value in vars(options).items() if value is not None and name not in without}
    values = {name.replace("_", "-"): _text(value) for name, value in given.items()}
    return tomli_w.dumps(values)


def from_toml(value: Any) -> Any:
    """The value of an option that stands so in a file of `to_toml`."""
    if isinstance(value, list):
        return tuple(map(from_toml, value))
    if isinstance(value, str) and value.startswith(BYTES):
        return os.fsdecode(unquote_to_bytes(value.removeprefix(BYTES)))
    return value


def _text(value: Any) -> Any:
    """A value as TOML has it: a name with bytes that are no UTF-8, as Linux allows, with %E9 for such a byte."""
    if isinstance(value, tuple | list):
        return [_text(item) for item in value]
    if isinstance(value, str) and (value.startswith(BYTES) or not _is_utf8(value)):
        return BYTES + quote_from_bytes(os.fsencode(value))
    return value


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
