#!/usr/bin/env bash
# Mutation testing: breaks the code in one small place after another, which makes 'mutants', and tells which of these
# faults no test notices: the survivors. docs/mutation.md says what was found, and why those left are no faults.
#
#     launch/mutate.sh                              all modules of the table below, in so many processes as cores
#     launch/mutate.sh -j 1 storage/files data      one module and those of a folder, in one process
#     launch/mutate.sh storage/files:_link          one function of a module, or Class.method
#
# Works on a copy of the checkout. Prints each survivor as a difference. The exit code is 0 if there is none.
# Uses mutmut, which leaves alone what runs when a module is loaded (its constants above all) and functions with
# decorators other than staticmethod and classmethod.

set -euo pipefail

HERE=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# A module, and the tests that are to notice its faults: few and fast, since a mutant meets all those that reach it.
MODULES=(
    "data/fingerprints   tests/data/test_fingerprints.py"
    "data/loading        tests/data/test_loading.py tests/data/test_fingerprints.py"
    "data/preparation    tests/data/test_preparation.py tests/data/test_loading.py"
    "data/shard          tests/data/test_shard.py"
    "kernels/blocks      tests/kernels/test_blocks.py"
    "parallel/fixed_point tests/parallel/test_fixed_point.py tests/parallel/test_exponents.py \
        tests/parallel/test_guesses.py"
    "parallel/layout     tests/parallel/test_layout.py tests/parallel/test_fixed_point.py"
    "parallel/reduction  tests/parallel/test_guesses.py tests/parallel/test_sums.py tests/parallel/test_sum_failures.py"
    "runs/checkpointing  tests/runs/test_checkpointing.py"
    "runs/resume         tests/runs/test_resume.py"
    "storage/checkpoint  tests/storage/test_checkpoint.py"
    "storage/files       tests/storage/test_files.py"
)
BROAD=( # left out, since they try very many cases
    tests/kernels/test_blocks.py::test_a_block_suits_the_machine
    tests/storage/test_files.py::test_a_bit_flipped_anywhere_is_found
    tests/storage/test_files.py::test_a_file_cut_short_anywhere_is_damaged
)
MARKERS="not mpi and not job and not batch" # tests in this process alone

jobs=$(nproc)
case ${1:-} in
-j) jobs=$2 && shift 2 ;;
-*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [[ $1 == -h || $1 == --help ]]
    exit
    ;;
esac

EXTRAS=(test lint examples mutation)
source "$HERE/environment.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

listed() { # WORDS...: as TOML writes a list's
    printf '"%s", ' "$@"
}

# mutate FUNCTION MODULE TESTS...: in a folder of its own, where mutmut reads its settings from pyproject.toml.
mutate() {
    local module=$2 chosen=()
    [[ ! $1 ]] || chosen=("distnn.${module//\//.}.x?${1/./ǁ}__mutmut_*") # as mutmut writes a method
    printf '\n== %s, by %s\n' "$module" "${*:3}"
    cd "$(mktemp -d -p "$work")"
    cp -r "$CHECKOUT"/{distnn,tests,launch,docs,README.md,pyproject.toml} .
    cat >>pyproject.toml <<EOF
[tool.mutmut]
source_paths = ["distnn"]
only_mutate = ["distnn/$module.py"]
also_copy = ["launch", "docs", "README.md"]
pytest_add_cli_args_test_selection = [$(listed "${@:3}")]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-m", "$MARKERS", $(listed "${BROAD[@]/#/--deselect=}")]
EOF
    if ! mutmut run --max-children "$jobs" "${chosen[@]}" >log 2>&1; then
        tail -n 50 log
        die "mutmut could not test the mutants of $module, see above."
    fi
    mutmut results --all true | sed '/: not checked$/d; s/^ *//' >"$work/results"
    while IFS=: read -r mutant status; do
        [[ $status =~ ^\ (killed|timeout|segfault)$ ]] || mutmut show "$mutant"
    done <"$work/results"
    awk -F ': ' -v module="$module" '
        { number[$2]++ }
        END {
            printf "%s: %d mutants", module, NR
            for (status in number) printf ", %d %s", number[status], status
            print ""
        }' "$work/results" | tee -a "$work/table"
}

for line in "${MODULES[@]}"; do
    read -ra words <<<"$line"
    (($#)) || (mutate '' "${words[@]}")
    for asked in "$@"; do
        IFS=: read -r name function <<<"$asked"
        case ${words[0]} in "$name" | "$name"/*) (mutate "$function" "${words[@]}") ;; esac
    done
done
[[ -e $work/table ]] || die "none of these is in the table of launch/mutate.sh: $*"
! grep -Eq 'survived|no tests|suspicious' "$work/table"
