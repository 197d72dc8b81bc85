"""Files that are no tables of a format that is read here: known by the endings of their names, or by how they begin."""

from __future__ import annotations

from distnn.errors import UserError

ENDINGS = {
    **dict.fromkeys((".xls", ".xlsx", ".ods"), "a spreadsheet"),
    **dict.fromkeys((".pkl", ".pickle"), "a pickle"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "JSON"),
    **dict.fromkeys((".rds", ".rdata"), "R's own format"),
    ".mat": "MATLAB's own format",
    ".arff": "Weka's own format",
    ".dta": "Stata's own format",
    ".sav": "SPSS's own format",
    ".sas7bdat": "SAS's own format",
    ".fits": "a FITS file",
}
SAVE = "save it as CSV"
# By what a file whose name does not say so begins with, in small letters: what it is, and what to do.
BEGINNINGS = {
    b"pk\3\4": ("a zip archive, as spreadsheets are, too", f"unpack it, or {SAVE}"),
    b"\xd0\xcf\x11\xe0": ("a spreadsheet", SAVE),
    b"%pdf": ("a PDF", SAVE),
    b"matlab 5.0": ("MATLAB's own format", SAVE),
    b"sqlite format 3": ("a database", "export the table as CSV"),
    b"simple  =": ("a FITS file", SAVE),
    b"<!doctype html": ("a web page", "download the file itself"),
    b"<html": ("a web page", "download the file itself"),
    b"<?xml": ("XML", SAVE),
    b'{"': ("JSON", SAVE),
    b"[{": ("JSON", SAVE),
    b"@relation": ("Weka's own format", SAVE),
    b"version https://git-lfs": ("a note of Git LFS in the place of the file", "fetch the file itself by git lfs pull"),
}
TAR = slice(257, 262)


def refuse_ending(path: str, ending: str, known: str) -> None:
    """UserError for a file whose name's ending says that it is none of the known formats. Local."""
    if ending in ENDINGS:
        raise UserError(f"{path} is {ENDINGS[ending]}; {SAVE}. The known formats are {known}.")


def refuse_beginning(path: str, head: bytes) -> None:
    """UserError for a file whose first bytes say that it is no text table. Local."""
    start = head[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for beginning, (what, remedy) in BEGINNINGS.items():
        if start.startswith(beginning):
            raise UserError(f"{path} is {what}: {remedy}.")
    if head[TAR] == b"ustar":
        raise UserError(f"{path} is a tar archive: unpack it, and name what was in it.")
