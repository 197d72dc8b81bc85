"""How a text table is written, as far as a user says so; all else is found by its look."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from distnn.errors import UserError

NAMED = {"tab": "\t", "space": " "}


class Written(NamedTuple):
    """None: judged by its look.

    delimiter: a character, or "tab", or "space", of which several count as one. decimal: "." or ",". encoding: one that
    Python knows.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None

    def check(self) -> None:
        """UserError for what can be no delimiter, decimal mark or encoding. Local."""
        mark = NAMED.get(self.delimiter or "", self.delimiter)
        if mark is not None and (len(mark) != 1 or not mark.isascii() or mark.isalnum() or mark in "\"'.+-#\n\r\0"):
            raise UserError(
                f"--delimiter {self.delimiter!r}: give one character, such as ';' or '|', or the words tab or space."
            )
        if self.decimal not in (None, ".", ","):
            raise UserError(f"--decimal {self.decimal!r}: give . or , (a comma).")
        if mark == "," == self.decimal:
            raise UserError("--delimiter , and --decimal , contradict each other: which of the two are commas?")
        if self.encoding is not None:
            try:
                known = codecs.lookup(self.encoding)._is_text_encoding
            except (LookupError, ValueError):
                known = False
            if not known:
                raise UserError(
                    f"--encoding {self.encoding!r} is none that Python knows; common ones are utf-8, latin-1, cp1252, "
                    "cp1250, utf-16, shift_jis and gb18030."
                )

    @property
    def splits_at(self) -> str | None:
        """What stands between fields, as a `Dialect` has it; None for white space. Where `delimiter` is given."""
        return None if self.delimiter in ("space", " ") else NAMED.get(self.delimiter or "", self.delimiter)

    @property
    def recoded(self) -> str | None:
        """The encoding from which the file has to be rewritten, if it is given and is not UTF-8."""
        if self.encoding is None or codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig", "ascii"):
            return None
        return self.encoding


AS_IT_LOOKS = Written()
