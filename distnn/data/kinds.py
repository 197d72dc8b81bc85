"""What a column is taken for, decided by all that it holds, or refused in a sentence that says what to type."""

from __future__ import annotations

import re
from dataclasses import dataclass

from distnn.data.classes import sort_names
from distnn.data.encoding import Encoding
from distnn.data.spellings import spelling
from distnn.data.survey import Found
from distnn.data.tables import Source
from distnn.data.tables.source import quoted, typed
from distnn.errors import UserError

KINDS = ("numbers", "words", "booleans")  # that --types can say
NEARLY = 0.9  # of the values of a column: words among so many numbers are mistakes or gaps, not categories
MANY_CLASSES = 50  # a class each: more than that, and most of them numbers, are no classes
SMALL = 10  # rows: among so few, each may be of its own class, and each word be another
MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
DATE = re.compile(
    rf"\d{{1,2}}[-/. ]*{MONTH}[-/., ]*\d{{2,4}}([T ].*)?|{MONTH}[. ]*\d{{1,2}}[, ]+\d{{4}}([T ].*)?|"
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})([T ].*)?|\d{1,2}:\d{2}(:\d{2}.*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Column:
    """A column, for decisions and messages. forced: the kind that the user says it is, or None."""

    source: Source
    number: int
    found: Found
    forced: str | None = None

    @property
    def name(self) -> str:
        return self.source.columns[self.number]

    @property
    def typed(self) -> str:
        """Its name as it is typed after an option."""
        return typed(self.name)

    @property
    def where(self) -> str:
        return f"{self.source.path}: the column {self.name}"


def encoding(column: Column, categories: int) -> Encoding:
    """What is made of a column of inputs. Local. UserError where that is in doubt; categories: the most for words."""
    found, name = column.found, column.typed
    if column.forced == "numbers":
        return Encoding()
    if column.forced == "booleans" or (column.forced is None and found.kind == "booleans"):
        return Encoding("booleans")
    if column.forced is None and found.kind in ("numbers", "integers"):
        return Encoding()
    _refuse_dates(column, f"turn it into a number, such as days, or leave it out: --ignore {name}.")
    if found.values == 0 and found.missing:
        raise UserError(f"{column.where} holds nothing but missing values: leave it out with --ignore {name}.")
    if column.forced is None:
        if found.words == 0:
            return Encoding()
        if found.is_true_or_false:
            return Encoding("booleans")
        _refuse_few_words(column, always=_is_mostly_numbers(column))
        _refuse_spellings(column, always=len(found.different) == found.values or len(found.different) > categories)
    different = len(found.different)
    if column.forced is None and different == found.values > SMALL:
        if all(column.source.number(word) is not None for word in found.different):  # a file with types says words
            raise UserError(f"{column.where} holds numbers, written as words: say --types {name}=numbers.")
        raise UserError(
            f"{column.where} holds another word in each row, such as {quoted(next(iter(found.different)))}: nothing "
            f"can be learnt from it. Leave it out with --ignore {name}, or say --types {name}=words."
        )
    if found.overflow or different > categories:
        more = "more than " if found.overflow else ""
        raise UserError(
            f"{column.where} holds {more}{different:,} different words, and each would be an input. Leave it out with "
            f"--ignore {name}, or raise --categories {categories}."
        )
    return Encoding("words", sort_names(list(found.different)))


def holds_classes(column: Column) -> bool:
    """Is a target a class rather than a number, where no option says so? Local. UserError where that is in doubt."""
    found = column.found
    if column.forced is not None:
        return column.forced != "numbers"
    _refuse_dates(column, "turn it into a number, such as days.")
    _refuse_spellings(column)
    if found.values == 0 and found.missing:
        raise UserError(f"{column.where}, the target, holds nothing but missing values: name another, --targets.")
    if found.kind in ("words", "booleans"):
        return True
    if found.words == 0:
        return False
    most = MANY_CLASSES if not found.overflow else 0
    if found.numbers >= found.values / 2 and (found.overflow or len(found.different) > most):
        _refuse_few_words(column, always=True)
    _refuse_few_words(column)
    return True


def refuse_classes(where: str, name: str, classes: int, rows: int, numbers: int, asked: bool) -> None:
    """UserError where what was found are no classes. Local.

    classes: how many, numbers: how many of them are numbers; rows: of the table; asked: --classes or --types said so.
    """
    if classes == rows > SMALL:
        advice = (
            f" If it is numbers, written as words, say --types {typed(name)}=numbers." if numbers == classes else ""
        )
        raise UserError(
            f"{where}: each of the {rows} rows has its own class in {name}: there is nothing to learn.{advice}"
        )
    if not asked and classes > MANY_CLASSES and numbers >= NEARLY * classes:
        raise UserError(
            f"{where}: the target {name} would have {classes} classes, and nearly all are numbers. Say --types "
            f"{typed(name)}=numbers to predict numbers, or --classes if it is classes all the same."
        )


def _refuse_dates(column: Column, advice: str) -> None:
    words = list(column.found.different)[:100]
    if column.found.kind == "dates" or (column.forced is None and words and all(map(DATE.fullmatch, words))):
        shown = f", such as {quoted(words[0])}" if words else ""
        raise UserError(f"{column.where} holds dates{shown}: {advice}")


def _refuse_spellings(column: Column, always: bool = False) -> None:
    """UserError where words are numbers but for something; always: also where they might be words all the same."""
    words = [word for word in list(column.found.different)[:1000] if column.source.number(word) is None]
    found = spelling(words)
    if found and (found.certain or always):
        raise UserError(
            f"{column.where} holds {found.what}, such as {quoted(words[0])}: {found.remedy}; or say that it holds "
            f"words, --types {column.typed}=words."
        )


def _is_mostly_numbers(column: Column) -> bool:
    """Are most values numbers, and so many different ones that the few different words are marks, such as - or low?"""
    found, different = column.found, len(column.found.different)
    if found.numbers <= found.values / 2 or different <= SMALL:
        return False
    return sum(column.source.number(word) is not None for word in found.different) >= NEARLY * different


def _refuse_few_words(column: Column, always: bool = False) -> None:
    """UserError where a column is numbers but for a few words."""
    found, name = column.found, column.typed
    if found.first is None or not (always or found.numbers >= NEARLY * found.values):
        return
    row, word = found.first
    words = f"{found.words:,} {'word' if found.words == 1 else 'words'}"
    where = column.where
    try:
        column.source.read(row, row + 1, [column.number])
    except UserError as error:  # the source knows best how to say where
        where = f"{str(error).removesuffix('.')}: the column"
    except IndexError:  # another rank has this row of an array
        where = f"{column.source.path}, {column.source.place(row)}, column {column.name}: it"
    equals = "=" if word.startswith("-") and word != "-" else " "  # else it would be taken for an option
    raise UserError(
        f"{where} holds {found.numbers:,} numbers and {words}. {_advice(column, row, word)}; or say what it is: a "
        f"missing value, --missing{equals}{typed(word)}; or that the column holds words, --types {name}=words."
    )


def _advice(column: Column, row: int, word: str) -> str:
    """What to do about the first word among numbers."""
    if word == column.name:
        return "It is the column's name again: remove that line, where another file began"
    if row == 0 and not column.source.named:
        return "If the first line holds names, say --header"
    if row == column.source.n - 1:
        return "It stands in the last row: remove that if it is a sum or a remark"
    known = spelling([word])
    return f"These are {known.what}: {known.remedy}" if known else "Correct it"
