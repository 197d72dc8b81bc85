"""`distnn completion`: a script by which a shell completes the command's words, options and files.

The scripts ask `distnn --help` and `distnn COMMAND --help`, so they need not be made anew for another version.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.declared import Positional
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks, on_root

PROGRAM = "distnn completion"
ABOUT = """Print a script by which bash, zsh or fish completes what is typed after distnn.

Examples:
source <(distnn completion bash)
source <(distnn completion zsh)
distnn completion fish | source"""

BASH = r"""_distnn() {
    local word=${COMP_WORDS[COMP_CWORD]} words IFS=$' \n'
    if ((COMP_CWORD == 1)); then
        words=$(distnn --help 2>/dev/null | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p')
    elif [[ $word == -* ]]; then
        words=$(distnn "${COMP_WORDS[1]}" --help 2>/dev/null | grep -oE '^  --[a-z0-9-]+( --no-[a-z0-9-]+)?')
    else
        IFS=$'\n' # names may have spaces
        COMPREPLY=($(compgen -f -- "$word"))
        return
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o filenames -F _distnn distnn
"""
FISH = r"""function __distnn_words
    set -l words (commandline -opc)
    if test (count $words) -eq 1
        distnn --help 2>/dev/null | string match -rg '^  ([a-z]+)  '
    else
        distnn $words[2] --help 2>/dev/null | string match -ra -- '--[a-z0-9-]+' | sort -u
    end
end
complete -c distnn -a '(__distnn_words)'
"""
SCRIPTS = {"bash": BASH, "zsh": f"autoload -U +X bashcompinit && bashcompinit\n{BASH}", "fish": FISH}


@dataclass(frozen=True, kw_only=True)
class CompletionOptions:
    """Options of the command."""

    shell: Annotated[str | None, "Completion", f"One of {', '.join(SCRIPTS)}.", Positional()] = None


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Print the script. Collective; rank 0 does it. Returns the exit code."""
    on_root(ranks, lambda: _print(parse(CompletionOptions, PROGRAM, ABOUT, arguments)))
    return 0


def _print(options: CompletionOptions | None) -> None:
    if options is None:
        return
    if options.shell not in SCRIPTS:
        raise UserError(f"For which shell? distnn completion {', '.join(SCRIPTS)}: give one of them.")
    print(SCRIPTS[options.shell], end="")


if __name__ == "__main__":
    run(main)
