"""The word that a program leaves at its end, for scripts that cannot trust their launcher's exit code.

`mpirun --with-ft ulfm` of Open MPI ends with 0 also where all ranks were killed.
"""

from __future__ import annotations

import os
import sys

VARIABLE = "DISTNN_EXIT_CODE_FILE"  # names the file


def leave_word(code: int) -> None:
    """Write the exit code, a line of its own, into the file that the variable names, if it does. Local: for rank 0.

    In place, so that a file that was there before needs no room on the disk and is found where directories are cached.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666), "w") as file:
            file.write(f"{code}\n")
            file.truncate()
    except OSError as error:
        print(f"distnn: the exit code cannot be written to {path} ({VARIABLE}): {error.strerror}.", file=sys.stderr)
